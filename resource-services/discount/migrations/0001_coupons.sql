-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds, money is minor units.

CREATE TABLE coupons (
    id                TEXT   NOT NULL PRIMARY KEY,
    code              TEXT   NOT NULL,
    percent_bp        BIGINT CHECK (percent_bp BETWEEN 1 AND 10000),
    amount            BIGINT CHECK (amount > 0),
    min_subtotal      BIGINT CHECK (min_subtotal > 0),
    currency          TEXT   NOT NULL, -- of both amounts
    scope             TEXT   NOT NULL CHECK (scope IN ('all', 'courses', 'categories', 'instructor')),
    scope_ids         TEXT   NOT NULL, -- JSON: the courses or the categories
    instructor_id     TEXT,            -- whose courses, and whose coupon it is
    starts_at         BIGINT,
    ends_at           BIGINT CHECK (ends_at > starts_at),
    max_total         BIGINT CHECK (max_total > 0),
    per_user          BIGINT NOT NULL CHECK (per_user > 0),
    first_order_only  BIGINT NOT NULL CHECK (first_order_only IN (0, 1)),
    user_id           TEXT,            -- the only user who may use it
    status            TEXT   NOT NULL CHECK (status IN ('active', 'paused', 'archived')),
    reserved          BIGINT NOT NULL CHECK (reserved >= 0),
    redeemed          BIGINT NOT NULL CHECK (redeemed >= 0),
    version           BIGINT NOT NULL CHECK (version >= 1), -- of the terms; uses do not change it
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    CHECK ((percent_bp IS NULL) <> (amount IS NULL)),
    CHECK ((scope = 'instructor') = (instructor_id IS NOT NULL)),
    CHECK (reserved + redeemed <= max_total)
);
-- The code of an archived coupon is free again.
CREATE UNIQUE INDEX coupons_by_code ON coupons (code) WHERE status <> 'archived';
CREATE INDEX coupons_by_instructor ON coupons (instructor_id, id);
CREATE INDEX coupons_by_user ON coupons (user_id, id);

-- How many uses of a coupon a user holds or has made. Never more than per_user at the time of the reservation.
CREATE TABLE coupon_uses (
    coupon_id  TEXT   NOT NULL REFERENCES coupons (id),
    user_id    TEXT   NOT NULL,
    used       BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (coupon_id, user_id)
);
CREATE INDEX coupon_uses_by_user ON coupon_uses (user_id);

-- One row per order that ever named a coupon here, and the answer to repeated commands. `new` exists only within the
-- transaction that claims the row.
CREATE TABLE redemptions (
    order_id    TEXT   NOT NULL PRIMARY KEY,
    state       TEXT   NOT NULL CHECK (state IN ('new', 'reserved', 'committed', 'released', 'refused')),
    reason      TEXT,   -- of the refusal
    code        TEXT   NOT NULL,
    user_id     TEXT   NOT NULL,
    coupon_id   TEXT REFERENCES coupons (id), -- null where nothing was ever held
    amount      BIGINT CHECK (amount > 0),
    currency    TEXT,
    per_line    TEXT,   -- JSON
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    CHECK ((state = 'refused') = (reason IS NOT NULL)),
    CHECK (state NOT IN ('reserved', 'committed') OR coupon_id IS NOT NULL),
    CHECK ((coupon_id IS NULL) = (amount IS NULL))
);
CREATE INDEX redemptions_by_coupon ON redemptions (coupon_id, order_id);
CREATE INDEX redemptions_by_user ON redemptions (user_id);

-- Who has ordered before, for coupons of the first order. The row is also the lock of a user's reservations.
CREATE TABLE buyers (
    user_id     TEXT   NOT NULL PRIMARY KEY,
    ordered     TEXT,   -- the first order that was completed
    claimed_by  TEXT,   -- the order that holds a coupon of the first order
    erased_at   BIGINT  -- the user is deleted; nothing else is kept
);

-- Category and instructor of each course, as the catalog says.
CREATE TABLE courses (
    course_id      TEXT   NOT NULL PRIMARY KEY,
    category_id    TEXT   NOT NULL,
    instructor_id  TEXT   NOT NULL,
    version        BIGINT NOT NULL
);

-- Which codes a user has asked about. `refused_at` is null where the code was accepted.
CREATE TABLE asked_codes (
    user_id     TEXT   NOT NULL,
    code        TEXT   NOT NULL,
    address     TEXT,
    refused_at  BIGINT,
    asked_at    BIGINT NOT NULL,
    PRIMARY KEY (user_id, code)
);
CREATE INDEX asked_codes_by_refusal ON asked_codes (user_id, refused_at);
CREATE INDEX asked_codes_by_address ON asked_codes (address, refused_at);
CREATE INDEX asked_codes_by_age ON asked_codes (asked_at);

-- Locks: one row per user and per address that asks about a code for the first time.
CREATE TABLE askers (
    subject   TEXT   NOT NULL PRIMARY KEY,
    asked_at  BIGINT NOT NULL
);
CREATE INDEX askers_by_age ON askers (asked_at);

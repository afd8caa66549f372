-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds, money is minor units.

-- The last number of each year; its row is the lock of whoever takes the next one.
CREATE TABLE order_numbers (
    year  BIGINT NOT NULL PRIMARY KEY,
    last  BIGINT NOT NULL
);

CREATE TABLE orders (
    id              TEXT   NOT NULL PRIMARY KEY,
    number          TEXT   NOT NULL UNIQUE,
    buyer_id        TEXT   NOT NULL,
    basket_id       TEXT   NOT NULL,
    basket_version  BIGINT NOT NULL,
    terms           TEXT   NOT NULL, -- JSON; what was agreed never changes, only an erased buyer's address goes
    total           BIGINT NOT NULL CHECK (total >= 0),
    state           TEXT   NOT NULL,
    reason          TEXT,
    seats           TEXT   NOT NULL,
    coupon          TEXT   NOT NULL,
    payment         TEXT   NOT NULL,
    payment_id      TEXT,
    paid_wallet     BIGINT CHECK (paid_wallet >= 0),
    paid_card       BIGINT CHECK (paid_card >= 0),
    refund          TEXT,            -- JSON of the refund under way
    refunded        BIGINT NOT NULL CHECK (refunded >= 0 AND refunded <= total),
    refunded_card   BIGINT NOT NULL CHECK (refunded_card >= 0 AND refunded_card <= refunded),
    refunded_lines  TEXT   NOT NULL, -- JSON
    generation      BIGINT NOT NULL CHECK (generation >= 1),
    alerted_at      BIGINT,
    version         BIGINT NOT NULL CHECK (version >= 1),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    completed_at    BIGINT,
    CHECK ((paid_wallet IS NULL) = (paid_card IS NULL)),
    CHECK (state <> 'failed' OR (paid_wallet IS NULL AND reason IS NOT NULL)),
    CHECK (state <> 'cancelled' OR paid_wallet IS NULL),
    CHECK (state <> 'completed' OR (paid_wallet IS NOT NULL AND completed_at IS NOT NULL))
);
-- A basket becomes one order, however often it is sent; one that failed may be ordered again.
CREATE UNIQUE INDEX orders_by_live_basket ON orders (basket_id, basket_version)
    WHERE state NOT IN ('failed', 'cancelled');
CREATE INDEX orders_by_buyer ON orders (buyer_id);

-- What an order does when nobody answers.
CREATE TABLE order_timers (
    order_id  TEXT   NOT NULL REFERENCES orders (id),
    kind      TEXT   NOT NULL,
    due_at    BIGINT NOT NULL,
    attempt   BIGINT NOT NULL,
    PRIMARY KEY (order_id, kind)
);
CREATE INDEX order_timers_by_time ON order_timers (due_at);

-- The log of the saga: one row for every version of an order, never changed.
CREATE TABLE order_events (
    order_id    TEXT   NOT NULL REFERENCES orders (id),
    seq         BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    from_state  TEXT   NOT NULL,
    to_state    TEXT   NOT NULL,
    cause       TEXT   NOT NULL,
    actor       TEXT,
    data        TEXT   NOT NULL, -- JSON
    PRIMARY KEY (order_id, seq)
);

CREATE TABLE refunds (
    id            TEXT   NOT NULL PRIMARY KEY,
    order_id      TEXT   NOT NULL REFERENCES orders (id),
    lines         TEXT   NOT NULL, -- JSON
    amount        BIGINT NOT NULL CHECK (amount >= 0),
    recipient     TEXT   NOT NULL,
    reason        TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    review        TEXT,            -- why an administrator must decide; null if nobody must
    decided_by    TEXT,
    note          TEXT,
    requested_at  BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    CHECK (state <> 'requested' OR review IS NOT NULL)
);
CREATE INDEX refunds_by_order ON refunds (order_id, id);
CREATE INDEX refunds_by_state ON refunds (state, id);
-- One at a time: amounts and lines of two could not be told apart.
CREATE UNIQUE INDEX refunds_open ON refunds (order_id) WHERE state IN ('requested', 'approved');

-- Read tables. They are written with the order, and nothing decides by them.
CREATE TABLE order_summaries (
    order_id    TEXT   NOT NULL PRIMARY KEY REFERENCES orders (id),
    number      TEXT   NOT NULL,
    buyer_id    TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    reason      TEXT,
    line_count  BIGINT NOT NULL,
    total       BIGINT NOT NULL,
    currency    TEXT   NOT NULL,
    alerted_at  BIGINT,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX order_summaries_by_buyer ON order_summaries (buyer_id, order_id);
CREATE INDEX order_summaries_by_state ON order_summaries (state, order_id);
CREATE INDEX order_summaries_alerted ON order_summaries (order_id) WHERE alerted_at IS NOT NULL;

CREATE TABLE order_details (
    order_id  TEXT   NOT NULL PRIMARY KEY REFERENCES orders (id),
    buyer_id  TEXT   NOT NULL,
    body      TEXT   NOT NULL, -- JSON of everything but the lines
    version   BIGINT NOT NULL
);

-- As they were bought. What is shown beside the title is the course's name of now, if that is newer (course_titles).
CREATE TABLE order_lines (
    order_id       TEXT   NOT NULL REFERENCES orders (id),
    position       BIGINT NOT NULL,
    line_id        TEXT   NOT NULL,
    course_id      TEXT   NOT NULL,
    kind           TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    title_version  BIGINT NOT NULL,
    slug           TEXT   NOT NULL,
    instructor_id  TEXT   NOT NULL,
    unit_price     BIGINT NOT NULL,
    quantity       BIGINT NOT NULL,
    discount       BIGINT NOT NULL,
    tax            BIGINT NOT NULL,
    total          BIGINT NOT NULL,
    PRIMARY KEY (order_id, position)
);

-- What courses are called now, as the catalog told it.
CREATE TABLE course_titles (
    course_id  TEXT   NOT NULL PRIMARY KEY,
    title      TEXT   NOT NULL,
    version    BIGINT NOT NULL
);

-- When somebody last used up items, as inventory told it: a refund after that is a matter for a person.
CREATE TABLE consumed_items (
    owner_id     TEXT   NOT NULL,
    item_id      TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    consumed_at  BIGINT NOT NULL,
    PRIMARY KEY (owner_id, item_id)
);

-- Whose orders go under a pseudonym as soon as their sagas have ended.
CREATE TABLE erased_buyers (
    user_id    TEXT   NOT NULL PRIMARY KEY,
    pseudonym  TEXT   NOT NULL,
    erased_at  BIGINT NOT NULL
);

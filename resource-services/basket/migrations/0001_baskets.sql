-- One text for both engines. Instants are Unix milliseconds, money is minor units.

CREATE TABLE baskets (
    id           TEXT   NOT NULL PRIMARY KEY,
    -- `user:` and the subject, or `guest:` and the digest of the visitor's secret number.
    holder       TEXT   NOT NULL UNIQUE,
    coupon_code  TEXT,
    version      BIGINT NOT NULL CHECK (version >= 1),
    touched_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX baskets_by_expiry ON baskets (expires_at);

CREATE TABLE lines (
    basket_id   TEXT   NOT NULL REFERENCES baskets (id) ON DELETE CASCADE,
    course_id   TEXT   NOT NULL,
    quantity    BIGINT NOT NULL CHECK (quantity BETWEEN 1 AND 100),
    -- 1: kept for later, and not bought with the rest.
    saved       BIGINT NOT NULL CHECK (saved IN (0, 1)),
    price_seen  BIGINT NOT NULL CHECK (price_seen >= 0),
    added_at    BIGINT NOT NULL,
    PRIMARY KEY (basket_id, course_id)
);

-- What the catalog says of each course: the only source of titles and prices.
CREATE TABLE courses (
    course_id      TEXT   NOT NULL PRIMARY KEY,
    kind           TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    slug           TEXT   NOT NULL,
    category_id    TEXT   NOT NULL,
    instructor_id  TEXT   NOT NULL,
    price          BIGINT NOT NULL CHECK (price >= 0),
    -- 1: somebody may buy it.
    on_sale        BIGINT NOT NULL CHECK (on_sale IN (0, 1)),
    version        BIGINT NOT NULL
);

-- What inventory says is left; no row, or null: seats are not counted.
CREATE TABLE stock (
    course_id  TEXT   NOT NULL PRIMARY KEY,
    seats_left BIGINT,
    version    BIGINT NOT NULL
);

-- What inventory says of who owns which course.
CREATE TABLE owned (
    owner      TEXT   NOT NULL,
    course_id  TEXT   NOT NULL,
    quantity   BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (owner, course_id)
);

-- Orders whose lines have left the basket.
CREATE TABLE cleared_orders (
    order_id    TEXT   NOT NULL PRIMARY KEY,
    cleared_at  BIGINT NOT NULL
);

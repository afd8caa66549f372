-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds.
--
-- Transactions lock in this order: reservation, owner, stock (by item). Whatever one user owns or holds changes only
-- under the lock of the owner's row, and whatever is left of an item only under that of its stock.

-- What the catalog told about an item, and its seats. `capacity` is null where seats are not counted; `sold` and
-- `reserved` then stay 0, and the movements have the truth.
CREATE TABLE stock (
    item_id           TEXT   NOT NULL PRIMARY KEY,
    kind              TEXT   NOT NULL,
    instructor_id     TEXT   NOT NULL,
    title             TEXT   NOT NULL,
    slug              TEXT   NOT NULL,
    on_sale           BIGINT NOT NULL CHECK (on_sale IN (0, 1)),
    course_version    BIGINT NOT NULL, -- of the catalog's snapshot
    capacity          BIGINT CHECK (capacity >= 0),
    capacity_version  BIGINT NOT NULL CHECK (capacity_version >= 1), -- changes with the capacity alone
    sold              BIGINT NOT NULL CHECK (sold >= 0),
    reserved          BIGINT NOT NULL CHECK (reserved >= 0),
    version           BIGINT NOT NULL CHECK (version >= 1), -- of capacity, sold and reserved
    CHECK (sold + reserved <= capacity),
    CHECK (capacity IS NOT NULL OR (sold = 0 AND reserved = 0))
);

-- One row for each user who ever held or owned something: their lock, and that they are gone.
CREATE TABLE owners (
    id         TEXT NOT NULL PRIMARY KEY,
    erased_at  BIGINT
);

-- What became of an order here. `version` counts the answers to it.
CREATE TABLE reservations (
    order_id  TEXT   NOT NULL PRIMARY KEY,
    state     TEXT   NOT NULL,
    buyer     TEXT,
    held_at   BIGINT,
    ask_at    BIGINT, -- when the order is asked what to do with the hold
    version   BIGINT NOT NULL CHECK (version >= 1),
    CHECK (state NOT IN ('held', 'confirmed', 'released') OR buyer IS NOT NULL),
    CHECK (state <> 'held' OR (held_at IS NOT NULL AND ask_at IS NOT NULL))
);
CREATE INDEX reservations_to_ask ON reservations (ask_at) WHERE ask_at IS NOT NULL;

CREATE TABLE reservation_lines (
    order_id  TEXT   NOT NULL REFERENCES reservations (order_id),
    item_id   TEXT   NOT NULL REFERENCES stock (item_id),
    buyer     TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    quantity  BIGINT NOT NULL CHECK (quantity >= 1),
    held      BIGINT NOT NULL CHECK (held IN (0, 1)),
    granted   BIGINT NOT NULL CHECK (granted >= 0 AND granted <= quantity), -- less what was revoked
    PRIMARY KEY (order_id, item_id),
    CHECK (kind <> 'course' OR quantity = 1),
    CHECK (held = 0 OR granted = 0)
);
CREATE UNIQUE INDEX reservation_lines_one_hold ON reservation_lines (buyer, item_id)
    WHERE held = 1 AND kind = 'course';
CREATE INDEX reservation_lines_held ON reservation_lines (buyer, item_id) WHERE held = 1;

-- The answer to each step of an order, to be given again.
CREATE TABLE answers (
    order_id  TEXT NOT NULL REFERENCES reservations (order_id),
    step      TEXT NOT NULL, -- reserve, confirm, release, revoke:<refund>, regrant:<refund>
    type      TEXT NOT NULL,
    data      TEXT NOT NULL, -- JSON
    PRIMARY KEY (order_id, step)
);

CREATE TABLE owned_items (
    owner         TEXT   NOT NULL REFERENCES owners (id),
    item_id       TEXT   NOT NULL REFERENCES stock (item_id),
    kind          TEXT   NOT NULL,
    quantity      BIGINT NOT NULL CHECK (quantity >= 0),
    acquired_at   BIGINT NOT NULL,
    source        TEXT   NOT NULL,
    order_id      TEXT,
    revoked_at    BIGINT,
    lessons_done  TEXT   NOT NULL, -- JSON, sorted
    lesson_count  BIGINT NOT NULL, -- of lessons_done, for lists that do not read them
    version       BIGINT NOT NULL CHECK (version >= 1),
    PRIMARY KEY (owner, item_id),
    CHECK (kind <> 'course' OR quantity <= 1)
);
CREATE INDEX owned_items_by_age ON owned_items (owner, acquired_at, item_id);

-- Append-only: the sums of `sold` and `reserved` over an item are its seats, counted or not.
CREATE TABLE movements (
    id        TEXT   NOT NULL PRIMARY KEY,
    item_id   TEXT   NOT NULL REFERENCES stock (item_id),
    owner     TEXT   NOT NULL,
    order_id  TEXT,
    cause     TEXT   NOT NULL, -- held, released, confirmed, granted, revoked, regranted, consumed
    quantity  BIGINT NOT NULL CHECK (quantity >= 0),
    sold      BIGINT NOT NULL, -- the change
    reserved  BIGINT NOT NULL, -- the change
    reason    TEXT,            -- of a grant
    actor     TEXT,
    at        BIGINT NOT NULL
);
CREATE INDEX movements_by_item ON movements (item_id);

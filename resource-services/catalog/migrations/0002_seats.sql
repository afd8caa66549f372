-- What inventory told about the seats of items: whether a limited course has any before it is published, and how many
-- are left on its page.
CREATE TABLE seats (
    item_id   TEXT   NOT NULL PRIMARY KEY,
    capacity  BIGINT CHECK (capacity >= 0), -- null where seats are not counted
    taken     BIGINT NOT NULL CHECK (taken >= 0),
    version   BIGINT NOT NULL
);

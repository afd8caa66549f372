-- Nodes read which blocks have changed since they last looked, and not every block each second.

-- The number of the last change. It is drawn under this row's lock, so that changes are seen in their order.
CREATE TABLE block_changes (
    latest BIGINT NOT NULL
);
INSERT INTO block_changes (latest) VALUES (0);

-- The number of the change that has set or lifted the block of this row. The blocks of before have none: they last for a
-- quarter of an hour at most, and a node that does not know a block of an account finds it in its row.
ALTER TABLE throttles ADD COLUMN changed BIGINT;
CREATE INDEX throttles_changed ON throttles (changed) WHERE changed IS NOT NULL;
DROP INDEX throttles_blocked;

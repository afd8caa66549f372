-- Revocations have a log of their own. What is kept here goes out once more, so that it is in the new log as well;
-- whoever has it passes it over.
UPDATE outbox SET published_at = NULL;
-- A channel that is away leaves its rows here, and the other must not read through them.
CREATE INDEX outbox_waiting_type ON outbox (type, seq) WHERE published_at IS NULL;

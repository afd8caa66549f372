-- When a lesson was marked as done last: a certificate says so. Null where none is, and for what was done before.
ALTER TABLE owned_items ADD COLUMN learned_at BIGINT;

-- The secret that a client had before its own, and until when it still counts.
ALTER TABLE clients ADD COLUMN previous_key_id TEXT;
ALTER TABLE clients ADD COLUMN previous_hash TEXT;
ALTER TABLE clients ADD COLUMN previous_until BIGINT;

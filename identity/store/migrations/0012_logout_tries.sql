-- First tries and retries of a client are read apart, so that no first try waits behind retries.
CREATE INDEX logouts_first ON logouts (client_id, due_at) WHERE tries = 0;
CREATE INDEX logouts_again ON logouts (client_id, due_at) WHERE tries > 0;
DROP INDEX logouts_due;

-- What a registration must keep until it ends: the client whose request it was begun for, since the client may close its door
-- meanwhile, and whether its browser has shown a proof of work. A node of the release before leaves both out: then the
-- registration is nobody's, and waits for approval where work is asked for.
ALTER TABLE registrations ADD COLUMN client_id TEXT;
ALTER TABLE registrations ADD COLUMN worked BIGINT;

-- Who waits is listed, the longest first.
CREATE INDEX users_waiting ON users (approval_asked_at) WHERE approval_asked_at IS NOT NULL;

-- Work for one person does not grow with what they have stored: whatever is listed, counted or ended is found by an index,
-- a page at a time.

DROP INDEX families_user;
DROP INDEX families_session;
DROP INDEX families_client;
-- How many were born of late.
CREATE INDEX families_born ON families (user_id, client_id, created_at);
-- How many live that can be refreshed, and which is the oldest.
CREATE INDEX families_refreshing ON families (user_id, client_id, offline_at, created_at)
    WHERE revoked_at IS NULL AND mac_key_id IS NOT NULL;
-- What ends together.
CREATE INDEX families_session ON families (session_id, offline_at) WHERE revoked_at IS NULL;
CREATE INDEX families_granted ON families (user_id, client_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX families_client ON families (client_id, created_at) WHERE revoked_at IS NULL;
-- What a person sees.
CREATE INDEX families_unended ON families (user_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX families_ended ON families (user_id, created_at, id) WHERE revoked_at IS NOT NULL;
DROP INDEX sessions_user;
CREATE INDEX sessions_unended ON sessions (user_id, idle_expires_at, id) WHERE ended_at IS NULL;
CREATE INDEX grants_allowed ON grants (user_id, created_at, id) WHERE withdrawn_at IS NULL;
DROP INDEX sign_ins_user;
CREATE INDEX sign_ins_user ON sign_ins (user_id, at, id);
CREATE INDEX codes_unspent_person ON codes (user_id, client_id) WHERE spent_at IS NULL;

-- Families that end together and are more than one transaction ends. They are dead from the moment that this row is
-- there; a loop gives them their own end, a page at a time, and then takes the row away.
CREATE TABLE bulk_revocations (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    client_id  TEXT,
    -- Families that were born until then.
    before     BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    cause      TEXT NOT NULL,
    actor      TEXT NOT NULL,
    request_id TEXT NOT NULL,
    -- Until when guards must remember them, Unix seconds.
    until      BIGINT NOT NULL,
    pages      BIGINT NOT NULL
);

-- Single tokens are counted by who had them: the person, or nobody for a machine's own.
ALTER TABLE revocations ADD COLUMN user_id TEXT;
DROP INDEX revocations_client;
CREATE INDEX revocations_tokens ON revocations (client_id, user_id, until) WHERE kind = 'token';

-- Older tokens of a machine end without those of people at the same client.
ALTER TABLE clients ADD COLUMN machine_tokens_before BIGINT;

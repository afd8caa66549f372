-- What of a person is written for good is sealed under a key of their own: whoever destroys the key erases it.

CREATE TABLE person_keys (
    user_id     TEXT   NOT NULL PRIMARY KEY,
    -- Wrapped under the master key for this very row.
    wrapped_key TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);

-- Whose key seals the detail; absent where the detail is plain.
ALTER TABLE audit ADD COLUMN person TEXT;
CREATE INDEX audit_actor ON audit (actor, id);

-- A deletion that waits: asked for then, and carried out from then on.
ALTER TABLE users ADD COLUMN deletion_requested_at BIGINT;
ALTER TABLE users ADD COLUMN deletion_due_at BIGINT;
-- When the last row of a deleted user was swept up.
ALTER TABLE users ADD COLUMN erased_at BIGINT;
CREATE INDEX users_due ON users (deletion_due_at) WHERE deletion_due_at IS NOT NULL;
CREATE INDEX users_unswept ON users (deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;

-- User names and addresses of deleted accounts, as keyed hashes: nobody else gets them for a while.
CREATE TABLE tombstones (
    name_hash TEXT   NOT NULL PRIMARY KEY,
    until     BIGINT NOT NULL
);
CREATE INDEX tombstones_until ON tombstones (until);

CREATE TABLE exports (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    -- The session that asked for it, and alone can fetch it.
    session_id   TEXT   NOT NULL,
    -- waiting, ready
    state        TEXT   NOT NULL,
    locale       TEXT   NOT NULL,
    requested_at BIGINT NOT NULL,
    ready_at     BIGINT,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX exports_user ON exports (user_id, requested_at);
CREATE INDEX exports_waiting ON exports (requested_at) WHERE state = 'waiting';
CREATE INDEX exports_expired ON exports (expires_at);

-- The text of an export in pieces, each sealed under the key of its person.
CREATE TABLE export_parts (
    export_id TEXT   NOT NULL,
    part      BIGINT NOT NULL,
    sealed    TEXT   NOT NULL,
    PRIMARY KEY (export_id, part)
);

-- Work that one node does at a time.
CREATE TABLE leases (
    name  TEXT   NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);

CREATE TABLE passkeys (
    -- As the authenticator made it, in base64url: unique over all users.
    credential_id   TEXT NOT NULL PRIMARY KEY,
    user_id         TEXT NOT NULL,
    -- The domain that it is bound to; there is no way to move it to another.
    rp_id           TEXT NOT NULL,
    user_handle     TEXT NOT NULL,
    -- Its public key and how it was made, as JSON.
    data            TEXT NOT NULL,
    name            TEXT NOT NULL,
    aaguid          TEXT,
    transports      TEXT,
    -- 1 for yes: whether it may be synchronised, and whether it is.
    backup_eligible BIGINT NOT NULL,
    backup_state    BIGINT NOT NULL,
    -- 1 once it has verified its user.
    uv_initialized  BIGINT NOT NULL,
    -- The signature counter, and when it last rose. Most passkeys have none, and stay at 0.
    counter         BIGINT NOT NULL,
    counter_at      BIGINT,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT,
    last_used_on    TEXT,
    suspended_at    BIGINT
);
CREATE INDEX passkeys_user ON passkeys (user_id, created_at);
CREATE INDEX passkeys_rp ON passkeys (rp_id);

-- Whoever gave an authenticator up never comes back by it, at no account.
CREATE TABLE removed_passkeys (
    credential_digest TEXT NOT NULL PRIMARY KEY,
    removed_at        BIGINT NOT NULL
);

-- How many challenges of a request have been used: the next one is another.
ALTER TABLE authorization_requests ADD COLUMN challenges BIGINT NOT NULL DEFAULT 0;

-- When the user was last asked to make a passkey.
ALTER TABLE users ADD COLUMN passkey_asked_at BIGINT;

CREATE INDEX session_proofs_credential ON session_proofs (credential) WHERE credential <> '';

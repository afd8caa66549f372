-- Logout tokens that were obeyed, until they expire: each acts once.
CREATE TABLE logout_tokens (
    jti        TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX logout_tokens_expiry ON logout_tokens (expires_at);

-- What browsers are known by; sealed, and found by the hash of their cookie alone.
CREATE TABLE sessions (
    id_hash    TEXT NOT NULL PRIMARY KEY,
    sealed     TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- A person who is signed in. While the row is there they are; a session that still names a row that is gone is nobody's.
CREATE TABLE logins (
    id             TEXT NOT NULL PRIMARY KEY,
    sub            TEXT NOT NULL,
    sid            TEXT,
    sealed_refresh TEXT NOT NULL,
    sealed_hint    TEXT NOT NULL,
    scope          TEXT NOT NULL,
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX logins_sid ON logins (sid);
CREATE INDEX logins_sub ON logins (sub);

-- One access token for each audience.
CREATE TABLE tokens (
    login_id   TEXT NOT NULL,
    audience   TEXT NOT NULL,
    sealed     TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (login_id, audience)
);

-- Instants are Unix milliseconds and flags are times; a null time has not happened. JSON is text.

-- Counts every change of what nodes keep in memory: clients, resources, keys. Its lock makes such changes take turns.
CREATE TABLE registry (
    id       BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO registry (id, revision) VALUES (1, 0);

CREATE TABLE clients (
    id            TEXT NOT NULL PRIMARY KEY,
    metadata      TEXT NOT NULL,
    secret_key_id TEXT,
    secret_hash   TEXT,
    disabled_at   BIGINT,
    tokens_before BIGINT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL
);

CREATE TABLE resources (
    identifier TEXT NOT NULL PRIMARY KEY,
    metadata   TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid             TEXT NOT NULL PRIMARY KEY,
    alg             TEXT NOT NULL,
    public_jwk      TEXT NOT NULL,
    wrapped_private TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    activates_at    BIGINT NOT NULL,
    revoked_at      BIGINT
);

-- MAC and cookie secrets, wrapped under the master key.
CREATE TABLE secrets (
    id         TEXT NOT NULL PRIMARY KEY,
    purpose    TEXT NOT NULL,
    wrapped    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

CREATE TABLE users (
    id                  TEXT NOT NULL PRIMARY KEY,
    username            TEXT NOT NULL,
    username_canonical  TEXT NOT NULL UNIQUE,
    email               TEXT NOT NULL,
    email_canonical     TEXT NOT NULL UNIQUE,
    email_verified_at   BIGINT,
    password_hash       TEXT,
    password_changed_at BIGINT,
    roles               TEXT NOT NULL,
    claims              TEXT NOT NULL,
    disabled_at         BIGINT,
    locked_at           BIGINT,
    deleted_at          BIGINT,
    tokens_before       BIGINT,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL,
    version             BIGINT NOT NULL
);

CREATE TABLE sessions (
    id              TEXT NOT NULL PRIMARY KEY,
    secret_hash     TEXT NOT NULL UNIQUE,
    user_id         TEXT NOT NULL,
    auth_time       BIGINT NOT NULL,
    acr             TEXT,
    amr             TEXT,
    acr_source      TEXT,
    device          TEXT,
    created_at      BIGINT NOT NULL,
    last_seen_at    BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    cause           TEXT
);
CREATE INDEX sessions_user ON sessions (user_id);

-- One stored, parsed authorization request: login, consent, PAR, JAR, device and step-up read it.
CREATE TABLE authorization_requests (
    id             TEXT NOT NULL PRIMARY KEY,
    client_id      TEXT NOT NULL,
    parsed         TEXT NOT NULL,
    origin         TEXT NOT NULL,
    client_profile TEXT,
    confirmation   TEXT,
    browser_hash   TEXT,
    session_id     TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    finished_at    BIGINT
);
CREATE INDEX authorization_requests_expiry ON authorization_requests (expires_at);

-- What a person allowed a client.
CREATE TABLE grants (
    id                    TEXT NOT NULL PRIMARY KEY,
    user_id               TEXT NOT NULL,
    client_id             TEXT NOT NULL,
    scope                 TEXT NOT NULL,
    resources             TEXT NOT NULL,
    authorization_details TEXT,
    created_at            BIGINT NOT NULL,
    updated_at            BIGINT NOT NULL,
    withdrawn_at          BIGINT,
    UNIQUE (user_id, client_id)
);

CREATE TABLE codes (
    code_hash             TEXT NOT NULL PRIMARY KEY,
    client_id             TEXT NOT NULL,
    client_profile        TEXT,
    user_id               TEXT NOT NULL,
    session_id            TEXT,
    grant_id              TEXT NOT NULL,
    family_id             TEXT,
    redirect_uri          TEXT NOT NULL,
    scope                 TEXT NOT NULL,
    resources             TEXT NOT NULL,
    authorization_details TEXT,
    code_challenge        TEXT,
    nonce                 TEXT,
    confirmation          TEXT,
    actor                 TEXT,
    acr                   TEXT,
    amr                   TEXT,
    acr_source            TEXT,
    auth_time             BIGINT NOT NULL,
    created_at            BIGINT NOT NULL,
    expires_at            BIGINT NOT NULL,
    spent_at              BIGINT
);
CREATE INDEX codes_expiry ON codes (expires_at);

-- One row per refresh family: no token is ever stored (design: refresh token).
CREATE TABLE families (
    id                    TEXT NOT NULL PRIMARY KEY,
    handle                TEXT NOT NULL UNIQUE,
    fam                   TEXT NOT NULL UNIQUE,
    salt                  TEXT NOT NULL,
    client_id             TEXT NOT NULL,
    client_profile        TEXT,
    user_id               TEXT NOT NULL,
    session_id            TEXT,
    sid                   TEXT,
    grant_id              TEXT,
    scope                 TEXT NOT NULL,
    resources             TEXT NOT NULL,
    authorization_details TEXT,
    confirmation          TEXT,
    actor                 TEXT,
    acr                   TEXT,
    amr                   TEXT,
    acr_source            TEXT,
    auth_time             BIGINT,
    generation            BIGINT NOT NULL,
    mac_key_id            TEXT,
    previous_mac_key_id   TEXT,
    rotated_at            BIGINT,
    last_used_at          BIGINT,
    overlap_hits          BIGINT NOT NULL,
    overlap_streak        BIGINT NOT NULL,
    offline_at            BIGINT,
    device                TEXT,
    created_at            BIGINT NOT NULL,
    idle_expires_at       BIGINT,
    expires_at            BIGINT,
    revoked_at            BIGINT,
    cause                 TEXT
);
CREATE INDEX families_session ON families (session_id);
CREATE INDEX families_user ON families (user_id);
CREATE INDEX families_client ON families (client_id);

-- What has ended and must be remembered until nothing that it ends can be accepted any more.
CREATE TABLE revocations (
    kind          TEXT NOT NULL,
    subject       TEXT NOT NULL,
    client_id     TEXT,
    audience      TEXT,
    before        BIGINT,
    until         BIGINT NOT NULL,
    cause         TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX revocations_until ON revocations (until);
CREATE INDEX revocations_client ON revocations (client_id, kind, until);

CREATE TABLE throttles (
    id            TEXT NOT NULL PRIMARY KEY,
    window_start  BIGINT NOT NULL,
    failures      BIGINT NOT NULL,
    blocked_until BIGINT
);
CREATE INDEX throttles_blocked ON throttles (blocked_until);

CREATE TABLE audit (
    id         TEXT NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    subject    TEXT NOT NULL,
    request_id TEXT,
    detail     TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);

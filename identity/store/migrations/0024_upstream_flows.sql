-- Sign-ins that are under way at other providers. One answer each.

CREATE TABLE upstream_flows (
    state_hash   TEXT   NOT NULL PRIMARY KEY,
    provider     TEXT   NOT NULL,
    browser_hash TEXT   NOT NULL,
    -- The name of the request in addresses, which its browser alone can open; absent when an account is connected.
    request      TEXT,
    -- Whose account is connected, and the session in which that was begun. Every row is deleted minutes after it expires.
    -- personal: user_id, session_id, posted
    user_id      TEXT,
    session_id   TEXT,
    -- 1 when somebody has to show anew who they are.
    fresh        BIGINT NOT NULL,
    -- The nonce and the code verifier, sealed.
    secrets      TEXT   NOT NULL,
    -- What the provider has posted from its own site, sealed: the code, and a name that it tells but once.
    posted       TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    used_at      BIGINT
);
CREATE INDEX upstream_flows_expires ON upstream_flows (expires_at);

-- Which access token was exchanged for which (RFC 8693): what ends the one ends the other.
CREATE TABLE exchanges (
    child_jti        TEXT PRIMARY KEY,
    parent_jti       TEXT NOT NULL,
    parent_client_id TEXT NOT NULL,
    client_id        TEXT NOT NULL,
    user_id          TEXT NOT NULL,
    audience         TEXT NOT NULL,
    exp              BIGINT NOT NULL
);
CREATE INDEX exchanges_parent ON exchanges (parent_jti);
CREATE INDEX exchanges_parent_client ON exchanges (parent_client_id);
CREATE INDEX exchanges_exp ON exchanges (exp);

-- Sign-ins whose code went to the issuer, until nobody would send it any more: a code is sent once.
CREATE TABLE used_flows (
    id_hash    TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_flows_expiry ON used_flows (expires_at);

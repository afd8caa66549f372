CREATE TABLE idempotency (
    client       TEXT NOT NULL,
    sub          TEXT NOT NULL,
    route        TEXT NOT NULL,
    key          TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status       BIGINT,
    location     TEXT,
    etag         TEXT,
    body         TEXT,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (client, sub, route, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

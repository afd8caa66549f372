-- The test processor's own memory. A real one is another company with another database: nothing of ours refers to it.

CREATE TABLE test_processor_account (
    id                  BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    webhook_secret      TEXT   NOT NULL,
    fingerprint_secret  TEXT   NOT NULL
);

CREATE TABLE test_processor_cards (
    reference    TEXT   NOT NULL PRIMARY KEY,
    behavior     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);

-- Everything it was asked, by key: the same key gets the same answer.
CREATE TABLE test_processor_operations (
    key         TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    about       TEXT   NOT NULL, -- the key of the authorization; its own for an authorization
    behavior    TEXT   NOT NULL,
    amount      BIGINT NOT NULL CHECK (amount >= 0),
    outcome     TEXT   NOT NULL, -- JSON
    ready_at    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX test_processor_operations_about ON test_processor_operations (about);

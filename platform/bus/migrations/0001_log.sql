-- One row: its lock makes the order of positions the order of commits.
CREATE TABLE bus_state (
    id       BIGINT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    epoch    TEXT NOT NULL
);
CREATE TABLE bus_log (
    position      BIGINT NOT NULL PRIMARY KEY,
    event_id      TEXT NOT NULL UNIQUE,
    type          TEXT NOT NULL,
    partition_key TEXT NOT NULL,
    envelope      TEXT NOT NULL,
    appended_at   BIGINT NOT NULL
);
CREATE INDEX bus_log_type ON bus_log (type, position);
CREATE INDEX bus_log_appended ON bus_log (appended_at);
CREATE TABLE bus_group (
    name       TEXT NOT NULL PRIMARY KEY,
    position   BIGINT NOT NULL,
    holder     TEXT,
    held_until BIGINT
);
-- Deliveries that failed: waiting for their next attempt, or parked for a person to look at.
CREATE TABLE bus_failed (
    consumer        TEXT NOT NULL,
    event_id        TEXT NOT NULL,
    type            TEXT NOT NULL,
    envelope        TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    first_at        BIGINT NOT NULL,
    last_at         BIGINT NOT NULL,
    last_error      TEXT NOT NULL,
    next_attempt_at BIGINT,
    parked_at       BIGINT,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX bus_failed_due ON bus_failed (consumer, next_attempt_at) WHERE parked_at IS NULL;

-- Grows while all that a service committed is published.
CREATE TABLE bus_beat (
    source TEXT NOT NULL PRIMARY KEY,
    beat   BIGINT NOT NULL
);

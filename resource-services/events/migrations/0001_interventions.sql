-- What administrators have done about dead letters: written before anything is done, finished once, never deleted.
CREATE TABLE interventions (
    id            TEXT NOT NULL PRIMARY KEY,
    action        TEXT NOT NULL CHECK (action IN ('redrive', 'redrive_all', 'discard')),
    -- Of one letter, or of all that a consumer has; all of every consumer without it.
    consumer      TEXT,
    event_id      TEXT,
    event_type    TEXT,
    -- Why a letter is discarded.
    reason        TEXT,
    requested_by  TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL DEFAULT 0,
    finished_at   BIGINT,
    outcome       TEXT CHECK (outcome IN ('done', 'absent', 'failed')),
    letters       BIGINT NOT NULL DEFAULT 0 CHECK (letters >= 0),
    CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CHECK (action = 'redrive_all' OR (consumer IS NOT NULL AND event_id IS NOT NULL)),
    CHECK (action <> 'discard' OR reason IS NOT NULL)
);
CREATE INDEX interventions_open ON interventions (id) WHERE finished_at IS NULL;

-- OpenID Connect Back-Channel Logout: whoever took tokens in a session is told when somebody has ended it.

-- An ended session without it has clients that are to be told. Whatever ends sessions need not know of it.
ALTER TABLE sessions ADD COLUMN told_at BIGINT;
UPDATE sessions SET told_at = ended_at WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_untold ON sessions (ended_at, id) WHERE ended_at IS NOT NULL AND told_at IS NULL;
-- Who took tokens in a session, whether they live or not, and by which name they know it.
CREATE INDEX families_of_session ON families (session_id, client_id, sid);

-- A client that is still to be told of a session. The token is made for each try and is not here.
CREATE TABLE logouts (
    client_id TEXT NOT NULL,
    -- The session, as the client knows it.
    sid       TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    begun_at  BIGINT NOT NULL,
    tries     BIGINT NOT NULL,
    -- When it is tried next. Whoever tries moves it first, so that nobody else tries meanwhile.
    due_at    BIGINT NOT NULL,
    -- Counts the ends: a try for an earlier one says nothing about the last.
    ends      BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (client_id, sid)
);
CREATE INDEX logouts_due ON logouts (client_id, due_at);

-- Proofs that act once: a jti that is here was used.
CREATE TABLE replays (
    -- What kind of proof, and by whom: one name never hides that of another.
    kind     TEXT NOT NULL,
    owner    TEXT NOT NULL,
    jti_hash TEXT NOT NULL,
    -- The last instant at which the proof could pass, what clocks may differ by included.
    until    BIGINT NOT NULL,
    PRIMARY KEY (kind, owner, jti_hash)
);
CREATE INDEX replays_until ON replays (until);

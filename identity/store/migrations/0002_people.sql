-- Sign-in, codes and families come to life; nothing that is there changes its meaning.

ALTER TABLE families ADD COLUMN hit_generation BIGINT;
ALTER TABLE families ADD COLUMN late_answer_at BIGINT;

ALTER TABLE codes ADD COLUMN sid TEXT;
ALTER TABLE codes ADD COLUMN device TEXT;
CREATE INDEX codes_session ON codes (session_id);
CREATE INDEX codes_family ON codes (family_id);

-- What the person has done so far for this request.
ALTER TABLE authorization_requests ADD COLUMN step TEXT;

CREATE INDEX grants_client ON grants (client_id);

-- The sign-in history that people see.
CREATE TABLE sign_ins (
    id         TEXT NOT NULL PRIMARY KEY,
    user_id    TEXT NOT NULL,
    session_id TEXT,
    at         BIGINT NOT NULL,
    outcome    TEXT NOT NULL,
    device     TEXT
);
CREATE INDEX sign_ins_user ON sign_ins (user_id, at);

-- The installation itself: a restore from a backup gives it another epoch, and the latest instant that any node has
-- seen tells when a clock was set back.
CREATE TABLE installation (
    id     BIGINT NOT NULL PRIMARY KEY,
    epoch  BIGINT NOT NULL,
    latest BIGINT NOT NULL
);
INSERT INTO installation (id, epoch, latest) VALUES (1, 1, 0);

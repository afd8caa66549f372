-- Second steps of a sign-in, and sessions that are kept.

-- Authenticator apps. A row is there from the first right code on.
CREATE TABLE totp (
    id             TEXT   NOT NULL PRIMARY KEY,
    user_id        TEXT   NOT NULL,
    -- Wrapped under the master key for this very row.
    wrapped_secret TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    -- The step of the last code that counted. A code counts once, and no earlier one counts after it.
    last_step      BIGINT NOT NULL,
    confirmed_at   BIGINT NOT NULL,
    last_used_at   BIGINT
);
CREATE INDEX totp_user ON totp (user_id);

-- One set for a user: a new one replaces all of it.
CREATE TABLE recovery_codes (
    user_id    TEXT   NOT NULL,
    set_id     TEXT   NOT NULL,
    code_hash  TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT,
    PRIMARY KEY (user_id, code_hash)
);

-- Browsers that need no second step for a while. Another credential epoch of the user ends them all.
CREATE TABLE remembered_devices (
    id          TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL,
    secret_hash TEXT   NOT NULL UNIQUE,
    device      TEXT,
    epoch       BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX remembered_devices_user ON remembered_devices (user_id);
CREATE INDEX remembered_devices_expires ON remembered_devices (expires_at);

-- Since when too many wrong codes after the password close its second step to unknown browsers. A later
-- password_changed_at opens it, whichever release has written that.
ALTER TABLE users ADD COLUMN second_closed_at BIGINT;

-- 1 when the user asked to stay signed in: the session is idle for as long as it lasts.
ALTER TABLE sessions ADD COLUMN kept BIGINT NOT NULL DEFAULT 0;
-- Until when the user put off the second step that policy asks for.
ALTER TABLE sessions ADD COLUMN later_until BIGINT;

-- Ways back into an account, and changes of what it is reached by.

CREATE TABLE recoveries (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    -- The browser in which the mailed link was used: the rest happens there.
    browser_hash TEXT   NOT NULL,
    -- mail, admin, or admin_lost where the administrator says that the second step is lost
    begun        TEXT   NOT NULL,
    -- The credential epoch of its user: a change of what they sign in with ends it.
    epoch        BIGINT NOT NULL,
    -- What was shown, by names.
    shown        TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    -- The delay, where there is one, and how many notices were sent of it.
    waits_since  BIGINT,
    ready_at     BIGINT,
    notices      BIGINT NOT NULL,
    stopped_at   BIGINT,
    finished_at  BIGINT
);
CREATE INDEX recoveries_browser ON recoveries (browser_hash, started_at);
CREATE INDEX recoveries_user ON recoveries (user_id, started_at);
CREATE INDEX recoveries_expired ON recoveries (expires_at);

-- When a change of address was last undone, and the address that the user had until then: for a while one of both
-- mailboxes may be a stranger's, and both are told of recoveries.
ALTER TABLE users ADD COLUMN email_undone_at BIGINT;
ALTER TABLE users ADD COLUMN email_undone TEXT;

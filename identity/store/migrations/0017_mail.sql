-- Mails, from the transaction that causes one to the relay; and what a mailed code or link proves, once.

CREATE TABLE mail (
    -- Also its Message-ID: a mail that is sent twice arrives as the same one.
    id         TEXT NOT NULL PRIMARY KEY,
    purpose    TEXT NOT NULL,
    user_id    TEXT,
    -- A keyed hash of the mailbox, for mails that anybody can cause.
    mailbox    TEXT,
    -- Recipient and arguments, sealed; gone once it is sent, expired or kept no longer.
    sealed     TEXT,
    locale     TEXT NOT NULL,
    -- queued, sent, dead, expired, kept
    state      TEXT NOT NULL,
    attempts   BIGINT NOT NULL,
    -- When it is tried next. Whoever tries moves it on first: until then the try is theirs alone.
    next_at    BIGINT NOT NULL,
    expires_at BIGINT,
    -- Why the last try failed: a class, never what the relay said.
    error      TEXT,
    created_at BIGINT NOT NULL,
    sent_at    BIGINT
);
CREATE INDEX mail_due ON mail (next_at) WHERE state = 'queued';
CREATE INDEX mail_mailbox ON mail (mailbox, created_at);
CREATE INDEX mail_sent ON mail (sent_at);
CREATE INDEX mail_created ON mail (created_at, id);

CREATE TABLE one_time_proofs (
    token_hash   TEXT NOT NULL PRIMARY KEY,
    purpose      TEXT NOT NULL,
    subject      TEXT NOT NULL,
    address      TEXT,
    bound        TEXT,
    epoch        BIGINT,
    code_hash    TEXT,
    tries        BIGINT NOT NULL,
    browser_hash TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    spent_at     BIGINT
);
CREATE INDEX one_time_proofs_subject ON one_time_proofs (purpose, subject);
CREATE INDEX one_time_proofs_expired ON one_time_proofs (expires_at);

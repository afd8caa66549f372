-- Registration of people. Nobody reserves an address or a name by beginning one: a user exists only once the address is
-- proved.

CREATE TABLE registrations (
    id              TEXT NOT NULL PRIMARY KEY,
    browser_hash    TEXT NOT NULL,
    email           TEXT NOT NULL,
    -- Not unique: as many may begin with one address as want to, and one may finish.
    email_canonical TEXT NOT NULL,
    -- The name of the request in addresses, which its browser alone can open.
    request         TEXT,
    invitation_id   TEXT,
    locale          TEXT NOT NULL,
    terms_version   TEXT,
    name_tries      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    proved_at       BIGINT,
    finished_at     BIGINT
);
CREATE INDEX registrations_browser ON registrations (browser_hash, created_at);
CREATE INDEX registrations_expired ON registrations (expires_at);

CREATE TABLE invitations (
    id         TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    -- The address that it is for, as written and in canonical form; absent when whoever has the link may use it.
    email      TEXT,
    email_canonical TEXT,
    -- 1 when our mail alone has carried the link.
    mailed     BIGINT NOT NULL,
    roles      TEXT NOT NULL,
    locale     TEXT NOT NULL,
    max_uses   BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    inviter    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX invitations_expired ON invitations (expires_at);

CREATE TABLE terms_acceptances (
    user_id     TEXT NOT NULL,
    version     TEXT NOT NULL,
    locale      TEXT NOT NULL,
    accepted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, version)
);

-- Whoever waits for approval is disabled as well, so that nodes of the release before let nobody in.
ALTER TABLE users ADD COLUMN approval_asked_at BIGINT;
ALTER TABLE users ADD COLUMN approved_at BIGINT;
-- The language of mails.
ALTER TABLE users ADD COLUMN locale TEXT;

-- The dotless i is an i in user names, as every other spelling of one. A name that would meet another stays as it is.
UPDATE users SET username_canonical = REPLACE(username_canonical, 'ı', 'i')
WHERE username_canonical LIKE '%ı%'
  AND (SELECT COUNT(*) FROM users o
       WHERE REPLACE(o.username_canonical, 'ı', 'i') = REPLACE(users.username_canonical, 'ı', 'i')) = 1;

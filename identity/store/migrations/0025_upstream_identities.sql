-- Accounts of other providers that users sign in with. Who it is there is the issuer and the subject, and never an address.
CREATE TABLE upstream_identities (
    id           TEXT NOT NULL PRIMARY KEY,
    -- The provider, by its name in the configuration.
    provider     TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    -- personal: subject, label
    user_id      TEXT NOT NULL,
    -- What its owner recognises it by: a masked address or name.
    label        TEXT,
    linked_at    BIGINT NOT NULL,
    last_used_at BIGINT,
    UNIQUE (provider, issuer, subject),
    -- One account of each provider.
    UNIQUE (user_id, provider)
);

-- The sessions there in which somebody signed in here: their provider may end one of them. A proof of a session here has
-- the same identity and the same time.
CREATE TABLE upstream_sign_ins (
    identity_id TEXT NOT NULL,
    at          BIGINT NOT NULL,
    sid         TEXT NOT NULL,
    PRIMARY KEY (identity_id, at, sid)
);
CREATE INDEX upstream_sign_ins_at ON upstream_sign_ins (at);

-- What a provider has said and a user has not confirmed: an account to connect, or one to make. It belongs to one browser,
-- and is used once.
CREATE TABLE upstream_arrivals (
    id              TEXT NOT NULL PRIMARY KEY,
    browser_hash    TEXT NOT NULL,
    -- 'link' or 'register'.
    purpose         TEXT NOT NULL,
    provider        TEXT NOT NULL,
    issuer          TEXT NOT NULL,
    subject         TEXT NOT NULL,
    -- Of a link: the user and the session that have begun it.
    -- personal: subject, said
    user_id         TEXT,
    session_id      TEXT,
    -- Of a registration whose address a mail has to prove.
    registration_id TEXT,
    -- The request that it is for, by its name in addresses.
    request         TEXT,
    -- What the provider has said, as JSON.
    said            TEXT NOT NULL,
    name_tries      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    used_at         BIGINT
);
CREATE INDEX upstream_arrivals_browser ON upstream_arrivals (browser_hash, created_at);
CREATE INDEX upstream_arrivals_at ON upstream_arrivals (provider, issuer, subject);
CREATE INDEX upstream_arrivals_registration ON upstream_arrivals (registration_id);
CREATE INDEX upstream_arrivals_user ON upstream_arrivals (user_id);
CREATE INDEX upstream_arrivals_expired ON upstream_arrivals (expires_at);

-- The class that the operator gives a provider's word.
ALTER TABLE session_proofs ADD COLUMN acr TEXT;

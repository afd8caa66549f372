-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds, money is minor units of the shop's
-- only currency.

-- The credits of each user. What is held for an order is part of the balance until it is taken or released.
CREATE TABLE wallets (
    user_id    TEXT   NOT NULL PRIMARY KEY,
    balance    BIGINT NOT NULL CHECK (balance >= 0 AND balance <= 1000000000000),
    held       BIGINT NOT NULL CHECK (held >= 0),
    closed_at  BIGINT,          -- since the user was erased
    version    BIGINT NOT NULL CHECK (version >= 0),
    CHECK (held <= balance)
);

-- Every movement, never changed. `key` says what it is for, so that nothing moves twice.
CREATE TABLE wallet_entries (
    id          TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES wallets (user_id),
    version     BIGINT NOT NULL, -- of the wallet after it
    kind        TEXT   NOT NULL,
    amount      BIGINT NOT NULL CHECK (amount > 0),
    balance     BIGINT NOT NULL CHECK (balance >= 0), -- after it
    held        BIGINT NOT NULL CHECK (held >= 0),    -- after it
    order_id    TEXT,
    key         TEXT   NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    UNIQUE (user_id, version)
);

-- Cards by what the processor calls them. No number and no CVC is ever here.
CREATE TABLE cards (
    id           TEXT   NOT NULL PRIMARY KEY,
    owner_id     TEXT   NOT NULL,
    reference    TEXT   NOT NULL UNIQUE, -- the processor's
    brand        TEXT   NOT NULL,
    last4        TEXT   NOT NULL,
    exp_month    BIGINT NOT NULL,
    exp_year     BIGINT NOT NULL,
    fingerprint  TEXT   NOT NULL,        -- the processor's: the same for the same number
    created_at   BIGINT NOT NULL,
    UNIQUE (owner_id, fingerprint)
);

-- Payments of orders, and top-ups of wallets. An order whose void came first has a row without an amount.
CREATE TABLE payments (
    id              TEXT   NOT NULL PRIMARY KEY,
    order_id        TEXT   UNIQUE,   -- null for a top-up
    buyer_id        TEXT   NOT NULL, -- empty when the void came first
    amount          BIGINT NOT NULL CHECK (amount >= 0),
    wallet_part     BIGINT NOT NULL CHECK (wallet_part >= 0),
    card_part       BIGINT NOT NULL CHECK (card_part >= 0),
    card_reference  TEXT,
    card_brand      TEXT,
    card_last4      TEXT,
    state           TEXT   NOT NULL,
    reason          TEXT,
    refunded        BIGINT NOT NULL CHECK (refunded >= 0),      -- and what is being refunded
    card_refunded   BIGINT NOT NULL CHECK (card_refunded >= 0), -- of that, to the card
    fee             BIGINT NOT NULL CHECK (fee >= 0),
    expires_at      BIGINT,          -- of the buyer's confirmation
    captured_at     BIGINT,
    version         BIGINT NOT NULL CHECK (version >= 1),
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    CHECK (wallet_part + card_part <= amount),
    CHECK (refunded <= amount AND card_refunded <= card_part AND card_refunded <= refunded),
    CHECK (card_part = 0 OR card_reference IS NOT NULL)
);
CREATE INDEX payments_by_buyer ON payments (buyer_id, id);

CREATE TABLE refunds (
    id           TEXT   NOT NULL PRIMARY KEY, -- the order's number of the refund
    order_id     TEXT   NOT NULL,
    payment_id   TEXT,
    amount       BIGINT NOT NULL,
    card_part    BIGINT NOT NULL CHECK (card_part >= 0),
    wallet_part  BIGINT NOT NULL CHECK (wallet_part >= 0),
    target       TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    reason       TEXT,
    attempts     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX refunds_by_payment ON refunds (payment_id);

-- What an order asked last of each step, and what it was told: the same question gets the same answer.
CREATE TABLE replies (
    order_id    TEXT NOT NULL,
    step        TEXT NOT NULL,
    command_id  TEXT NOT NULL,
    type        TEXT,
    payload     TEXT,
    PRIMARY KEY (order_id, step)
);

-- What the processor is to do, written before it is asked. `next_at` is when to ask, or until when whoever is asking
-- has the row to itself.
CREATE TABLE operations (
    key             TEXT   NOT NULL PRIMARY KEY, -- also the key by which the processor knows it
    kind            TEXT   NOT NULL,
    payment_id      TEXT,
    refund_id       TEXT,
    card_reference  TEXT,
    approve         BIGINT CHECK (approve IN (0, 1)), -- the buyer's answer
    attempts        BIGINT NOT NULL,
    claimed         BIGINT NOT NULL CHECK (claimed IN (0, 1)),
    next_at         BIGINT NOT NULL,
    done_at         BIGINT
);
CREATE INDEX operations_due ON operations (done_at, next_at);

-- Credits that administrators give. Above a limit a second one must agree.
CREATE TABLE grants (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL,
    amount        BIGINT NOT NULL CHECK (amount > 0),
    reason        TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    requested_by  TEXT   NOT NULL,
    approved_by   TEXT,
    created_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL CHECK (version >= 1)
);

-- Events of the processor that have been received.
CREATE TABLE processor_events (
    id           TEXT   NOT NULL PRIMARY KEY,
    received_at  BIGINT NOT NULL
);
CREATE INDEX processor_events_received ON processor_events (received_at);

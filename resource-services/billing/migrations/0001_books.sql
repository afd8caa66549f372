-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds, money is minor units.
--
-- Transactions lock in this order: buyers, invoice_buyers, document_numbers, journal_head.

-- The last number of each series and year; its row is the lock of whoever takes the next one.
CREATE TABLE document_numbers (
    series  TEXT   NOT NULL,
    year    BIGINT NOT NULL,
    last    BIGINT NOT NULL CHECK (last >= 1),
    PRIMARY KEY (series, year)
);

-- One row for each buyer: their lock, and the name under which the documents of an erased one are kept.
CREATE TABLE buyers (
    id         TEXT NOT NULL PRIMARY KEY,
    pseudonym  TEXT
);

-- Whose invoice it is: the only part that changes, when the buyer's account is erased. Also the lock of an order.
CREATE TABLE invoice_buyers (
    order_id    TEXT NOT NULL PRIMARY KEY,
    invoice_id  TEXT NOT NULL UNIQUE,
    buyer_id    TEXT NOT NULL
);
CREATE INDEX invoice_buyers_by_buyer ON invoice_buyers (buyer_id, invoice_id);

-- Append-only (0002).
CREATE TABLE invoices (
    id         TEXT   NOT NULL PRIMARY KEY,
    number     TEXT   NOT NULL UNIQUE,
    order_id   TEXT   NOT NULL UNIQUE,
    issued_at  BIGINT NOT NULL,
    currency   TEXT   NOT NULL,
    total      BIGINT NOT NULL CHECK (total >= 0),
    body       TEXT   NOT NULL -- JSON of everything that is printed
);

-- Append-only (0002).
CREATE TABLE credit_notes (
    id          TEXT   NOT NULL PRIMARY KEY,
    number      TEXT   NOT NULL UNIQUE,
    invoice_id  TEXT   NOT NULL REFERENCES invoices (id),
    order_id    TEXT   NOT NULL,
    refund_id   TEXT   NOT NULL UNIQUE,
    issued_at   BIGINT NOT NULL,
    total       BIGINT NOT NULL CHECK (total >= 0),
    body        TEXT   NOT NULL -- JSON of everything that is printed
);
CREATE INDEX credit_notes_by_invoice ON credit_notes (invoice_id, id);

-- The last entry; its row is the lock of whoever writes the next one.
CREATE TABLE journal_head (
    id    BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq   BIGINT NOT NULL,
    hash  TEXT   NOT NULL
);
INSERT INTO journal_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Append-only (0002).
CREATE TABLE journal_entries (
    seq              BIGINT NOT NULL PRIMARY KEY CHECK (seq >= 1),
    id               TEXT   NOT NULL UNIQUE,
    at               BIGINT NOT NULL,
    kind             TEXT   NOT NULL,
    source_event_id  TEXT   NOT NULL UNIQUE,
    business_key     TEXT   NOT NULL UNIQUE,
    memo             TEXT   NOT NULL,
    currency         TEXT   NOT NULL,
    prev_hash        TEXT   NOT NULL,
    hash             TEXT   NOT NULL
);

-- Append-only (0002).
CREATE TABLE journal_lines (
    seq       BIGINT NOT NULL REFERENCES journal_entries (seq),
    position  BIGINT NOT NULL,
    account   BIGINT NOT NULL,
    party     TEXT,            -- the instructor of a payable
    debit     BIGINT NOT NULL CHECK (debit >= 0),
    credit    BIGINT NOT NULL CHECK (credit >= 0),
    PRIMARY KEY (seq, position),
    CHECK ((debit = 0) <> (credit = 0))
);
CREATE INDEX journal_lines_by_account ON journal_lines (account, seq);
CREATE INDEX journal_lines_by_party ON journal_lines (party, account) WHERE party IS NOT NULL;

-- Read tables.

-- What instructors sold, and what of it went back: one row for each line of an invoice or a credit note.
CREATE TABLE instructor_sales (
    document_id    TEXT   NOT NULL,
    line_id        TEXT   NOT NULL,
    instructor_id  TEXT   NOT NULL,
    kind           TEXT   NOT NULL, -- sale, refund
    at             BIGINT NOT NULL,
    month          TEXT   NOT NULL, -- 2026-11
    number         TEXT   NOT NULL,
    course_id      TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    quantity       BIGINT NOT NULL,
    amount         BIGINT NOT NULL CHECK (amount >= 0), -- without tax
    share          BIGINT NOT NULL CHECK (share >= 0),
    PRIMARY KEY (document_id, line_id)
);
CREATE INDEX instructor_sales_by_time ON instructor_sales (instructor_id, at, document_id, line_id);

-- The balance of each wallet, as payment told it last.
CREATE TABLE wallet_balances (
    user_id  TEXT   NOT NULL PRIMARY KEY,
    balance  BIGINT NOT NULL CHECK (balance >= 0),
    version  BIGINT NOT NULL
);

-- What payment took, to be compared with what orders say was paid.
CREATE TABLE captures (
    payment_id  TEXT   NOT NULL PRIMARY KEY,
    order_id    TEXT   NOT NULL,
    wallet      BIGINT NOT NULL CHECK (wallet >= 0),
    card        BIGINT NOT NULL CHECK (card >= 0),
    fee         BIGINT NOT NULL CHECK (fee >= 0)
);

-- Sums that differ, and since when.
CREATE TABLE drifts (
    name    TEXT   NOT NULL PRIMARY KEY,
    amount  BIGINT NOT NULL,
    since   BIGINT NOT NULL
);

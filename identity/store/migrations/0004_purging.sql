-- What runs out is found without a look at everything that has not. Of codes only those that nobody has redeemed are ever
-- looked for other than by their hash, and there are few of them.
DROP INDEX codes_expiry;
DROP INDEX codes_session;
DROP INDEX codes_family;
CREATE INDEX codes_unspent ON codes (expires_at) WHERE spent_at IS NULL;
CREATE INDEX throttles_window ON throttles (window_start);

-- What runs out is found without a look at everything that has not.
DROP INDEX codes_expiry;
CREATE INDEX codes_unspent ON codes (expires_at) WHERE spent_at IS NULL;
CREATE INDEX throttles_window ON throttles (window_start);

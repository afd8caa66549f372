-- The session in which a passkey was made: that one may go on without showing it.
ALTER TABLE passkeys ADD COLUMN made_in TEXT;

-- When a password was set that is so short that it stands beside a second step alone: the time of its change, or else it is
-- about an earlier one.
ALTER TABLE users ADD COLUMN short_password_at BIGINT;

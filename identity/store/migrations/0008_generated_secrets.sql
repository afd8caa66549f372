-- When a client's secret was made at random: it cannot be guessed, and passes where guesses are throttled. Of the secrets that
-- are there already nobody knows who chose them.
ALTER TABLE clients ADD COLUMN secret_generated_at BIGINT;

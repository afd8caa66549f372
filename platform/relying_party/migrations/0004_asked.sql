-- What a sign-in asked the issuer for: names with spaces between them. Of sign-ins from before it is not known.
ALTER TABLE logins ADD COLUMN asked_resources TEXT NOT NULL DEFAULT '';
ALTER TABLE logins ADD COLUMN asked_scope TEXT NOT NULL DEFAULT '';

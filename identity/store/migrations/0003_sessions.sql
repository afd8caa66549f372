-- What codes and families have already, for the work to come: a sign-in at a second device, in somebody's name, or with a
-- key of its own.
ALTER TABLE sessions ADD COLUMN confirmation TEXT;
ALTER TABLE sessions ADD COLUMN actor TEXT;
ALTER TABLE sessions ADD COLUMN authorization_details TEXT;
ALTER TABLE sessions ADD COLUMN grant_id TEXT;
ALTER TABLE sessions ADD COLUMN client_profile TEXT;

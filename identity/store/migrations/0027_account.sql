-- What a user reads about their account, the last first: sessions that have ended, and what was recorded about them.
CREATE INDEX sessions_ended ON sessions (user_id, ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX audit_subject ON audit (subject, at, id);
CREATE INDEX audit_consents ON audit (actor, at, id) WHERE kind IN ('consent.given', 'consent.withdrawn');

-- People of other systems. Until their first sign-in their password is a hash of the other system, in users.password_hash;
-- a node of the release before compares with none of these.

-- What one comparison with such a hash costs, so that unknown names can cost the same. It counts only while the hash
-- itself is still of another system: whoever sets a new password need not know of it.
ALTER TABLE users ADD COLUMN foreign_work TEXT;
CREATE INDEX users_foreign_work ON users (foreign_work) WHERE foreign_work IS NOT NULL;

-- The signer key of a Firebase project, wrapped under the master key, is kept with the import that brought it.
CREATE TABLE imports (
    id                 TEXT NOT NULL PRIMARY KEY,
    source             TEXT NOT NULL,
    wrapped_signer_key TEXT,
    started_at         BIGINT NOT NULL,
    finished_at        BIGINT
);

-- Who was imported, by a MAC of their id in the other system: a second run finds them, also after they were deleted.
CREATE TABLE imported_people (
    digest    TEXT NOT NULL PRIMARY KEY,
    import_id TEXT NOT NULL,
    user_id   TEXT NOT NULL
);

-- What a session's class rests on: each thing that its user proved. A session of before has none, and rests on the
-- password alone.
CREATE TABLE session_proofs (
    session_id TEXT NOT NULL,
    method     TEXT NOT NULL,
    -- What it was proved with, where a user may have several; otherwise empty.
    credential TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (session_id, method, credential)
);

-- What was proved for a request before its session exists.
ALTER TABLE authorization_requests ADD COLUMN proofs TEXT;

-- 16 random bytes by which authenticators know a user: not the sub, which clients know, and one for all passkeys.
ALTER TABLE users ADD COLUMN user_handle TEXT;
CREATE UNIQUE INDEX users_handle ON users (user_handle) WHERE user_handle IS NOT NULL;

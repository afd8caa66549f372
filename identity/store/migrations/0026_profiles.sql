-- The pictures of profiles: one of each user, under a name that tells nothing; and what requests ask of profiles.

CREATE TABLE profile_pictures (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- personal: id, content
    user_id    TEXT   NOT NULL,
    mime       TEXT   NOT NULL,
    -- Base64: at most some 100 kB.
    content    TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX profile_pictures_user ON profile_pictures (user_id);

-- The names of the claims that the request asks for in the ID token, with spaces between them.
ALTER TABLE codes ADD COLUMN claims TEXT;

-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds.
--
-- Transactions lock in this order: use, owner, photo, files by their names.

-- The number of photos of each user, which is also the lock for their quota.
CREATE TABLE owners (
    id      TEXT   NOT NULL PRIMARY KEY,
    photos  BIGINT NOT NULL CHECK (photos BETWEEN 0 AND 500)
);

CREATE TABLE photos (
    id            TEXT   NOT NULL PRIMARY KEY,
    owner         TEXT   NOT NULL REFERENCES owners (id),
    sha256        TEXT   NOT NULL, -- of what was uploaded
    mime          TEXT   NOT NULL, -- of what was uploaded
    width         BIGINT NOT NULL, -- upright
    height        BIGINT NOT NULL,
    bytes         BIGINT NOT NULL,
    refs          BIGINT NOT NULL CHECK (refs >= 0), -- courses that show it
    unused_since  BIGINT,
    CHECK ((refs = 0) = (unused_since IS NOT NULL)),
    UNIQUE (owner, sha256)
);
CREATE INDEX photos_unused ON photos (unused_since, id) WHERE unused_since IS NOT NULL;

-- The files in the store. A row is there before its file and goes after it, so that no file is forgotten. Two photos
-- with equal content share their files.
CREATE TABLE files (
    name          TEXT   NOT NULL PRIMARY KEY, -- the SHA-256 of the content
    refs          BIGINT NOT NULL CHECK (refs >= 0), -- rows of variants
    unused_since  BIGINT,
    leaving_at    BIGINT, -- when its removal began: from then on it cannot be used again
    CHECK ((refs = 0) = (unused_since IS NOT NULL)),
    CHECK (leaving_at IS NULL OR refs = 0)
);
CREATE INDEX files_unused ON files (unused_since, name) WHERE unused_since IS NOT NULL;

CREATE TABLE variants (
    photo_id  TEXT NOT NULL REFERENCES photos (id),
    variant   TEXT NOT NULL,
    mime      TEXT NOT NULL,
    file      TEXT NOT NULL REFERENCES files (name),
    PRIMARY KEY (photo_id, variant)
);

-- What each course shows, if it is a photo of its instructor.
CREATE TABLE uses (
    course_id  TEXT   NOT NULL PRIMARY KEY,
    version    BIGINT NOT NULL,
    photo_id   TEXT
);

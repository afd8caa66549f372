-- One text for both engines: BIGINT and TEXT alone. Instants are Unix milliseconds, money is minor units.

CREATE TABLE categories (
    id         TEXT   NOT NULL PRIMARY KEY,
    parent_id  TEXT   REFERENCES categories (id),
    name       TEXT   NOT NULL,
    slug       TEXT   NOT NULL UNIQUE,
    position   BIGINT NOT NULL,
    version    BIGINT NOT NULL CHECK (version >= 1)
);
CREATE INDEX categories_by_parent ON categories (parent_id);

-- One row: the ETag of the whole list, and the lock by which writers of the tree wait for each other.
CREATE TABLE category_tree (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version  BIGINT NOT NULL
);
INSERT INTO category_tree (id, version) VALUES (1, 1);

-- What identity told us about those who teach; the name is read from here, never copied into a course.
CREATE TABLE instructors (
    user_id       TEXT   NOT NULL PRIMARY KEY,
    display_name  TEXT   NOT NULL,
    version       BIGINT NOT NULL
);

CREATE TABLE courses (
    id              TEXT   NOT NULL PRIMARY KEY,
    kind            TEXT   NOT NULL,
    instructor_id   TEXT   NOT NULL,
    category_id     TEXT   REFERENCES categories (id),
    title           TEXT   NOT NULL,
    slug            TEXT   NOT NULL UNIQUE,
    subtitle        TEXT   NOT NULL,
    description_md  TEXT   NOT NULL,
    language        TEXT   NOT NULL,
    level           TEXT   NOT NULL,
    outcomes        TEXT   NOT NULL, -- JSON
    requirements    TEXT   NOT NULL, -- JSON
    sections        TEXT   NOT NULL, -- JSON
    lesson_count    BIGINT NOT NULL, -- of sections, for lists that do not read them
    minutes         BIGINT NOT NULL, -- of sections
    price           BIGINT CHECK (price >= 0),
    list_price      BIGINT CHECK (list_price >= price),
    currency        TEXT,
    limited         BIGINT NOT NULL CHECK (limited IN (0, 1)),
    status          TEXT   NOT NULL,
    version         BIGINT NOT NULL CHECK (version >= 1),
    search          TEXT   NOT NULL, -- folded in Rust, because the engines fold differently
    title_key       TEXT   NOT NULL, -- hex of the folded title: every collation sorts it alike
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    published_at    BIGINT,          -- the first time; "newest" is sorted by it
    CHECK ((price IS NULL) = (currency IS NULL)),
    CHECK (list_price IS NULL OR price IS NOT NULL)
);
CREATE INDEX courses_by_age ON courses (status, published_at, id);
CREATE INDEX courses_by_title ON courses (status, title_key, id);
CREATE INDEX courses_by_price ON courses (status, price, id);
CREATE INDEX courses_by_instructor ON courses (instructor_id, updated_at, id);
CREATE INDEX courses_by_category ON courses (category_id);

-- Every slug that was ever public, so that an old link leads to its course and to no other.
CREATE TABLE slugs (
    slug       TEXT NOT NULL PRIMARY KEY,
    course_id  TEXT NOT NULL
);
CREATE INDEX slugs_by_course ON slugs (course_id);

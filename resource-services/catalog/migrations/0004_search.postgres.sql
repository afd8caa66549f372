-- The place of a course in the index: later publications have greater numbers. Null until it is first published.
ALTER TABLE courses ADD COLUMN seq BIGINT;
CREATE UNIQUE INDEX courses_by_seq ON courses (seq);

-- The words of published courses (`domain/words.rs`), by `courses.seq`. They are folded and separated there, so that
-- this engine and the other find alike: no text search configuration takes part.
CREATE TABLE course_index (
    rowid  BIGINT   NOT NULL PRIMARY KEY,
    words  TSVECTOR NOT NULL
);
CREATE INDEX course_index_by_word ON course_index USING GIN (words);

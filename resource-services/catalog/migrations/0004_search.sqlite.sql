-- The place of a course in the index: later publications have greater numbers. Null until it is first published.
ALTER TABLE courses ADD COLUMN seq BIGINT;
CREATE UNIQUE INDEX courses_by_seq ON courses (seq);

-- The words of published courses (`domain/words.rs`), by `courses.seq`. They are folded and separated there, so that
-- this engine and the other find alike: the tokenizer only splits at spaces.
CREATE VIRTUAL TABLE course_index USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, prefix = '2 3 4', tokenize = 'ascii'
);

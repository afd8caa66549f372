-- How many lessons of a course somebody has done, as inventory told it: a refund after too many is a matter for a person.
CREATE TABLE learned_courses (
    owner_id   TEXT   NOT NULL,
    course_id  TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    lessons    BIGINT NOT NULL CHECK (lessons >= 0),
    PRIMARY KEY (owner_id, course_id)
);

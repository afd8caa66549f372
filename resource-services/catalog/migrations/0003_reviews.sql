-- The sum and the number of stars are those of the reviews, changed in the same transaction. `rating_version` counts the
-- changes, `rating_score` sorts by them: see `domain/review.rs`.
ALTER TABLE courses ADD COLUMN rating_sum BIGINT NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN rating_count BIGINT NOT NULL DEFAULT 0
    CHECK (rating_count >= 0 AND rating_sum >= rating_count AND rating_sum <= 5 * rating_count);
ALTER TABLE courses ADD COLUMN rating_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE courses ADD COLUMN rating_score BIGINT NOT NULL DEFAULT 0;
CREATE INDEX courses_by_rating ON courses (status, rating_score, id);

-- Who owns what, as inventory told: only owners write reviews.
CREATE TABLE owned (
    owner     TEXT   NOT NULL,
    item_id   TEXT   NOT NULL,
    quantity  BIGINT NOT NULL CHECK (quantity >= 0),
    version   BIGINT NOT NULL,
    PRIMARY KEY (owner, item_id)
);

CREATE TABLE reviews (
    id          TEXT   NOT NULL PRIMARY KEY,
    course_id   TEXT   NOT NULL REFERENCES courses (id),
    user_id     TEXT   NOT NULL,
    stars       BIGINT NOT NULL CHECK (stars BETWEEN 1 AND 5),
    text        TEXT   NOT NULL,
    name        TEXT   NOT NULL, -- as its author signed it; empty if they did not
    version     BIGINT NOT NULL CHECK (version >= 1),
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (course_id, user_id)
);
CREATE INDEX reviews_by_age ON reviews (course_id, created_at, id);
CREATE INDEX reviews_by_stars ON reviews (course_id, stars);
CREATE INDEX reviews_by_user ON reviews (user_id);

-- The photo of a course. Photos belong to another service, which tells when one is deleted.
ALTER TABLE courses ADD COLUMN photo_id TEXT;
CREATE INDEX courses_by_photo ON courses (photo_id) WHERE photo_id IS NOT NULL;

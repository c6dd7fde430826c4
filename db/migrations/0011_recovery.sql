CREATE TABLE decision_loss (
  id INTEGER PRIMARY KEY,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  found_at TEXT NOT NULL,
  CHECK (first_id <= last_id)
) STRICT;

CREATE TABLE damaged_image (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  reason TEXT NOT NULL,
  found_at TEXT NOT NULL
) STRICT;

-- A note may be about a person. The remarks of an image that was removed for good are removed too.
DROP TRIGGER remark_is_never_deleted;
CREATE TRIGGER remark_is_never_deleted BEFORE DELETE ON remark
WHEN NOT EXISTS (SELECT 1 FROM image i JOIN tombstone t ON t.digest = i.digest WHERE i.id = OLD.image_id)
BEGIN SELECT RAISE(ABORT, 'remark is append-only: append a row that is off instead of deleting one'); END;

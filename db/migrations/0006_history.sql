-- How a class looks and is told apart, and where its images went when it was merged into another.
ALTER TABLE class ADD COLUMN colour TEXT CHECK (colour GLOB '#[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]');
ALTER TABLE class ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE class ADD COLUMN merged_into_id INTEGER REFERENCES class(id);

-- A name that a class had before. Images that arrive under it land in the class, unless another bears the name now.
CREATE TABLE class_alias (
  name TEXT PRIMARY KEY,
  class_id INTEGER NOT NULL REFERENCES class(id)
) STRICT, WITHOUT ROWID;
CREATE INDEX class_alias_class ON class_alias(class_id);

-- Images that show what is typical of a class.
CREATE TABLE class_example (
  class_id INTEGER NOT NULL REFERENCES class(id),
  position INTEGER NOT NULL,
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (class_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX class_example_image ON class_example(image_id);

-- What a step made of a class: merged into another, or standing for itself again. Undo restores what was before.
CREATE TABLE class_merge (
  id INTEGER PRIMARY KEY,
  step_id INTEGER NOT NULL REFERENCES step(id),
  class_id INTEGER NOT NULL REFERENCES class(id),
  merged_into_id INTEGER REFERENCES class(id),
  is_retired INTEGER NOT NULL CHECK (is_retired IN (0, 1)),
  was_merged_into_id INTEGER REFERENCES class(id),
  was_retired INTEGER NOT NULL CHECK (was_retired IN (0, 1))
) STRICT;
CREATE INDEX class_merge_step ON class_merge(step_id);

CREATE TRIGGER class_merge_is_never_updated BEFORE UPDATE ON class_merge
BEGIN SELECT RAISE(ABORT, 'class_merge is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER class_merge_is_never_deleted BEFORE DELETE ON class_merge
BEGIN SELECT RAISE(ABORT, 'class_merge is append-only: append an undo instead of deleting a row'); END;

-- Steps that one step took back together: everything that a reviewer did since a moment.
CREATE TABLE step_taken_back (
  step_id INTEGER NOT NULL REFERENCES step(id),
  undone_step_id INTEGER NOT NULL REFERENCES step(id),
  PRIMARY KEY (step_id, undone_step_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX step_taken_back_undone ON step_taken_back(undone_step_id);

CREATE INDEX step_actor_when ON step(actor, made_at);
CREATE INDEX decision_class ON decision(class_id, step_id);

-- What was removed for good, by right: its bytes are refused wherever they come from. Decisions about it stay, and hold no picture.
CREATE TABLE tombstone (
  digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
  reason TEXT NOT NULL DEFAULT '',
  actor TEXT NOT NULL,
  forgotten_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where a file lay is never forgotten, but for the one image that must be: a path can name a person.
DROP TRIGGER origin_move_is_never_deleted;
CREATE TRIGGER origin_move_is_never_deleted BEFORE DELETE ON origin_move
WHEN NOT EXISTS (SELECT 1 FROM origin o JOIN image i ON i.id = o.image_id JOIN tombstone t ON t.digest = i.digest WHERE o.id = OLD.origin_id)
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: where a file lay is never forgotten'); END;

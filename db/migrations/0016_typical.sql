-- A remark can mark an image as typical of a class. The table is written anew: a CHECK cannot be altered.
CREATE TABLE remark_of_four_kinds (
  id INTEGER PRIMARY KEY,
  event_id TEXT UNIQUE,
  step_id INTEGER NOT NULL REFERENCES step(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  kind TEXT NOT NULL CHECK (kind IN ('tag', 'note', 'also', 'typical')),
  value TEXT NOT NULL DEFAULT '',
  class_id INTEGER REFERENCES class(id),
  is_on INTEGER NOT NULL CHECK (is_on IN (0, 1)),
  actor TEXT NOT NULL,
  made_at TEXT NOT NULL,
  CHECK ((kind IN ('also', 'typical')) = (class_id IS NOT NULL))
) STRICT;
INSERT INTO remark_of_four_kinds SELECT id, event_id, step_id, image_id, kind, value, class_id, is_on, actor, made_at FROM remark;

-- The examples of an earlier version were stored without an event: they get one, so that replaying the remarks gives them.
INSERT INTO step (actor, kind, made_at)
  SELECT 'import:earlier version', 'import', strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE EXISTS (SELECT 1 FROM class_example);
INSERT INTO remark_of_four_kinds (step_id, image_id, kind, class_id, is_on, actor, made_at)
  SELECT (SELECT MAX(id) FROM step), image_id, 'typical', class_id, 1, 'import:earlier version', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  FROM class_example ORDER BY class_id, position;

DROP TABLE remark;
ALTER TABLE remark_of_four_kinds RENAME TO remark;
CREATE INDEX remark_image ON remark(image_id, kind, id);
CREATE INDEX remark_step ON remark(step_id, id);

CREATE TRIGGER remark_is_never_updated BEFORE UPDATE ON remark
BEGIN SELECT RAISE(ABORT, 'remark is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER remark_is_never_deleted BEFORE DELETE ON remark
WHEN NOT EXISTS (SELECT 1 FROM image i JOIN tombstone t ON t.digest = i.digest WHERE i.id = OLD.image_id)
BEGIN SELECT RAISE(ABORT, 'remark is append-only: append a row that is off instead of deleting one'); END;
CREATE TRIGGER remark_sets_a_tag AFTER INSERT ON remark WHEN NEW.kind = 'tag' AND NEW.is_on = 1
BEGIN INSERT INTO image_tag (tag, image_id) VALUES (NEW.value, NEW.image_id) ON CONFLICT DO NOTHING; END;
CREATE TRIGGER remark_takes_a_tag_off AFTER INSERT ON remark WHEN NEW.kind = 'tag' AND NEW.is_on = 0
BEGIN DELETE FROM image_tag WHERE tag = NEW.value AND image_id = NEW.image_id; END;
CREATE TRIGGER remark_sets_a_note AFTER INSERT ON remark WHEN NEW.kind = 'note' AND NEW.is_on = 1
BEGIN
  INSERT INTO image_note (image_id, note) VALUES (NEW.image_id, NEW.value) ON CONFLICT DO UPDATE SET note = excluded.note;
END;
CREATE TRIGGER remark_takes_a_note_off AFTER INSERT ON remark WHEN NEW.kind = 'note' AND NEW.is_on = 0
BEGIN DELETE FROM image_note WHERE image_id = NEW.image_id; END;
CREATE TRIGGER remark_adds_a_class AFTER INSERT ON remark WHEN NEW.kind = 'also' AND NEW.is_on = 1
BEGIN INSERT INTO also_shows (image_id, class_id) VALUES (NEW.image_id, NEW.class_id) ON CONFLICT DO NOTHING; END;
CREATE TRIGGER remark_takes_a_class_off AFTER INSERT ON remark WHEN NEW.kind = 'also' AND NEW.is_on = 0
BEGIN DELETE FROM also_shows WHERE image_id = NEW.image_id AND class_id = NEW.class_id; END;

-- The newest mark comes last.
CREATE TRIGGER remark_makes_an_image_typical AFTER INSERT ON remark WHEN NEW.kind = 'typical' AND NEW.is_on = 1
BEGIN
  INSERT INTO class_example (class_id, position, image_id)
    SELECT NEW.class_id, COALESCE((SELECT MAX(position) + 1 FROM class_example WHERE class_id = NEW.class_id), 0), NEW.image_id
    WHERE NOT EXISTS (SELECT 1 FROM class_example WHERE class_id = NEW.class_id AND image_id = NEW.image_id);
END;
CREATE TRIGGER remark_makes_an_image_less_typical AFTER INSERT ON remark WHEN NEW.kind = 'typical' AND NEW.is_on = 0
BEGIN DELETE FROM class_example WHERE class_id = NEW.class_id AND image_id = NEW.image_id; END;

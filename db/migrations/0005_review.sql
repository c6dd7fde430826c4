-- What people say of an image beside its label ----------------------------------------------------

-- A tag, a note, or another class that the image also shows. The newest row of a matter counts.
CREATE TABLE remark (
  id INTEGER PRIMARY KEY,
  event_id TEXT UNIQUE,
  step_id INTEGER NOT NULL REFERENCES step(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  kind TEXT NOT NULL CHECK (kind IN ('tag', 'note', 'also')),
  value TEXT NOT NULL DEFAULT '',
  class_id INTEGER REFERENCES class(id),
  is_on INTEGER NOT NULL CHECK (is_on IN (0, 1)),
  actor TEXT NOT NULL,
  made_at TEXT NOT NULL,
  CHECK ((kind = 'also') = (class_id IS NOT NULL))
) STRICT;
CREATE INDEX remark_image ON remark(image_id, kind, id);
CREATE INDEX remark_step ON remark(step_id, id);

CREATE TRIGGER remark_is_never_updated BEFORE UPDATE ON remark
BEGIN SELECT RAISE(ABORT, 'remark is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER remark_is_never_deleted BEFORE DELETE ON remark
BEGIN SELECT RAISE(ABORT, 'remark is append-only: append a row that is off instead of deleting one'); END;

-- What holds now, kept by the triggers below; replaying the remarks gives it.
CREATE TABLE image_tag (
  tag TEXT NOT NULL CHECK (tag <> ''),
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (tag, image_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_tag_image ON image_tag(image_id, tag);

CREATE TABLE image_note (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  note TEXT NOT NULL CHECK (note <> '')
) STRICT;

CREATE TABLE also_shows (
  image_id INTEGER NOT NULL REFERENCES image(id),
  class_id INTEGER NOT NULL REFERENCES class(id),
  PRIMARY KEY (image_id, class_id)
) STRICT, WITHOUT ROWID;

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

-- A queue with its filters, under a name.
CREATE TABLE saved_view (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  queue TEXT NOT NULL,
  filters TEXT NOT NULL CHECK (json_valid(filters)),
  actor TEXT NOT NULL,
  saved_at TEXT NOT NULL
) STRICT;

-- What a queue needs to answer at once, however many images there are ------------------------------

-- In which queue the newest decision was made: a judgement there settles the image there.
ALTER TABLE image_state ADD COLUMN judged_in TEXT;
UPDATE image_state SET judged_in = (SELECT d.basis ->> '$.queue' FROM decision d WHERE d.id = image_state.decision_id)
  WHERE decision_id IS NOT NULL;

DROP TRIGGER decision_becomes_the_state;
CREATE TRIGGER decision_becomes_the_state AFTER INSERT ON decision
BEGIN
  UPDATE image_state SET decision_id = NEW.id, verdict = NEW.verdict, class_id = NEW.class_id,
    is_reviewed = NEW.is_reviewed, reason = NEW.reason, actor = NEW.actor, decided_at = NEW.decided_at,
    judged_in = NEW.basis ->> '$.queue'
  WHERE image_id = NEW.image_id;
END;

CREATE INDEX image_state_in_class ON image_state(class_id, image_id, verdict, is_reviewed);
CREATE INDEX image_state_by_people ON image_state(decision_id) WHERE actor GLOB 'human:*';
CREATE INDEX image_added_year ON image(substr(added_at, 1, 4));
CREATE INDEX image_added_month ON image(substr(added_at, 1, 7));
CREATE INDEX image_added_day ON image(substr(added_at, 1, 10));
CREATE INDEX image_measure_taken_year ON image_measure(substr(taken_at, 1, 4)) WHERE taken_at IS NOT NULL;
CREATE INDEX image_measure_taken_month ON image_measure(substr(taken_at, 1, 7)) WHERE taken_at IS NOT NULL;
CREATE INDEX image_measure_taken_day ON image_measure(substr(taken_at, 1, 10)) WHERE taken_at IS NOT NULL;
CREATE INDEX origin_source ON origin(source, image_id);
CREATE INDEX snapshot_item_split ON snapshot_item(snapshot_id, split, image_id);
CREATE INDEX image_issue_score_in_order ON image_issue_score(kind, image_id, score);
CREATE INDEX prediction_unsure ON prediction(run_id, confidence, image_id) WHERE is_out_of_sample = 1;
CREATE INDEX prediction_disagrees ON prediction(run_id, confidence, image_id)
  WHERE is_out_of_sample = 1 AND predicted_label <> given_label;
CREATE INDEX run_done ON run(id) WHERE state = 'done';

-- How many images are in each state: counting a million rows at every key would cost a tenth of a second.
CREATE TABLE state_count (
  class_id INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  is_reviewed INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (class_id, verdict, is_reviewed)
) STRICT, WITHOUT ROWID;
INSERT INTO state_count SELECT COALESCE(class_id, 0), verdict, is_reviewed, COUNT(*) FROM image_state GROUP BY 1, 2, 3;

CREATE TRIGGER a_new_state_is_counted AFTER INSERT ON image_state
BEGIN
  INSERT INTO state_count (class_id, verdict, is_reviewed, n) VALUES (COALESCE(NEW.class_id, 0), NEW.verdict, NEW.is_reviewed, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER a_changed_state_is_counted AFTER UPDATE OF class_id, verdict, is_reviewed ON image_state
WHEN NEW.class_id IS NOT OLD.class_id OR NEW.verdict <> OLD.verdict OR NEW.is_reviewed <> OLD.is_reviewed
BEGIN
  UPDATE state_count SET n = n - 1
    WHERE class_id = COALESCE(OLD.class_id, 0) AND verdict = OLD.verdict AND is_reviewed = OLD.is_reviewed;
  INSERT INTO state_count (class_id, verdict, is_reviewed, n) VALUES (COALESCE(NEW.class_id, 0), NEW.verdict, NEW.is_reviewed, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER a_gone_state_is_counted AFTER DELETE ON image_state
BEGIN
  UPDATE state_count SET n = n - 1
    WHERE class_id = COALESCE(OLD.class_id, 0) AND verdict = OLD.verdict AND is_reviewed = OLD.is_reviewed;
END;

-- Images whose label is contradicted by a look-alike's, or by two places the same bytes were found at.
CREATE TABLE label_conflict (image_id INTEGER PRIMARY KEY REFERENCES image(id)) STRICT;

CREATE VIEW label_conflict_now AS
SELECT s.image_id FROM image_state s WHERE s.verdict IN ('label', 'flag') AND s.class_id IS NOT NULL AND (
  EXISTS (SELECT 1 FROM duplicate_pair p JOIN image_state t ON t.image_id = p.image_b_id
    WHERE p.image_a_id = s.image_id AND t.verdict IN ('label', 'flag') AND t.class_id <> s.class_id
    AND COALESCE((SELECT j.verdict FROM pair_judgement j
      WHERE j.image_a_id = p.image_a_id AND j.image_b_id = p.image_b_id ORDER BY j.id DESC LIMIT 1), 'open') = 'open')
  OR EXISTS (SELECT 1 FROM duplicate_pair p JOIN image_state t ON t.image_id = p.image_a_id
    WHERE p.image_b_id = s.image_id AND t.verdict IN ('label', 'flag') AND t.class_id <> s.class_id
    AND COALESCE((SELECT j.verdict FROM pair_judgement j
      WHERE j.image_a_id = p.image_a_id AND j.image_b_id = p.image_b_id ORDER BY j.id DESC LIMIT 1), 'open') = 'open')
  OR (s.is_reviewed = 0 AND EXISTS (SELECT 1 FROM origin o JOIN origin e ON e.image_id = o.image_id AND e.id > o.id
    WHERE o.image_id = s.image_id AND e.label <> o.label)));

INSERT INTO label_conflict SELECT image_id FROM label_conflict_now;

CREATE TRIGGER a_state_may_conflict AFTER UPDATE OF class_id, verdict, is_reviewed ON image_state
WHEN (NEW.class_id IS NOT OLD.class_id OR NEW.verdict <> OLD.verdict OR NEW.is_reviewed <> OLD.is_reviewed)
  AND (EXISTS (SELECT 1 FROM duplicate_pair WHERE image_a_id = NEW.image_id)
    OR EXISTS (SELECT 1 FROM duplicate_pair WHERE image_b_id = NEW.image_id)
    OR EXISTS (SELECT 1 FROM origin o JOIN origin e ON e.image_id = o.image_id AND e.id > o.id WHERE o.image_id = NEW.image_id))
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (SELECT NEW.image_id
    UNION ALL SELECT image_b_id FROM duplicate_pair WHERE image_a_id = NEW.image_id
    UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = NEW.image_id);
  INSERT INTO label_conflict SELECT image_id FROM label_conflict_now WHERE image_id IN (SELECT NEW.image_id
    UNION ALL SELECT image_b_id FROM duplicate_pair WHERE image_a_id = NEW.image_id
    UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = NEW.image_id);
END;
CREATE TRIGGER a_pair_may_conflict AFTER INSERT ON duplicate_pair
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
  INSERT INTO label_conflict SELECT image_id FROM label_conflict_now WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
END;
CREATE TRIGGER a_gone_pair_conflicts_no_more AFTER DELETE ON duplicate_pair
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (OLD.image_a_id, OLD.image_b_id);
  INSERT INTO label_conflict SELECT image_id FROM label_conflict_now WHERE image_id IN (OLD.image_a_id, OLD.image_b_id);
END;
CREATE TRIGGER a_judged_pair_may_conflict_no_more AFTER INSERT ON pair_judgement
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
  INSERT INTO label_conflict SELECT image_id FROM label_conflict_now WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
END;
CREATE TRIGGER an_origin_may_conflict AFTER INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin o WHERE o.image_id = NEW.image_id AND o.label <> NEW.label)
BEGIN
  DELETE FROM label_conflict WHERE image_id = NEW.image_id;
  INSERT INTO label_conflict SELECT image_id FROM label_conflict_now WHERE image_id = NEW.image_id;
END;

-- The words of an image, its paths and its note, and the index that finds any three letters in them.
CREATE TABLE image_text (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  words TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE text_index USING fts5(words, content = 'image_text', content_rowid = 'image_id', tokenize = 'trigram', detail = 'none');

CREATE VIEW image_text_now AS
SELECT i.id AS image_id, COALESCE((SELECT group_concat(o.path, char(10)) FROM origin o WHERE o.image_id = i.id), '')
  || COALESCE((SELECT char(10) || n.note FROM image_note n WHERE n.image_id = i.id), '') AS words
FROM image i;

CREATE TRIGGER words_are_indexed AFTER INSERT ON image_text
BEGIN INSERT INTO text_index (rowid, words) VALUES (NEW.image_id, NEW.words); END;
CREATE TRIGGER words_are_indexed_anew AFTER UPDATE ON image_text
BEGIN
  INSERT INTO text_index (text_index, rowid, words) VALUES ('delete', OLD.image_id, OLD.words);
  INSERT INTO text_index (rowid, words) VALUES (NEW.image_id, NEW.words);
END;
CREATE TRIGGER words_are_indexed_no_more AFTER DELETE ON image_text
BEGIN INSERT INTO text_index (text_index, rowid, words) VALUES ('delete', OLD.image_id, OLD.words); END;

CREATE TRIGGER an_origin_brings_words AFTER INSERT ON origin
BEGIN
  INSERT INTO image_text SELECT image_id, words FROM image_text_now WHERE image_id = NEW.image_id
    ON CONFLICT DO UPDATE SET words = excluded.words;
END;
CREATE TRIGGER a_moved_origin_brings_words AFTER UPDATE OF path ON origin
BEGIN UPDATE image_text SET words = (SELECT words FROM image_text_now WHERE image_id = NEW.image_id) WHERE image_id = NEW.image_id; END;
CREATE TRIGGER a_gone_origin_takes_its_words AFTER DELETE ON origin
BEGIN
  DELETE FROM label_conflict WHERE image_id = OLD.image_id;
  INSERT INTO label_conflict SELECT image_id FROM label_conflict_now WHERE image_id = OLD.image_id;
  DELETE FROM image_text WHERE image_id = OLD.image_id;
  INSERT INTO image_text SELECT image_id, words FROM image_text_now WHERE image_id = OLD.image_id AND words <> '';
END;
CREATE TRIGGER a_note_brings_words AFTER INSERT ON image_note
BEGIN
  INSERT INTO image_text SELECT image_id, words FROM image_text_now WHERE image_id = NEW.image_id
    ON CONFLICT DO UPDATE SET words = excluded.words;
END;
CREATE TRIGGER a_changed_note_brings_words AFTER UPDATE ON image_note
BEGIN
  INSERT INTO image_text SELECT image_id, words FROM image_text_now WHERE image_id = NEW.image_id
    ON CONFLICT DO UPDATE SET words = excluded.words;
END;
CREATE TRIGGER a_gone_note_takes_its_words AFTER DELETE ON image_note
BEGIN
  INSERT INTO image_text SELECT image_id, words FROM image_text_now WHERE image_id = OLD.image_id
    ON CONFLICT DO UPDATE SET words = excluded.words;
END;

INSERT INTO image_text SELECT image_id, words FROM image_text_now;

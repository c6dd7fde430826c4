-- Images with the same pixels on white are the same only if their opacity is, too. Pairs that were called the
-- same without looking at the opacity are compared again by the next scan.
UPDATE image SET compared_with = NULL WHERE id IN (
  SELECT image_a_id FROM duplicate_pair p JOIN image a ON a.id = image_a_id JOIN image b ON b.id = image_b_id
  WHERE p.kind = 'exact' AND a.format NOT IN ('JPEG', 'BMP') AND b.format NOT IN ('JPEG', 'BMP')
  UNION
  SELECT image_b_id FROM duplicate_pair p JOIN image a ON a.id = image_a_id JOIN image b ON b.id = image_b_id
  WHERE p.kind = 'exact' AND a.format NOT IN ('JPEG', 'BMP') AND b.format NOT IN ('JPEG', 'BMP'));
DELETE FROM duplicate_pair WHERE kind = 'exact'
  AND image_a_id IN (SELECT id FROM image WHERE format NOT IN ('JPEG', 'BMP'))
  AND image_b_id IN (SELECT id FROM image WHERE format NOT IN ('JPEG', 'BMP'));
UPDATE pair_revision SET revision = revision + 1;

-- Images whose labels conflict follow each other in their queue: `beside_id` is the smallest id among an image
-- and its duplicates with another label.
DROP TRIGGER a_state_may_conflict;
DROP TRIGGER a_pair_may_conflict;
DROP TRIGGER a_gone_pair_conflicts_no_more;
DROP TRIGGER a_judged_pair_may_conflict_no_more;
DROP TRIGGER an_origin_may_conflict;
DROP TRIGGER a_gone_origin_takes_its_words;
DROP VIEW label_conflict_now;
DROP TABLE label_conflict;

CREATE TABLE label_conflict (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  beside_id INTEGER NOT NULL
) STRICT;
CREATE INDEX label_conflict_side_by_side ON label_conflict(beside_id, image_id);

-- Every pair of near duplicates with different labels that no person judged, from both sides.
CREATE VIEW conflicting_pair AS
SELECT s.image_id, t.image_id AS twin_id FROM image_state s JOIN duplicate_pair p ON p.image_a_id = s.image_id
  JOIN image_state t ON t.image_id = p.image_b_id
WHERE s.verdict IN ('label', 'flag') AND t.verdict IN ('label', 'flag') AND t.class_id <> s.class_id
  AND COALESCE((SELECT j.verdict FROM pair_judgement j
    WHERE j.image_a_id = p.image_a_id AND j.image_b_id = p.image_b_id ORDER BY j.id DESC LIMIT 1), 'open') = 'open'
UNION ALL
SELECT s.image_id, t.image_id FROM image_state s JOIN duplicate_pair p ON p.image_b_id = s.image_id
  JOIN image_state t ON t.image_id = p.image_a_id
WHERE s.verdict IN ('label', 'flag') AND t.verdict IN ('label', 'flag') AND t.class_id <> s.class_id
  AND COALESCE((SELECT j.verdict FROM pair_judgement j
    WHERE j.image_a_id = p.image_a_id AND j.image_b_id = p.image_b_id ORDER BY j.id DESC LIMIT 1), 'open') = 'open';

CREATE VIEW label_conflict_now AS
SELECT s.image_id, COALESCE(
  -- Written out: SQLite would read all of `conflicting_pair` for a minimum.
  (SELECT MIN(p.image_a_id) FROM duplicate_pair p JOIN image_state t ON t.image_id = p.image_a_id
    WHERE p.image_b_id = s.image_id AND t.verdict IN ('label', 'flag') AND t.class_id <> s.class_id
    AND COALESCE((SELECT j.verdict FROM pair_judgement j
      WHERE j.image_a_id = p.image_a_id AND j.image_b_id = p.image_b_id ORDER BY j.id DESC LIMIT 1), 'open') = 'open'),
  s.image_id) AS beside_id
FROM image_state s WHERE s.verdict IN ('label', 'flag') AND s.class_id IS NOT NULL AND (
  EXISTS (SELECT 1 FROM conflicting_pair c WHERE c.image_id = s.image_id)
  OR (s.is_reviewed = 0 AND EXISTS (SELECT 1 FROM origin o JOIN origin e ON e.image_id = o.image_id AND e.id > o.id
    WHERE o.image_id = s.image_id AND e.label <> o.label)));

CREATE TRIGGER a_state_may_conflict AFTER UPDATE OF class_id, verdict, is_reviewed ON image_state
WHEN (NEW.class_id IS NOT OLD.class_id OR NEW.verdict <> OLD.verdict OR NEW.is_reviewed <> OLD.is_reviewed)
  AND (EXISTS (SELECT 1 FROM duplicate_pair WHERE image_a_id = NEW.image_id)
    OR EXISTS (SELECT 1 FROM duplicate_pair WHERE image_b_id = NEW.image_id)
    OR EXISTS (SELECT 1 FROM origin o JOIN origin e ON e.image_id = o.image_id AND e.id > o.id WHERE o.image_id = NEW.image_id))
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (SELECT NEW.image_id
    UNION ALL SELECT image_b_id FROM duplicate_pair WHERE image_a_id = NEW.image_id
    UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = NEW.image_id);
  INSERT INTO label_conflict SELECT * FROM label_conflict_now WHERE image_id IN (SELECT NEW.image_id
    UNION ALL SELECT image_b_id FROM duplicate_pair WHERE image_a_id = NEW.image_id
    UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = NEW.image_id);
END;

CREATE TRIGGER a_pair_may_conflict AFTER INSERT ON duplicate_pair
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
  INSERT INTO label_conflict SELECT * FROM label_conflict_now WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
END;

CREATE TRIGGER a_gone_pair_conflicts_no_more AFTER DELETE ON duplicate_pair
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (OLD.image_a_id, OLD.image_b_id);
  INSERT INTO label_conflict SELECT * FROM label_conflict_now WHERE image_id IN (OLD.image_a_id, OLD.image_b_id);
END;

CREATE TRIGGER a_judged_pair_may_conflict_no_more AFTER INSERT ON pair_judgement
BEGIN
  DELETE FROM label_conflict WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
  INSERT INTO label_conflict SELECT * FROM label_conflict_now WHERE image_id IN (NEW.image_a_id, NEW.image_b_id);
END;

CREATE TRIGGER an_origin_may_conflict AFTER INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin o WHERE o.image_id = NEW.image_id AND o.label <> NEW.label)
BEGIN
  DELETE FROM label_conflict WHERE image_id = NEW.image_id;
  INSERT INTO label_conflict SELECT * FROM label_conflict_now WHERE image_id = NEW.image_id;
END;

CREATE TRIGGER a_gone_origin_takes_its_words AFTER DELETE ON origin
BEGIN
  DELETE FROM label_conflict WHERE image_id = OLD.image_id;
  INSERT INTO label_conflict SELECT * FROM label_conflict_now WHERE image_id = OLD.image_id;
  DELETE FROM image_text WHERE image_id = OLD.image_id;
  INSERT INTO image_text SELECT image_id, words FROM image_text_now WHERE image_id = OLD.image_id AND words <> '';
END;

INSERT INTO label_conflict SELECT * FROM label_conflict_now;

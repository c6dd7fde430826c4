-- How an image looks in its eight flips and turns; computed from its bytes when it arrives, for older images by the next scan.
CREATE TABLE orientation_hash (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  hashes BLOB NOT NULL CHECK (length(hashes) = 128)
) STRICT;

-- What a person said of two images that look alike. The newest row of a pair counts.
CREATE TABLE pair_judgement (
  id INTEGER PRIMARY KEY,
  event_id TEXT UNIQUE,
  step_id INTEGER NOT NULL REFERENCES step(id),
  image_a_id INTEGER NOT NULL REFERENCES image(id),
  image_b_id INTEGER NOT NULL REFERENCES image(id),
  verdict TEXT NOT NULL CHECK (verdict IN ('different', 'both', 'open')),
  actor TEXT NOT NULL,
  judged_at TEXT NOT NULL,
  CHECK (image_a_id < image_b_id)
) STRICT;
CREATE INDEX pair_judgement_pair ON pair_judgement(image_a_id, image_b_id, id);
CREATE INDEX pair_judgement_step ON pair_judgement(step_id);

CREATE TRIGGER pair_judgement_is_never_updated BEFORE UPDATE ON pair_judgement
BEGIN SELECT RAISE(ABORT, 'pair_judgement is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER pair_judgement_is_never_deleted BEFORE DELETE ON pair_judgement
BEGIN SELECT RAISE(ABORT, 'pair_judgement is append-only: append an open row instead of deleting one'); END;

-- Flips, turns, crops and borders were not looked for before: the next scan compares everything once more.
UPDATE image SET scanned_at = NULL;

-- What an image is like, measured once on its small picture; everything here is computed from its bytes.
CREATE TABLE image_measure (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  brightness REAL NOT NULL,
  highlight REAL NOT NULL,
  shadow REAL NOT NULL,
  contrast REAL NOT NULL,
  sharpness REAL NOT NULL,
  entropy_bits REAL NOT NULL,
  colourfulness REAL NOT NULL,
  readable_share REAL NOT NULL,
  is_animated INTEGER NOT NULL CHECK (is_animated IN (0, 1)),
  taken_at TEXT,
  camera TEXT,
  scored_with INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX image_measure_unscored ON image_measure(scored_with, image_id);

-- How bad an image is in one respect; only scores that some threshold could call an issue are kept.
CREATE TABLE image_issue_score (
  kind TEXT NOT NULL,
  score REAL NOT NULL CHECK (score BETWEEN 0 AND 1),
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (kind, score, image_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX image_issue_score_image ON image_issue_score(image_id, kind, score);

-- Below which score an image has an issue, where a person chose another than the one built in.
CREATE TABLE issue_threshold (
  kind TEXT PRIMARY KEY,
  threshold REAL NOT NULL CHECK (threshold BETWEEN 0 AND 1),
  actor TEXT NOT NULL,
  set_at TEXT NOT NULL
) STRICT;

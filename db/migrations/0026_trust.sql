-- The confidence below which the exports of a run abstain, and the temperature of their probabilities.
CREATE TABLE operating_point (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  threshold REAL NOT NULL CHECK (threshold BETWEEN 0 AND 1),
  temperature REAL NOT NULL DEFAULT 1 CHECK (temperature > 0),
  target REAL,
  actor TEXT NOT NULL,
  set_at TEXT NOT NULL
) STRICT;

-- What the model of a run predicts for photos that are not of its snapshot; the probabilities are in a file beside the run.
CREATE TABLE new_photos (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run(id),
  source TEXT NOT NULL,
  name TEXT NOT NULL,
  n_images INTEGER NOT NULL,
  n_unread INTEGER NOT NULL,
  n_known INTEGER NOT NULL,
  comparison TEXT NOT NULL,
  made_at TEXT NOT NULL
) STRICT;
CREATE INDEX new_photos_by_run ON new_photos (run_id, id);

-- Predictions of another program are a run that trained nothing here: what they were read from, else NULL.
ALTER TABLE run ADD COLUMN imported TEXT CHECK (imported IS NULL OR json_valid(imported));

-- What a person wants the model to reach. NULL = no such wish.
CREATE TABLE goal (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  accuracy REAL CHECK (accuracy BETWEEN 0 AND 1),
  max_gap REAL CHECK (max_gap BETWEEN 0 AND 1),
  actor TEXT NOT NULL,
  set_at TEXT NOT NULL
) STRICT;

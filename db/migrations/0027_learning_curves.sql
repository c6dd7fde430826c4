-- Learning curves: the newest of each snapshot on each set of embeddings, and of each run by trainings.
CREATE TABLE learning_curve (
  id INTEGER PRIMARY KEY,
  snapshot_id INTEGER NOT NULL REFERENCES snapshot(id),
  set_id INTEGER REFERENCES embedding_set(id),
  run_id INTEGER REFERENCES run(id),
  document TEXT NOT NULL,
  made_at TEXT NOT NULL,
  CHECK ((set_id IS NULL) <> (run_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX learning_curve_of ON learning_curve(snapshot_id, COALESCE(set_id, -1), COALESCE(run_id, -1));

-- Generated from db/migrations by: make schema

CREATE TABLE root (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  is_in_place INTEGER NOT NULL DEFAULT 0 CHECK (is_in_place IN (0, 1)),
  created_at TEXT NOT NULL
, n_missing INTEGER, verified_at TEXT) STRICT;

CREATE TABLE acquisition (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  root_id INTEGER REFERENCES root(id),
  actor TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  n_added INTEGER NOT NULL DEFAULT 0,
  n_known INTEGER NOT NULL DEFAULT 0,
  n_rejected INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE image (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
  format TEXT NOT NULL,
  n_bytes INTEGER NOT NULL,
  width_px INTEGER NOT NULL,
  height_px INTEGER NOT NULL,
  phash TEXT NOT NULL CHECK (length(phash) = 16),
  dhash TEXT NOT NULL CHECK (length(dhash) = 16),
  pixel_digest TEXT,
  added_at TEXT NOT NULL,
  scanned_at TEXT
) STRICT;

CREATE TABLE origin (
  id INTEGER PRIMARY KEY,
  image_id INTEGER NOT NULL REFERENCES image(id),
  acquisition_id INTEGER NOT NULL REFERENCES acquisition(id),
  source TEXT NOT NULL,
  root_id INTEGER REFERENCES root(id),
  path TEXT NOT NULL,
  label TEXT,
  split TEXT CHECK (split IN ('train', 'valid', 'test')),
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE rejection (
  id INTEGER PRIMARY KEY,
  acquisition_id INTEGER NOT NULL REFERENCES acquisition(id),
  root_id INTEGER REFERENCES root(id),
  path TEXT NOT NULL,
  label TEXT,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '',
  rejected_at TEXT NOT NULL,
  UNIQUE (root_id, path)
) STRICT;

CREATE TABLE class (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  position INTEGER NOT NULL,
  is_retired INTEGER NOT NULL DEFAULT 0 CHECK (is_retired IN (0, 1)),
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE step (
  id INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('decide', 'import', 'undo', 'redo')),
  undoes_step_id INTEGER UNIQUE REFERENCES step(id),
  event_id TEXT UNIQUE,
  made_at TEXT NOT NULL
) STRICT;

CREATE TABLE decision (
  id INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  step_id INTEGER NOT NULL REFERENCES step(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  verdict TEXT NOT NULL CHECK (verdict IN ('label', 'exclude', 'flag', 'clear')),
  class_id INTEGER REFERENCES class(id),
  reason TEXT NOT NULL DEFAULT '',
  is_reviewed INTEGER NOT NULL CHECK (is_reviewed IN (0, 1)),
  actor TEXT NOT NULL,
  base_decision_id INTEGER REFERENCES decision(id),
  basis TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(basis)),
  undoes INTEGER REFERENCES decision(id),
  decided_at TEXT NOT NULL,
  CHECK (verdict <> 'label' OR class_id IS NOT NULL)
) STRICT;

CREATE TABLE image_state (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  decision_id INTEGER REFERENCES decision(id),
  verdict TEXT NOT NULL DEFAULT 'clear',
  class_id INTEGER REFERENCES class(id),
  is_reviewed INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  actor TEXT,
  decided_at TEXT
) STRICT;

CREATE TABLE duplicate_pair (
  image_a_id INTEGER NOT NULL REFERENCES image(id),
  image_b_id INTEGER NOT NULL REFERENCES image(id),
  kind TEXT NOT NULL CHECK (kind IN ('exact', 'near')),
  distance INTEGER NOT NULL,
  found_at TEXT NOT NULL,
  PRIMARY KEY (image_a_id, image_b_id),
  CHECK (image_a_id < image_b_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE split_assignment (
  seed INTEGER NOT NULL,
  image_id INTEGER NOT NULL REFERENCES image(id),
  split TEXT NOT NULL CHECK (split IN ('train', 'valid', 'test')),
  PRIMARY KEY (seed, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshot (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
  name TEXT NOT NULL,
  seed INTEGER NOT NULL,
  fractions TEXT NOT NULL CHECK (json_valid(fractions)),
  class_names TEXT NOT NULL CHECK (json_valid(class_names)),
  n_images INTEGER NOT NULL,
  n_groups INTEGER NOT NULL,
  n_leaks INTEGER NOT NULL,
  n_unreviewed INTEGER NOT NULL,
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL,
  frozen_at TEXT NOT NULL
) STRICT;

CREATE TABLE snapshot_item (
  snapshot_id INTEGER NOT NULL REFERENCES snapshot(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  label TEXT NOT NULL,
  split TEXT NOT NULL CHECK (split IN ('train', 'valid', 'test')),
  group_key TEXT NOT NULL,
  PRIMARY KEY (snapshot_id, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
  id INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  lane TEXT NOT NULL CHECK (lane IN ('gpu', 'cpu', 'net')),
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'lost')),
  arguments TEXT NOT NULL CHECK (json_valid(arguments)),
  actor TEXT NOT NULL,
  phase TEXT NOT NULL DEFAULT '',
  step INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  metrics TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metrics)),
  error TEXT NOT NULL DEFAULT '',
  result TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(result)),
  pid INTEGER,
  pid_started_at REAL,
  boot_id TEXT,
  is_cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (is_cancel_requested IN (0, 1)),
  created_at TEXT NOT NULL,
  started_at TEXT,
  stopping_at TEXT,
  heartbeat_at TEXT,
  finished_at TEXT
) STRICT;

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  job_id INTEGER REFERENCES job(id),
  snapshot_id INTEGER NOT NULL REFERENCES snapshot(id),
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'lost')),
  recipe TEXT NOT NULL CHECK (json_valid(recipe)),
  class_names TEXT NOT NULL CHECK (json_valid(class_names)),
  seed INTEGER NOT NULL,
  code_version TEXT NOT NULL,
  libraries TEXT NOT NULL CHECK (json_valid(libraries)),
  device TEXT NOT NULL DEFAULT '',
  n_workers INTEGER NOT NULL DEFAULT 0,
  pretrained TEXT NOT NULL DEFAULT '',
  best_epoch INTEGER,
  metrics TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metrics)),
  warnings TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(warnings)),
  path TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL,
  finished_at TEXT,
  seconds REAL
) STRICT;

CREATE TABLE epoch_metric (
  run_id INTEGER NOT NULL REFERENCES run(id),
  epoch INTEGER NOT NULL,
  phase TEXT NOT NULL,
  train_loss REAL NOT NULL,
  valid_loss REAL NOT NULL,
  accuracy REAL NOT NULL,
  learning_rate REAL NOT NULL,
  seconds REAL NOT NULL,
  PRIMARY KEY (run_id, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE prediction (
  run_id INTEGER NOT NULL REFERENCES run(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  split TEXT NOT NULL CHECK (split IN ('train', 'valid', 'test', 'cv')),
  given_label TEXT NOT NULL,
  predicted_label TEXT NOT NULL,
  confidence REAL NOT NULL,
  is_out_of_sample INTEGER NOT NULL CHECK (is_out_of_sample IN (0, 1)),
  PRIMARY KEY (run_id, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE test_look (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run(id),
  actor TEXT NOT NULL,
  looked_at TEXT NOT NULL
) STRICT;

CREATE TABLE export (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run(id),
  path TEXT NOT NULL,
  files TEXT NOT NULL CHECK (json_valid(files)),
  parity TEXT NOT NULL CHECK (json_valid(parity)),
  created_at TEXT NOT NULL
) STRICT;

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

CREATE TABLE image_issue_score (
  kind TEXT NOT NULL,
  score REAL NOT NULL CHECK (score BETWEEN 0 AND 1),
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (kind, score, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE issue_threshold (
  kind TEXT PRIMARY KEY,
  threshold REAL NOT NULL CHECK (threshold BETWEEN 0 AND 1),
  actor TEXT NOT NULL,
  set_at TEXT NOT NULL
) STRICT;

CREATE TABLE orientation_hash (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  hashes BLOB NOT NULL CHECK (length(hashes) = 128)
) STRICT;

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

CREATE TABLE origin_move (
  id INTEGER PRIMARY KEY,
  origin_id INTEGER NOT NULL REFERENCES origin(id),
  from_path TEXT NOT NULL,
  to_path TEXT NOT NULL,
  actor TEXT NOT NULL,
  moved_at TEXT NOT NULL
) STRICT;

CREATE TABLE root_move (
  id INTEGER PRIMARY KEY,
  root_id INTEGER NOT NULL REFERENCES root(id),
  from_path TEXT NOT NULL,
  to_path TEXT NOT NULL,
  actor TEXT NOT NULL,
  moved_at TEXT NOT NULL
) STRICT;

CREATE TABLE part_hash (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  hashes BLOB NOT NULL CHECK (length(hashes) = 224)
) STRICT;

CREATE TABLE pair_revision (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
) STRICT;

CREATE INDEX image_unscanned ON image(id) WHERE scanned_at IS NULL;

CREATE UNIQUE INDEX origin_once ON origin(root_id, path, image_id, source, COALESCE(label, ''), COALESCE(split, ''));

CREATE INDEX origin_image ON origin(image_id, id);

CREATE INDEX step_actor ON step(actor, id);

CREATE INDEX decision_image ON decision(image_id, id);

CREATE INDEX decision_step ON decision(step_id, id);

CREATE INDEX image_state_class ON image_state(class_id, verdict, is_reviewed, image_id);

CREATE INDEX image_state_verdict ON image_state(verdict, image_id);

CREATE INDEX image_state_decision ON image_state(decision_id);

CREATE INDEX image_state_unreviewed ON image_state(image_id) WHERE is_reviewed = 0 AND verdict IN ('label', 'clear');

CREATE INDEX duplicate_pair_b ON duplicate_pair(image_b_id, image_a_id);

CREATE INDEX snapshot_item_image ON snapshot_item(image_id);

CREATE INDEX job_waiting ON job(lane, state, id);

CREATE UNIQUE INDEX job_running ON job(lane) WHERE state = 'running';

CREATE INDEX run_snapshot ON run(snapshot_id, id);

CREATE INDEX run_job ON run(job_id);

CREATE INDEX prediction_cell ON prediction(run_id, split, given_label, predicted_label, image_id);

CREATE INDEX test_look_run ON test_look(run_id);

CREATE INDEX export_run ON export(run_id);

CREATE INDEX image_measure_unscored ON image_measure(scored_with, image_id);

CREATE UNIQUE INDEX image_issue_score_image ON image_issue_score(image_id, kind, score);

CREATE INDEX pair_judgement_pair ON pair_judgement(image_a_id, image_b_id, id);

CREATE INDEX pair_judgement_step ON pair_judgement(step_id);

CREATE INDEX origin_move_origin ON origin_move(origin_id, id);

CREATE INDEX root_move_root ON root_move(root_id, id);

CREATE TRIGGER decision_is_never_updated BEFORE UPDATE ON decision
BEGIN SELECT RAISE(ABORT, 'decision is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER decision_is_never_deleted BEFORE DELETE ON decision
BEGIN SELECT RAISE(ABORT, 'decision is append-only: append an undo instead of deleting a row'); END;

CREATE TRIGGER image_gets_a_state AFTER INSERT ON image
BEGIN INSERT INTO image_state (image_id) VALUES (NEW.id); END;

CREATE TRIGGER decision_becomes_the_state AFTER INSERT ON decision
BEGIN
  UPDATE image_state SET decision_id = NEW.id, verdict = NEW.verdict, class_id = NEW.class_id,
    is_reviewed = NEW.is_reviewed, reason = NEW.reason, actor = NEW.actor, decided_at = NEW.decided_at
  WHERE image_id = NEW.image_id;
END;

CREATE TRIGGER pair_judgement_is_never_updated BEFORE UPDATE ON pair_judgement
BEGIN SELECT RAISE(ABORT, 'pair_judgement is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER pair_judgement_is_never_deleted BEFORE DELETE ON pair_judgement
BEGIN SELECT RAISE(ABORT, 'pair_judgement is append-only: append an open row instead of deleting one'); END;

CREATE TRIGGER origin_move_is_never_updated BEFORE UPDATE ON origin_move
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER origin_move_is_never_deleted BEFORE DELETE ON origin_move
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: where a file lay is never forgotten'); END;

CREATE TRIGGER root_move_is_never_updated BEFORE UPDATE ON root_move
BEGIN SELECT RAISE(ABORT, 'root_move is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER root_move_is_never_deleted BEFORE DELETE ON root_move
BEGIN SELECT RAISE(ABORT, 'root_move is append-only: where a root lay is never forgotten'); END;

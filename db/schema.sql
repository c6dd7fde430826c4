-- Generated from db/migrations by: make docs

CREATE TABLE root (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  is_in_place INTEGER NOT NULL DEFAULT 0 CHECK (is_in_place IN (0, 1)),
  created_at TEXT NOT NULL
, n_missing INTEGER, verified_at TEXT, is_foreign INTEGER NOT NULL DEFAULT 0 CHECK (is_foreign IN (0, 1))) STRICT;

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
, compared_with INTEGER, has_more_pairs INTEGER NOT NULL DEFAULT 0) STRICT;

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
, page_url TEXT, licence TEXT, author TEXT) STRICT;

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
, colour TEXT CHECK (colour GLOB '#[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]'), note TEXT NOT NULL DEFAULT '', merged_into_id INTEGER REFERENCES class(id)) STRICT;

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
, judged_in TEXT) STRICT;

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
, n_compared INTEGER) STRICT;

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
, priority INTEGER NOT NULL DEFAULT 0, remedy TEXT NOT NULL DEFAULT '', actions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(actions)), owner TEXT NOT NULL DEFAULT '', settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings))) STRICT;

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
, imported TEXT CHECK (imported IS NULL OR json_valid(imported)), made_for TEXT NOT NULL DEFAULT '' CHECK (made_for IN ('', 'attribution')), score TEXT CHECK (score IS NULL OR json_valid(score)), n_ranks INTEGER NOT NULL DEFAULT 1 CHECK (n_ranks >= 1), engine TEXT NOT NULL DEFAULT '') STRICT;

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
, is_foreign INTEGER NOT NULL DEFAULT 0 CHECK (is_foreign IN (0, 1)), figures TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(figures)), stage TEXT NOT NULL DEFAULT 'candidate'
  CHECK (stage IN ('candidate', 'current', 'retired'))) STRICT;

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
, grey_range TEXT) STRICT;

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

CREATE TABLE image_tag (
  tag TEXT NOT NULL CHECK (tag <> ''),
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (tag, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE image_note (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  note TEXT NOT NULL CHECK (note <> '')
) STRICT;

CREATE TABLE also_shows (
  image_id INTEGER NOT NULL REFERENCES image(id),
  class_id INTEGER NOT NULL REFERENCES class(id),
  PRIMARY KEY (image_id, class_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE saved_view (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  queue TEXT NOT NULL,
  filters TEXT NOT NULL CHECK (json_valid(filters)),
  actor TEXT NOT NULL,
  saved_at TEXT NOT NULL
) STRICT;

CREATE TABLE state_count (
  class_id INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  is_reviewed INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (class_id, verdict, is_reviewed)
) STRICT, WITHOUT ROWID;

CREATE TABLE image_text (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  words TEXT NOT NULL
) STRICT;

CREATE VIRTUAL TABLE text_index USING fts5(words, content = 'image_text', content_rowid = 'image_id', tokenize = 'trigram', detail = 'none');

CREATE TABLE 'text_index_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'text_index_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE 'text_index_docsize'(id INTEGER PRIMARY KEY, sz BLOB);

CREATE TABLE 'text_index_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE class_alias (
  name TEXT PRIMARY KEY,
  class_id INTEGER NOT NULL REFERENCES class(id)
) STRICT, WITHOUT ROWID;

CREATE TABLE class_example (
  class_id INTEGER NOT NULL REFERENCES class(id),
  position INTEGER NOT NULL,
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (class_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE class_merge (
  id INTEGER PRIMARY KEY,
  step_id INTEGER NOT NULL REFERENCES step(id),
  class_id INTEGER NOT NULL REFERENCES class(id),
  merged_into_id INTEGER REFERENCES class(id),
  is_retired INTEGER NOT NULL CHECK (is_retired IN (0, 1)),
  was_merged_into_id INTEGER REFERENCES class(id),
  was_retired INTEGER NOT NULL CHECK (was_retired IN (0, 1))
) STRICT;

CREATE TABLE step_taken_back (
  step_id INTEGER NOT NULL REFERENCES step(id),
  undone_step_id INTEGER NOT NULL REFERENCES step(id),
  PRIMARY KEY (step_id, undone_step_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstone (
  digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
  reason TEXT NOT NULL DEFAULT '',
  actor TEXT NOT NULL,
  forgotten_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE part_hash (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  hashes BLOB NOT NULL CHECK (length(hashes) = 224)
) STRICT;

CREATE TABLE pair_revision (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
) STRICT;

CREATE TABLE decision_loss (
  id INTEGER PRIMARY KEY,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  found_at TEXT NOT NULL,
  CHECK (first_id <= last_id)
) STRICT;

CREATE TABLE damaged_image (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  reason TEXT NOT NULL,
  found_at TEXT NOT NULL
) STRICT;

CREATE TABLE workspace_identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  identity TEXT NOT NULL CHECK (length(identity) = 32),
  file TEXT NOT NULL,
  made_at TEXT NOT NULL
) STRICT;

CREATE TABLE "remark" (
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

CREATE TABLE label_conflict (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  beside_id INTEGER NOT NULL
) STRICT;

CREATE TABLE embedding_set (
  id INTEGER PRIMARY KEY,
  backbone TEXT NOT NULL,
  size_px INTEGER NOT NULL,
  weights_sha256 TEXT NOT NULL,
  n_dimensions INTEGER NOT NULL,
  file TEXT NOT NULL,
  created_at TEXT NOT NULL,
  used_at TEXT NOT NULL, n_views INTEGER NOT NULL DEFAULT 1,
  UNIQUE (backbone, size_px, weights_sha256)
) STRICT;

CREATE TABLE embedding (
  set_id INTEGER NOT NULL REFERENCES embedding_set(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  row INTEGER NOT NULL,
  PRIMARY KEY (set_id, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE suggestion (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  given_class_id INTEGER REFERENCES class(id),
  suggested_class_id INTEGER NOT NULL REFERENCES class(id),
  confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
  label_quality REAL CHECK (label_quality BETWEEN 0 AND 1),
  is_issue INTEGER NOT NULL DEFAULT 0 CHECK (is_issue IN (0, 1)),
  usefulness REAL,
  n_near INTEGER,
  n_near_suggested INTEGER,
  CHECK ((label_quality IS NULL) = (given_class_id IS NULL)),
  CHECK (is_issue = 0 OR label_quality IS NOT NULL)
) STRICT;

CREATE TABLE head_fit (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  number INTEGER NOT NULL,
  basis TEXT NOT NULL,
  set_id INTEGER NOT NULL,
  decision_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  n_labelled INTEGER NOT NULL,
  n_classes INTEGER NOT NULL,
  n_issues INTEGER NOT NULL,
  seconds REAL NOT NULL,
  fitted_at TEXT NOT NULL
) STRICT;

CREATE TABLE label_check (
  decision_id INTEGER PRIMARY KEY REFERENCES decision(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  queue TEXT NOT NULL,
  given_class_id INTEGER NOT NULL REFERENCES class(id),
  label_quality REAL CHECK (label_quality BETWEEN 0 AND 1)
) STRICT;

CREATE TABLE accepted_step (
  step_id INTEGER PRIMARY KEY REFERENCES step(id),
  threshold REAL NOT NULL CHECK (threshold BETWEEN 0 AND 1),
  n_images INTEGER NOT NULL CHECK (n_images > 0),
  expected_error REAL NOT NULL CHECK (expected_error BETWEEN 0 AND 1)
) STRICT;

CREATE TABLE duplicate_proposal (
  image_a_id INTEGER NOT NULL REFERENCES image(id),
  image_b_id INTEGER NOT NULL REFERENCES image(id),
  strength TEXT NOT NULL CHECK (strength IN ('strong', 'proposed')),
  similarity REAL NOT NULL,
  n_matches INTEGER NOT NULL,
  agreement REAL NOT NULL,
  overlap REAL NOT NULL,
  matrix TEXT NOT NULL,
  found_at TEXT NOT NULL,
  PRIMARY KEY (image_a_id, image_b_id),
  CHECK (image_a_id < image_b_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE view_comparison (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  set_id INTEGER NOT NULL REFERENCES embedding_set(id),
  rules INTEGER NOT NULL
) STRICT;

CREATE TABLE map_layout (
  id INTEGER PRIMARY KEY,
  set_id INTEGER NOT NULL REFERENCES embedding_set(id),
  method TEXT NOT NULL CHECK (method IN ('pca', 'umap')),
  file TEXT NOT NULL,
  seconds REAL NOT NULL,
  made_at TEXT NOT NULL,
  UNIQUE (set_id, method)
) STRICT;

CREATE TABLE map_point (
  image_id INTEGER NOT NULL REFERENCES image(id),
  layout_id INTEGER NOT NULL REFERENCES map_layout(id),
  x REAL NOT NULL,
  y REAL NOT NULL,
  PRIMARY KEY (image_id, layout_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE selection (
  id INTEGER PRIMARY KEY,
  run_id INTEGER REFERENCES run(id),
  actor TEXT NOT NULL,
  made_at TEXT NOT NULL
) STRICT;

CREATE TABLE selection_image (
  selection_id INTEGER NOT NULL REFERENCES selection(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (selection_id, image_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE ranked_list (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  image_id INTEGER REFERENCES image(id),
  name TEXT NOT NULL,
  set_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  used_at TEXT NOT NULL
) STRICT;

CREATE TABLE ranked_item (
  list_id INTEGER NOT NULL REFERENCES ranked_list(id) ON DELETE CASCADE,
  rank INTEGER NOT NULL,
  image_id INTEGER NOT NULL REFERENCES image(id),
  score REAL NOT NULL,
  PRIMARY KEY (list_id, rank)
) STRICT, WITHOUT ROWID;

CREATE TABLE outlier_score (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  score REAL NOT NULL,
  nearest_class_id INTEGER REFERENCES class(id),
  class_id INTEGER REFERENCES class(id),
  class_score REAL,
  nearest_similarity REAL NOT NULL
) STRICT;

CREATE TABLE outlier_limit (
  class_id INTEGER PRIMARY KEY,
  outlier_below REAL NOT NULL,
  listed_below REAL NOT NULL
) STRICT;

CREATE TABLE outlier_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  set_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  decision_id INTEGER NOT NULL,
  lonely_below REAL NOT NULL,
  computed_at TEXT NOT NULL
) STRICT;

CREATE TABLE imagenet_guess (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  class_index INTEGER NOT NULL,
  probability REAL NOT NULL,
  kept_share REAL
) STRICT;

CREATE TABLE imagenet_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  set_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  kept TEXT NOT NULL,
  computed_at TEXT NOT NULL
) STRICT;

CREATE TABLE unread_image (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  reason TEXT NOT NULL,
  found_at TEXT NOT NULL
) STRICT;

CREATE TABLE goal (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  accuracy REAL CHECK (accuracy BETWEEN 0 AND 1),
  max_gap REAL CHECK (max_gap BETWEEN 0 AND 1),
  actor TEXT NOT NULL,
  set_at TEXT NOT NULL
) STRICT;

CREATE TABLE operating_point (
  run_id INTEGER PRIMARY KEY REFERENCES run(id),
  threshold REAL NOT NULL CHECK (threshold BETWEEN 0 AND 1),
  temperature REAL NOT NULL DEFAULT 1 CHECK (temperature > 0),
  target REAL,
  actor TEXT NOT NULL,
  set_at TEXT NOT NULL
) STRICT;

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

CREATE TABLE learning_curve (
  id INTEGER PRIMARY KEY,
  snapshot_id INTEGER NOT NULL REFERENCES snapshot(id),
  set_id INTEGER REFERENCES embedding_set(id),
  run_id INTEGER REFERENCES run(id),
  document TEXT NOT NULL,
  made_at TEXT NOT NULL,
  CHECK ((set_id IS NULL) <> (run_id IS NULL))
) STRICT;

CREATE TABLE export_stage_change (
  id INTEGER PRIMARY KEY,
  export_id INTEGER NOT NULL REFERENCES export(id),
  from_stage TEXT NOT NULL CHECK (from_stage IN ('candidate', 'current', 'retired')),
  to_stage TEXT NOT NULL CHECK (to_stage IN ('candidate', 'current', 'retired')),
  actor TEXT NOT NULL,
  changed_at TEXT NOT NULL
) STRICT;

CREATE TABLE hub_push (
  id INTEGER PRIMARY KEY,
  export_id INTEGER NOT NULL REFERENCES export(id),
  endpoint TEXT NOT NULL,
  repository TEXT NOT NULL,
  revision TEXT NOT NULL,
  url TEXT NOT NULL,
  is_public INTEGER NOT NULL CHECK (is_public IN (0, 1)),
  actor TEXT NOT NULL,
  pushed_at TEXT NOT NULL
) STRICT;

CREATE TABLE pulled_model (
  id INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL,
  repository TEXT NOT NULL,
  revision TEXT NOT NULL,
  url TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  files TEXT NOT NULL CHECK (json_valid(files)),
  class_names TEXT NOT NULL CHECK (json_valid(class_names)),
  n_golden INTEGER NOT NULL,
  golden_difference REAL NOT NULL,
  actor TEXT NOT NULL,
  pulled_at TEXT NOT NULL
) STRICT;

CREATE TABLE album_placement (
    folder TEXT NOT NULL,
    path TEXT NOT NULL,
    class_name TEXT NOT NULL,
    actor TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE collection (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL
, every_days REAL CHECK (every_days > 0), ran_at TEXT, retrain_after INTEGER CHECK (retrain_after > 0)) STRICT;

CREATE TABLE candidate (
  id INTEGER PRIMARY KEY,
  collection_id INTEGER NOT NULL REFERENCES collection(id),
  url TEXT NOT NULL,
  label TEXT,
  source TEXT NOT NULL,
  list_name TEXT NOT NULL DEFAULT '',
  position INTEGER NOT NULL,
  page_url TEXT,
  licence TEXT,
  author TEXT,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'image', 'rejected')),
  image_id INTEGER REFERENCES image(id),
  reason TEXT,
  detail TEXT NOT NULL DEFAULT '',
  n_attempts INTEGER NOT NULL DEFAULT 0,
  ended_at TEXT, title TEXT NOT NULL DEFAULT '', taken_at TEXT NOT NULL DEFAULT '', latitude REAL, longitude REAL, thumbnail_url TEXT NOT NULL DEFAULT '',
  CHECK ((state = 'image') = (image_id IS NOT NULL)),
  CHECK ((state = 'rejected') = (reason IS NOT NULL))
) STRICT;

CREATE TABLE search (
  id INTEGER PRIMARY KEY,
  collection_id INTEGER NOT NULL REFERENCES collection(id),
  source TEXT NOT NULL,
  label TEXT NOT NULL,
  text TEXT NOT NULL,
  licences TEXT NOT NULL DEFAULT 'open' CHECK (licences IN ('open', 'any')),
  options TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(options)),
  n_wanted INTEGER NOT NULL CHECK (n_wanted > 0),
  cursor TEXT NOT NULL DEFAULT '',
  n_found INTEGER NOT NULL DEFAULT 0,
  n_available INTEGER,
  is_ended INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '',
  searched_at TEXT
) STRICT;

CREATE TABLE image_store (
  id INTEGER PRIMARY KEY,
  url TEXT NOT NULL UNIQUE,
  is_current INTEGER NOT NULL DEFAULT 0 CHECK (is_current IN (0, 1)),
  has_thumbnails INTEGER NOT NULL DEFAULT 0 CHECK (has_thumbnails IN (0, 1)),
  is_foreign INTEGER NOT NULL DEFAULT 0 CHECK (is_foreign IN (0, 1)),
  set_at TEXT NOT NULL
) STRICT;

CREATE TABLE stored_original (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  store_id INTEGER NOT NULL REFERENCES image_store(id)
) STRICT;

CREATE TABLE read_object (
  root_id INTEGER NOT NULL REFERENCES root(id),
  path TEXT NOT NULL,
  version TEXT NOT NULL,
  image_id INTEGER REFERENCES image(id),
  PRIMARY KEY (root_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE embedding_count (
  set_id INTEGER PRIMARY KEY REFERENCES embedding_set(id),
  n INTEGER NOT NULL
) STRICT;

CREATE TABLE image_with_origins (
  image_id INTEGER PRIMARY KEY REFERENCES image(id)
) STRICT;

CREATE TABLE map_packed (
  layout_id INTEGER PRIMARY KEY REFERENCES map_layout(id),
  points BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX origin_once ON origin(root_id, path, image_id, source, COALESCE(label, ''), COALESCE(split, ''));

CREATE INDEX step_actor ON step(actor, id);

CREATE INDEX decision_image ON decision(image_id, id);

CREATE INDEX decision_step ON decision(step_id, id);

CREATE INDEX image_state_class ON image_state(class_id, verdict, is_reviewed, image_id);

CREATE INDEX image_state_verdict ON image_state(verdict, image_id);

CREATE INDEX image_state_decision ON image_state(decision_id);

CREATE INDEX image_state_unreviewed ON image_state(image_id) WHERE is_reviewed = 0 AND verdict IN ('label', 'clear');

CREATE INDEX duplicate_pair_b ON duplicate_pair(image_b_id, image_a_id);

CREATE INDEX snapshot_item_image ON snapshot_item(image_id);

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

CREATE INDEX image_tag_image ON image_tag(image_id, tag);

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

CREATE INDEX run_done ON run(id) WHERE state = 'done';

CREATE INDEX class_alias_class ON class_alias(class_id);

CREATE INDEX class_example_image ON class_example(image_id);

CREATE INDEX class_merge_step ON class_merge(step_id);

CREATE INDEX step_taken_back_undone ON step_taken_back(undone_step_id);

CREATE INDEX step_actor_when ON step(actor, made_at);

CREATE INDEX decision_class ON decision(class_id, step_id);

CREATE INDEX job_waiting ON job(lane, state, priority DESC, id);

CREATE INDEX image_compared ON image(compared_with);

CREATE INDEX remark_image ON remark(image_id, kind, id);

CREATE INDEX remark_step ON remark(step_id, id);

CREATE INDEX label_conflict_side_by_side ON label_conflict(beside_id, image_id);

CREATE INDEX embedding_image ON embedding(image_id);

CREATE INDEX suggestion_issue ON suggestion(label_quality, image_id) WHERE is_issue = 1;

CREATE INDEX suggestion_quality ON suggestion(label_quality, image_id) WHERE label_quality IS NOT NULL;

CREATE INDEX suggestion_unlabelled ON suggestion(confidence, image_id) WHERE label_quality IS NULL;

CREATE INDEX label_check_image ON label_check(image_id);

CREATE INDEX image_state_by_models ON image_state(image_id)
  WHERE actor GLOB 'model:*' AND is_reviewed = 0 AND verdict = 'label';

CREATE INDEX suggestion_useful ON suggestion(usefulness, image_id) WHERE usefulness IS NOT NULL;

CREATE INDEX duplicate_proposal_other ON duplicate_proposal(image_b_id);

CREATE INDEX selection_image_image ON selection_image(image_id);

CREATE INDEX image_measure_brightness ON image_measure(brightness, image_id);

CREATE INDEX image_measure_contrast ON image_measure(contrast, image_id);

CREATE INDEX image_measure_sharpness ON image_measure(sharpness, image_id);

CREATE INDEX image_measure_colourfulness ON image_measure(colourfulness, image_id);

CREATE INDEX image_pixels ON image(width_px * height_px, id);

CREATE INDEX ranked_list_image ON ranked_list(image_id);

CREATE INDEX ranked_item_image ON ranked_item(image_id);

CREATE INDEX outlier_score_in_order ON outlier_score(score, image_id);

CREATE INDEX outlier_score_in_class ON outlier_score(class_id, class_score, image_id);

CREATE INDEX outlier_score_lonely ON outlier_score(nearest_similarity, image_id);

CREATE INDEX imagenet_guess_class ON imagenet_guess(class_index);

CREATE INDEX imagenet_guess_in_order ON imagenet_guess(kept_share, image_id);

CREATE INDEX new_photos_by_run ON new_photos (run_id, id);

CREATE UNIQUE INDEX learning_curve_of ON learning_curve(snapshot_id, COALESCE(set_id, -1), COALESCE(run_id, -1));

CREATE UNIQUE INDEX export_current ON export(stage) WHERE stage = 'current';

CREATE INDEX export_stage_change_export ON export_stage_change(export_id, id);

CREATE INDEX hub_push_export ON hub_push(export_id, id);

CREATE UNIQUE INDEX candidate_once ON candidate(collection_id, url, COALESCE(label, ''));

CREATE INDEX candidate_state ON candidate(collection_id, state, id);

CREATE INDEX candidate_image ON candidate(image_id) WHERE image_id IS NOT NULL;

CREATE INDEX candidate_url ON candidate(url) WHERE state = 'image';

CREATE UNIQUE INDEX search_once ON search(collection_id, source, label, text);

CREATE INDEX read_object_image ON read_object (image_id) WHERE image_id IS NOT NULL;

CREATE INDEX embedding_row ON embedding(set_id, row);

CREATE INDEX prediction_unsure
  ON prediction(run_id, confidence, image_id, is_out_of_sample, split, given_label, predicted_label)
  WHERE is_out_of_sample = 1;

CREATE INDEX prediction_disagrees
  ON prediction(run_id, confidence, image_id, is_out_of_sample, split, given_label, predicted_label)
  WHERE is_out_of_sample = 1 AND predicted_label <> given_label;

CREATE INDEX origin_image ON origin(image_id, id, source, root_id);

CREATE INDEX origin_test ON origin(image_id) WHERE split = 'test';

CREATE TRIGGER decision_is_never_updated BEFORE UPDATE ON decision
BEGIN SELECT RAISE(ABORT, 'decision is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER decision_is_never_deleted BEFORE DELETE ON decision
BEGIN SELECT RAISE(ABORT, 'decision is append-only: append an undo instead of deleting a row'); END;

CREATE TRIGGER image_gets_a_state AFTER INSERT ON image
BEGIN INSERT INTO image_state (image_id) VALUES (NEW.id); END;

CREATE TRIGGER pair_judgement_is_never_updated BEFORE UPDATE ON pair_judgement
BEGIN SELECT RAISE(ABORT, 'pair_judgement is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER pair_judgement_is_never_deleted BEFORE DELETE ON pair_judgement
BEGIN SELECT RAISE(ABORT, 'pair_judgement is append-only: append an open row instead of deleting one'); END;

CREATE TRIGGER origin_move_is_never_updated BEFORE UPDATE ON origin_move
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER root_move_is_never_updated BEFORE UPDATE ON root_move
BEGIN SELECT RAISE(ABORT, 'root_move is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER root_move_is_never_deleted BEFORE DELETE ON root_move
BEGIN SELECT RAISE(ABORT, 'root_move is append-only: where a root lay is never forgotten'); END;

CREATE TRIGGER decision_becomes_the_state AFTER INSERT ON decision
BEGIN
  UPDATE image_state SET decision_id = NEW.id, verdict = NEW.verdict, class_id = NEW.class_id,
    is_reviewed = NEW.is_reviewed, reason = NEW.reason, actor = NEW.actor, decided_at = NEW.decided_at,
    judged_in = NEW.basis ->> '$.queue'
  WHERE image_id = NEW.image_id;
END;

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

CREATE TRIGGER class_merge_is_never_updated BEFORE UPDATE ON class_merge
BEGIN SELECT RAISE(ABORT, 'class_merge is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER class_merge_is_never_deleted BEFORE DELETE ON class_merge
BEGIN SELECT RAISE(ABORT, 'class_merge is append-only: append an undo instead of deleting a row'); END;

CREATE TRIGGER origin_move_is_never_deleted BEFORE DELETE ON origin_move
WHEN NOT EXISTS (SELECT 1 FROM origin o JOIN image i ON i.id = o.image_id JOIN tombstone t ON t.digest = i.digest WHERE o.id = OLD.origin_id)
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: where a file lay is never forgotten'); END;

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

CREATE TRIGGER remark_makes_an_image_typical AFTER INSERT ON remark WHEN NEW.kind = 'typical' AND NEW.is_on = 1
BEGIN
  INSERT INTO class_example (class_id, position, image_id)
    SELECT NEW.class_id, COALESCE((SELECT MAX(position) + 1 FROM class_example WHERE class_id = NEW.class_id), 0), NEW.image_id
    WHERE NOT EXISTS (SELECT 1 FROM class_example WHERE class_id = NEW.class_id AND image_id = NEW.image_id);
END;

CREATE TRIGGER remark_makes_an_image_less_typical AFTER INSERT ON remark WHEN NEW.kind = 'typical' AND NEW.is_on = 0
BEGIN DELETE FROM class_example WHERE class_id = NEW.class_id AND image_id = NEW.image_id; END;

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

CREATE TRIGGER a_label_was_checked AFTER INSERT ON decision
WHEN NEW.actor GLOB 'human:*' AND NEW.undoes IS NULL
  AND (NEW.basis ->> '$.queue' GLOB 'label-issues*' OR NEW.basis ->> '$.queue' GLOB 'audit:labels:*')
BEGIN
  INSERT INTO label_check (decision_id, image_id, queue, given_class_id, label_quality)
  SELECT NEW.id, NEW.image_id, NEW.basis ->> '$.queue', p.class_id, (SELECT g.label_quality FROM suggestion g
    WHERE g.image_id = NEW.image_id AND g.given_class_id = p.class_id)
  FROM decision p WHERE p.verdict = 'label' AND p.is_reviewed = 0
    AND p.id = (SELECT MAX(id) FROM decision WHERE image_id = NEW.image_id AND id < NEW.id);
END;

CREATE TRIGGER export_stage_change_is_never_updated BEFORE UPDATE ON export_stage_change
BEGIN SELECT RAISE(ABORT, 'export_stage_change is append-only: append a new row instead of changing one'); END;

CREATE TRIGGER export_stage_change_is_never_deleted BEFORE DELETE ON export_stage_change
BEGIN SELECT RAISE(ABORT, 'export_stage_change is append-only: append a new row instead of deleting one'); END;

CREATE TRIGGER a_new_embedding_is_counted AFTER INSERT ON embedding
BEGIN
  INSERT INTO embedding_count (set_id, n) VALUES (NEW.set_id, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER a_gone_embedding_is_counted AFTER DELETE ON embedding
BEGIN
  UPDATE embedding_count SET n = n - 1 WHERE set_id = OLD.set_id;
END;

CREATE TRIGGER a_further_origin_is_noted AFTER INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin o WHERE o.image_id = NEW.image_id AND o.id <> NEW.id)
BEGIN
  INSERT INTO image_with_origins (image_id) VALUES (NEW.image_id) ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER a_gone_map_point_is_not_packed AFTER DELETE ON map_point
BEGIN
  DELETE FROM map_packed WHERE layout_id = OLD.layout_id;
END;

CREATE TRIGGER a_new_map_point_is_not_packed AFTER INSERT ON map_point
BEGIN
  DELETE FROM map_packed WHERE layout_id = NEW.layout_id;
END;

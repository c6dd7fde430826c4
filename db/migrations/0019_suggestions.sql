-- What the live head suggests for each image that has an embedding. It is computed from the judgements and can
-- be computed again at any time.
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
CREATE INDEX suggestion_issue ON suggestion(label_quality, image_id) WHERE is_issue = 1;
CREATE INDEX suggestion_quality ON suggestion(label_quality, image_id) WHERE label_quality IS NOT NULL;
CREATE INDEX suggestion_unlabelled ON suggestion(confidence, image_id) WHERE label_quality IS NULL;

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

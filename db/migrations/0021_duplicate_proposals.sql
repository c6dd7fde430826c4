-- Pairs of images that a model takes for copies which the hashes miss: turned, cropped, in other colours. Views
-- of both propose them, their keypoints decide.
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
CREATE INDEX duplicate_proposal_other ON duplicate_proposal(image_b_id);

-- The set of views by which an image was compared with all others.
CREATE TABLE view_comparison (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  set_id INTEGER NOT NULL REFERENCES embedding_set(id),
  rules INTEGER NOT NULL
) STRICT;

-- Sets with several vectors of an image, one after the other in its row; they are no embeddings of the image.
ALTER TABLE embedding_set ADD COLUMN n_views INTEGER NOT NULL DEFAULT 1;

-- Feature vectors of images. The vectors are in a file of the folder `embeddings`; the tables say which row of
-- the file belongs to which image. A file gets a new name whenever it is begun, so that rows of a database
-- whose file is missing never point into another file.
CREATE TABLE embedding_set (
  id INTEGER PRIMARY KEY,
  backbone TEXT NOT NULL,
  size_px INTEGER NOT NULL,
  weights_sha256 TEXT NOT NULL,
  n_dimensions INTEGER NOT NULL,
  file TEXT NOT NULL,
  created_at TEXT NOT NULL,
  used_at TEXT NOT NULL,
  UNIQUE (backbone, size_px, weights_sha256)
) STRICT;

CREATE TABLE embedding (
  set_id INTEGER NOT NULL REFERENCES embedding_set(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  row INTEGER NOT NULL,
  PRIMARY KEY (set_id, image_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX embedding_image ON embedding(image_id);

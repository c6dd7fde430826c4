-- Image stores by URL: where originals of this workspace are written, and the objects that imports have read.
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

CREATE INDEX read_object_image ON read_object (image_id) WHERE image_id IS NOT NULL;

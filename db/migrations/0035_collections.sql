-- Photos collected from the web: what was asked for, and what became of every candidate.
CREATE TABLE collection (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  actor TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

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
  ended_at TEXT,
  CHECK ((state = 'image') = (image_id IS NOT NULL)),
  CHECK ((state = 'rejected') = (reason IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX candidate_once ON candidate(collection_id, url, COALESCE(label, ''));
CREATE INDEX candidate_state ON candidate(collection_id, state, id);
CREATE INDEX candidate_image ON candidate(image_id) WHERE image_id IS NOT NULL;
CREATE INDEX candidate_url ON candidate(url) WHERE state = 'image';

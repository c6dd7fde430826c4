-- What a collection asks services of photos for, how far it has come there, and when it runs again.
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
CREATE UNIQUE INDEX search_once ON search(collection_id, source, label, text);

ALTER TABLE collection ADD COLUMN every_days REAL CHECK (every_days > 0);
ALTER TABLE collection ADD COLUMN ran_at TEXT;
ALTER TABLE collection ADD COLUMN retrain_after INTEGER CHECK (retrain_after > 0);

ALTER TABLE candidate ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE candidate ADD COLUMN taken_at TEXT NOT NULL DEFAULT '';
ALTER TABLE candidate ADD COLUMN latitude REAL;
ALTER TABLE candidate ADD COLUMN longitude REAL;
ALTER TABLE candidate ADD COLUMN thumbnail_url TEXT NOT NULL DEFAULT '';

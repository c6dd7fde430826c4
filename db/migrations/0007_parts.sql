-- What may be left of an image in a crop, or be in it inside a frame; computed with the other hashes, for older images by the next scan.
CREATE TABLE part_hash (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  hashes BLOB NOT NULL CHECK (length(hashes) = 224)
) STRICT;

-- Stronger crops and frames were not looked for before: the next scan compares everything once more.
UPDATE image SET scanned_at = NULL;

-- Counts the writes of pairs, so that whoever holds groups in memory knows when they are old.
CREATE TABLE pair_revision (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO pair_revision (id, revision) VALUES (1, 0);

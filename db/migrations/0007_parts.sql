-- What may be left of an image in a crop, or be in it inside a frame; computed with the other hashes, for older images by the next scan.
CREATE TABLE part_hash (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  hashes BLOB NOT NULL CHECK (length(hashes) = 224)
) STRICT;

-- Stronger crops and frames were not looked for before: the next scan compares everything once more.
UPDATE image SET scanned_at = NULL;

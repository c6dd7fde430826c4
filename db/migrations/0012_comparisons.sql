-- The version of the rules by which an image was compared with all others; NULL = not compared, or not by rules that are known.
ALTER TABLE image ADD COLUMN compared_with INTEGER;
-- 1 = it resembles more images of its large group than are stored as pairs.
ALTER TABLE image ADD COLUMN has_more_pairs INTEGER NOT NULL DEFAULT 0;
DROP INDEX image_unscanned;
CREATE INDEX image_compared ON image(compared_with);

-- Scanned with all hashes, an image was compared by the rules of today, whose version is 1.
UPDATE image SET compared_with = 1
WHERE scanned_at IS NOT NULL AND id IN (SELECT image_id FROM orientation_hash) AND id IN (SELECT image_id FROM part_hash);

-- How many images of a snapshot had been compared when it was frozen; NULL = frozen before this was counted.
ALTER TABLE snapshot ADD COLUMN n_compared INTEGER;

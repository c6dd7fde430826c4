-- The score of a run as it was measured last: accuracy and interval, in which near duplicates count once.
ALTER TABLE run ADD COLUMN score TEXT CHECK (score IS NULL OR json_valid(score));

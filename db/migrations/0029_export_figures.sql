-- How each format of an export was checked: accuracy, times, size, and the images on which it differs from its run.
ALTER TABLE export ADD COLUMN figures TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(figures));

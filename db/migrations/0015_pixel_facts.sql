-- The range of values, such as '0 to 4095', that was stretched to 8 bits; NULL where none was.
ALTER TABLE image_measure ADD COLUMN grey_range TEXT;

-- A JPEG that holds a second picture is a JPEG.
UPDATE image SET format = 'JPEG' WHERE format = 'MPO';

-- The digest of the pixels takes account of the opacity now. It is computed again where it is needed.
UPDATE image SET pixel_digest = NULL WHERE format NOT IN ('JPEG', 'BMP');

-- Dates that do not exist, that lie in the future, and the days on which clocks that were never set begin.
UPDATE image_measure SET taken_at = NULL
WHERE taken_at IS NOT NULL AND (
  strftime('%Y-%m-%dT%H:%M:%S', taken_at, '+0 days') IS NOT taken_at
  OR substr(taken_at, 1, 10) IN ('1899-12-30', '1970-01-01', '1980-01-01', '1980-01-06', '1990-01-01', '2000-01-01')
  OR taken_at > strftime('%Y-%m-%dT%H:%M:%S', 'now', '+1 day')
);

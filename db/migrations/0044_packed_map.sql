-- The points of a layout in one piece: 100,000 rows take a quarter of a second to read.
CREATE TABLE map_packed (
  layout_id INTEGER PRIMARY KEY REFERENCES map_layout(id),
  points BLOB NOT NULL
) STRICT;

CREATE TRIGGER a_gone_map_point_is_not_packed AFTER DELETE ON map_point
BEGIN
  DELETE FROM map_packed WHERE layout_id = OLD.layout_id;
END;

CREATE TRIGGER a_new_map_point_is_not_packed AFTER INSERT ON map_point
BEGIN
  DELETE FROM map_packed WHERE layout_id = NEW.layout_id;
END;

-- With the source and the root of an origin: the map coloured by source looked up the row of each of 100,000 images.
DROP INDEX origin_image;
CREATE INDEX origin_image ON origin(image_id, id, source, root_id);

-- Test images as they were imported: all origins were read to find them.
CREATE INDEX origin_test ON origin(image_id) WHERE split = 'test';

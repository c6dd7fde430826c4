-- How many images of each set have an embedding: counting the rows of millions takes a second on every page.
CREATE TABLE embedding_count (
  set_id INTEGER PRIMARY KEY REFERENCES embedding_set(id),
  n INTEGER NOT NULL
) STRICT;

INSERT INTO embedding_count (set_id, n) SELECT set_id, COUNT(*) FROM embedding GROUP BY set_id;

CREATE TRIGGER a_new_embedding_is_counted AFTER INSERT ON embedding
BEGIN
  INSERT INTO embedding_count (set_id, n) VALUES (NEW.set_id, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER a_gone_embedding_is_counted AFTER DELETE ON embedding
BEGIN
  UPDATE embedding_count SET n = n - 1 WHERE set_id = OLD.set_id;
END;

-- Whose a row of the file is, and which row is the last.
CREATE INDEX embedding_row ON embedding(set_id, row);

-- Images with more than one origin: grouping the origins of millions of images takes seconds.
CREATE TABLE image_with_origins (
  image_id INTEGER PRIMARY KEY REFERENCES image(id)
) STRICT;

INSERT INTO image_with_origins (image_id) SELECT image_id FROM origin GROUP BY image_id HAVING COUNT(*) > 1;

CREATE TRIGGER a_further_origin_is_noted AFTER INSERT ON origin
WHEN EXISTS (SELECT 1 FROM origin o WHERE o.image_id = NEW.image_id AND o.id <> NEW.id)
BEGIN
  INSERT INTO image_with_origins (image_id) VALUES (NEW.image_id) ON CONFLICT DO NOTHING;
END;

-- Images in the order of their similarity to one picture. A list is made when it is asked for, and the oldest
-- ones are deleted.
CREATE TABLE ranked_list (
  id INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  image_id INTEGER REFERENCES image(id),
  name TEXT NOT NULL,
  set_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  used_at TEXT NOT NULL
) STRICT;
CREATE INDEX ranked_list_image ON ranked_list(image_id);

CREATE TABLE ranked_item (
  list_id INTEGER NOT NULL REFERENCES ranked_list(id) ON DELETE CASCADE,
  rank INTEGER NOT NULL,
  image_id INTEGER NOT NULL REFERENCES image(id),
  score REAL NOT NULL,
  PRIMARY KEY (list_id, rank)
) STRICT, WITHOUT ROWID;
CREATE INDEX ranked_item_image ON ranked_item(image_id);

-- How strange images are, by their embeddings.
CREATE TABLE outlier_score (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  score REAL NOT NULL,
  nearest_class_id INTEGER REFERENCES class(id),
  class_id INTEGER REFERENCES class(id),
  class_score REAL,
  nearest_similarity REAL NOT NULL
) STRICT;
CREATE INDEX outlier_score_in_order ON outlier_score(score, image_id);
CREATE INDEX outlier_score_in_class ON outlier_score(class_id, class_score, image_id);
CREATE INDEX outlier_score_lonely ON outlier_score(nearest_similarity, image_id);

CREATE TABLE outlier_limit (
  class_id INTEGER PRIMARY KEY,
  outlier_below REAL NOT NULL,
  listed_below REAL NOT NULL
) STRICT;

CREATE TABLE outlier_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  set_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  decision_id INTEGER NOT NULL,
  lonely_below REAL NOT NULL,
  computed_at TEXT NOT NULL
) STRICT;

-- What the ImageNet classifier of the backbone sees.
CREATE TABLE imagenet_guess (
  image_id INTEGER PRIMARY KEY REFERENCES image(id),
  class_index INTEGER NOT NULL,
  probability REAL NOT NULL,
  kept_share REAL
) STRICT;
CREATE INDEX imagenet_guess_class ON imagenet_guess(class_index);
CREATE INDEX imagenet_guess_in_order ON imagenet_guess(kept_share, image_id);

CREATE TABLE imagenet_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  set_id INTEGER NOT NULL,
  n_images INTEGER NOT NULL,
  kept TEXT NOT NULL,
  computed_at TEXT NOT NULL
) STRICT;

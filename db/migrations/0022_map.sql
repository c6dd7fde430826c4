-- Where each image is on the map: one layout for each set of embeddings and each method. `file` is that of the
-- set when the layout was made: embeddings that were begun anew make another layout.
CREATE TABLE map_layout (
  id INTEGER PRIMARY KEY,
  set_id INTEGER NOT NULL REFERENCES embedding_set(id),
  method TEXT NOT NULL CHECK (method IN ('pca', 'umap')),
  file TEXT NOT NULL,
  seconds REAL NOT NULL,
  made_at TEXT NOT NULL,
  UNIQUE (set_id, method)
) STRICT;

CREATE TABLE map_point (
  image_id INTEGER NOT NULL REFERENCES image(id),
  layout_id INTEGER NOT NULL REFERENCES map_layout(id),
  x REAL NOT NULL,
  y REAL NOT NULL,
  PRIMARY KEY (image_id, layout_id)
) STRICT, WITHOUT ROWID;

-- Images that a person chose together, as a queue of exactly these. `run_id`: the run whose predictions were in
-- view when they were chosen.
CREATE TABLE selection (
  id INTEGER PRIMARY KEY,
  run_id INTEGER REFERENCES run(id),
  actor TEXT NOT NULL,
  made_at TEXT NOT NULL
) STRICT;

CREATE TABLE selection_image (
  selection_id INTEGER NOT NULL REFERENCES selection(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  PRIMARY KEY (selection_id, image_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX selection_image_image ON selection_image(image_id);

-- Ranges of measures filter a queue.
CREATE INDEX image_measure_brightness ON image_measure(brightness, image_id);
CREATE INDEX image_measure_contrast ON image_measure(contrast, image_id);
CREATE INDEX image_measure_sharpness ON image_measure(sharpness, image_id);
CREATE INDEX image_measure_colourfulness ON image_measure(colourfulness, image_id);
CREATE INDEX image_pixels ON image(width_px * height_px, id);

-- The album that a person gave a photo in a preview of albums. The photo is a file outside the workspace.
CREATE TABLE album_placement (
    folder TEXT NOT NULL,
    path TEXT NOT NULL,
    class_name TEXT NOT NULL,
    actor TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;

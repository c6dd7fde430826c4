-- Where a file that stays in its folder lay before it was found elsewhere. `origin.path` is where it lies now.
CREATE TABLE origin_move (
  id INTEGER PRIMARY KEY,
  origin_id INTEGER NOT NULL REFERENCES origin(id),
  from_path TEXT NOT NULL,
  to_path TEXT NOT NULL,
  actor TEXT NOT NULL,
  moved_at TEXT NOT NULL
) STRICT;
CREATE INDEX origin_move_origin ON origin_move(origin_id, id);

-- Where a root lay before somebody said where it lies now.
CREATE TABLE root_move (
  id INTEGER PRIMARY KEY,
  root_id INTEGER NOT NULL REFERENCES root(id),
  from_path TEXT NOT NULL,
  to_path TEXT NOT NULL,
  actor TEXT NOT NULL,
  moved_at TEXT NOT NULL
) STRICT;
CREATE INDEX root_move_root ON root_move(root_id, id);

CREATE TRIGGER origin_move_is_never_updated BEFORE UPDATE ON origin_move
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER origin_move_is_never_deleted BEFORE DELETE ON origin_move
BEGIN SELECT RAISE(ABORT, 'origin_move is append-only: where a file lay is never forgotten'); END;
CREATE TRIGGER root_move_is_never_updated BEFORE UPDATE ON root_move
BEGIN SELECT RAISE(ABORT, 'root_move is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER root_move_is_never_deleted BEFORE DELETE ON root_move
BEGIN SELECT RAISE(ABORT, 'root_move is append-only: where a root lay is never forgotten'); END;

-- Told by the last whole verification of an in-place root; NULL before the first.
ALTER TABLE root ADD COLUMN n_missing INTEGER;
ALTER TABLE root ADD COLUMN verified_at TEXT;

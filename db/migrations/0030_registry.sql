-- What an export is used for. At most one export of a workspace is the current one.
ALTER TABLE export ADD COLUMN stage TEXT NOT NULL DEFAULT 'candidate'
  CHECK (stage IN ('candidate', 'current', 'retired'));
CREATE UNIQUE INDEX export_current ON export(stage) WHERE stage = 'current';

-- The log of the stages, append-only.
CREATE TABLE export_stage_change (
  id INTEGER PRIMARY KEY,
  export_id INTEGER NOT NULL REFERENCES export(id),
  from_stage TEXT NOT NULL CHECK (from_stage IN ('candidate', 'current', 'retired')),
  to_stage TEXT NOT NULL CHECK (to_stage IN ('candidate', 'current', 'retired')),
  actor TEXT NOT NULL,
  changed_at TEXT NOT NULL
) STRICT;
CREATE INDEX export_stage_change_export ON export_stage_change(export_id, id);

CREATE TRIGGER export_stage_change_is_never_updated BEFORE UPDATE ON export_stage_change
BEGIN SELECT RAISE(ABORT, 'export_stage_change is append-only: append a new row instead of changing one'); END;
CREATE TRIGGER export_stage_change_is_never_deleted BEFORE DELETE ON export_stage_change
BEGIN SELECT RAISE(ABORT, 'export_stage_change is append-only: append a new row instead of deleting one'); END;

-- Exports that were published on a model hub: where to ask for a removal when an image must be forgotten.
CREATE TABLE hub_push (
  id INTEGER PRIMARY KEY,
  export_id INTEGER NOT NULL REFERENCES export(id),
  endpoint TEXT NOT NULL,
  repository TEXT NOT NULL,
  revision TEXT NOT NULL,
  url TEXT NOT NULL,
  is_public INTEGER NOT NULL CHECK (is_public IN (0, 1)),
  actor TEXT NOT NULL,
  pushed_at TEXT NOT NULL
) STRICT;
CREATE INDEX hub_push_export ON hub_push(export_id, id);

-- Models that were pulled from a hub: no run of this workspace made them, and nothing here proved them.
CREATE TABLE pulled_model (
  id INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL,
  repository TEXT NOT NULL,
  revision TEXT NOT NULL,
  url TEXT NOT NULL,
  path TEXT NOT NULL UNIQUE,
  files TEXT NOT NULL CHECK (json_valid(files)),
  class_names TEXT NOT NULL CHECK (json_valid(class_names)),
  actor TEXT NOT NULL,
  pulled_at TEXT NOT NULL
) STRICT;

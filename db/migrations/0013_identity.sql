-- Which workspace this is. A copy and a restored backup get a new identity, so that they do not touch the
-- processes of the original.
CREATE TABLE workspace_identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  identity TEXT NOT NULL CHECK (length(identity) = 32),
  file TEXT NOT NULL,
  made_at TEXT NOT NULL
) STRICT;

INSERT INTO workspace_identity (id, identity, file, made_at)
VALUES (1, lower(hex(randomblob(16))), '', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));

-- The identity of the workspace in which a job was submitted or resumed last.
ALTER TABLE job ADD COLUMN owner TEXT NOT NULL DEFAULT '';
UPDATE job SET owner = (SELECT identity FROM workspace_identity);

-- Named by a restored backup: not read until a person accepts it.
ALTER TABLE root ADD COLUMN is_foreign INTEGER NOT NULL DEFAULT 0 CHECK (is_foreign IN (0, 1));
ALTER TABLE export ADD COLUMN is_foreign INTEGER NOT NULL DEFAULT 0 CHECK (is_foreign IN (0, 1));

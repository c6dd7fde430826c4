-- On how many processes a run was trained, and by which engine.
ALTER TABLE run ADD COLUMN n_ranks INTEGER NOT NULL DEFAULT 1 CHECK (n_ranks >= 1);
ALTER TABLE run ADD COLUMN engine TEXT NOT NULL DEFAULT '';

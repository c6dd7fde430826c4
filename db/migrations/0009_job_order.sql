-- A waiting job can be moved before the others of its lane: the highest priority first, then the oldest.
ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
DROP INDEX job_waiting;
CREATE INDEX job_waiting ON job(lane, state, priority DESC, id);

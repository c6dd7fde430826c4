-- Runs that measure what decisions bought are made by a job for its result: they are no run of a person's, and
-- no queue, list or suggestion uses the newest of them. Their snapshots have an empty `frozen_at`.
ALTER TABLE run ADD COLUMN made_for TEXT NOT NULL DEFAULT '' CHECK (made_for IN ('', 'attribution'));

-- What to do about a failed job, in words and as actions: JSON [{"kind": ..., "arguments": {...}}].
ALTER TABLE job ADD COLUMN remedy TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN actions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(actions));

-- The message of a lost job ended with a command; it becomes an action.
UPDATE job
SET error = substr(error, 1, instr(error, ' Go on with: peakid jobs resume') - 1), remedy = 'Resume it.',
  actions = json_array(json_object('kind', 'resume_job', 'arguments', json_object('job_id', id)))
WHERE state = 'lost' AND instr(error, ' Go on with: peakid jobs resume') > 0;

-- Never written or read.
ALTER TABLE job DROP COLUMN metrics;

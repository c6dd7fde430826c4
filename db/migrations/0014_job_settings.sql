-- What a job takes from the settings of the process that submitted it (peakid/job_settings.py).
-- '{}' for jobs of earlier versions, which took the settings of whichever worker ran them.
ALTER TABLE job ADD COLUMN settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings));

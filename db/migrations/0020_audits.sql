-- What a person said about a label that no person had reviewed, in the queue of doubtful labels or in a random
-- sample of labels, with the label quality that the image had at that moment: how many errors remain is
-- estimated from it. The head is fitted again after each judgement, so that it could not be computed later.
CREATE TABLE label_check (
  decision_id INTEGER PRIMARY KEY REFERENCES decision(id),
  image_id INTEGER NOT NULL REFERENCES image(id),
  queue TEXT NOT NULL,
  given_class_id INTEGER NOT NULL REFERENCES class(id),
  label_quality REAL CHECK (label_quality BETWEEN 0 AND 1)
) STRICT;
CREATE INDEX label_check_image ON label_check(image_id);

CREATE TRIGGER a_label_was_checked AFTER INSERT ON decision
WHEN NEW.actor GLOB 'human:*' AND NEW.undoes IS NULL
  AND (NEW.basis ->> '$.queue' GLOB 'label-issues*' OR NEW.basis ->> '$.queue' GLOB 'audit:labels:*')
BEGIN
  INSERT INTO label_check (decision_id, image_id, queue, given_class_id, label_quality)
  SELECT NEW.id, NEW.image_id, NEW.basis ->> '$.queue', p.class_id, (SELECT g.label_quality FROM suggestion g
    WHERE g.image_id = NEW.image_id AND g.given_class_id = p.class_id)
  FROM decision p WHERE p.verdict = 'label' AND p.is_reviewed = 0
    AND p.id = (SELECT MAX(id) FROM decision WHERE image_id = NEW.image_id AND id < NEW.id);
END;

-- A step that accepted all suggestions above a threshold. Its decisions are by the model, the step is a person's.
CREATE TABLE accepted_step (
  step_id INTEGER PRIMARY KEY REFERENCES step(id),
  threshold REAL NOT NULL CHECK (threshold BETWEEN 0 AND 1),
  n_images INTEGER NOT NULL CHECK (n_images > 0),
  expected_error REAL NOT NULL CHECK (expected_error BETWEEN 0 AND 1)
) STRICT;

CREATE INDEX image_state_by_models ON image_state(image_id)
  WHERE actor GLOB 'model:*' AND is_reviewed = 0 AND verdict = 'label';

CREATE INDEX suggestion_useful ON suggestion(usefulness, image_id) WHERE usefulness IS NOT NULL;

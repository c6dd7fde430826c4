-- With every column that a queue reads of a prediction: its row was looked up for each that a filter leaves out.
DROP INDEX prediction_unsure;
CREATE INDEX prediction_unsure
  ON prediction(run_id, confidence, image_id, is_out_of_sample, split, given_label, predicted_label)
  WHERE is_out_of_sample = 1;

DROP INDEX prediction_disagrees;
CREATE INDEX prediction_disagrees
  ON prediction(run_id, confidence, image_id, is_out_of_sample, split, given_label, predicted_label)
  WHERE is_out_of_sample = 1 AND predicted_label <> given_label;

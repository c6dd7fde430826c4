"""A request that cannot give what it asks for is refused before it is queued."""

import numpy as np
import pytest

from peakid.errors import BadInput
from peakid.jobs import submit
from peakid.jobs.evaluation import averaging
from peakid.recipe.recipe import Recipe
from peakid.remedies import action
from peakid.store import run_predictions, runs


def test_a_training_does_not_start_from_a_model_that_was_fitted_on_validation(workspace, frozen, add_run):
    run_id = add_run(frozen)
    (runs.folder(workspace, run_id) / "model.safetensors").write_bytes(b"")
    digests, plain = run_predictions.pred_probs(workspace, run_id, "valid")
    assert set(averaging._scored(workspace, run_id)) == {"valid", "test"}
    run_predictions.add_refit(workspace, run_id, digests, np.asarray(plain))
    with pytest.raises(BadInput, match="was fitted on its validation images too") as refused:
        submit.estimate(workspace, Recipe(pretrained=f"run:{run_id}"))
    assert refused.value.actions == (action("set_recipe", key="pretrained", value="auto"),)
    # Averaged predictions for images that it has seen would be no score.
    assert set(averaging._scored(workspace, run_id)) == {"test"}

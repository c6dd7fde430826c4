"""The model of a run in memory: the probabilities of the run, and the heat map of each first choice."""

import numpy as np
import pytest
import torch

from peakid.errors import NotFound
from peakid.learn import heat_checks, heat_maps
from peakid.learn.network import model as models
from peakid.learn.network import predict
from peakid.learn.run_model import HEAT_BATCH, RunModel

HALF = (0.5, 0.5, 0.5)
CARD = models.Card("plain_cnn", ["moss", "rust", "sand"], 32, "crop", HALF, HALF, 2, {}, "", {}, "linear")


def test_it_predicts_as_the_run_and_maps_as_heat_maps_do(tmp_path):
    torch.manual_seed(0)
    model = models.build("plain_cnn", n_classes=3, head="linear").eval()
    models.save(model, CARD, tmp_path)
    batch = np.random.default_rng(1).integers(0, 256, (HEAT_BATCH + 2, 32, 32, 3), dtype=np.uint8)
    pred_probs, heat = RunModel(tmp_path).predict(batch)
    expected = predict.pred_probs(model, batch, CARD, device=torch.device("cpu"))
    assert np.array_equal(pred_probs, expected)
    given = models.normalise(torch.from_numpy(batch), CARD)
    at = heat_maps.target(model, "plain_cnn")
    maps, _ = heat_maps.grad_cam(model, given, torch.from_numpy(expected.argmax(axis=1)), at)
    assert (heat.shape, heat.dtype) == ((HEAT_BATCH + 2, 32, 32), np.uint8)
    assert np.abs(heat - 255 * heat_checks.cells(maps)).max() <= 0.51  # Rounded; batches of another size.
    assert (heat.max(axis=(1, 2)) == 255).any()


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(NotFound, match="no trained model"):
        RunModel(tmp_path)

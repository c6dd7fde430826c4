"""Predict photos with the model of a run, kept in memory, with the heat map of each most probable class."""

from pathlib import Path

import numpy as np
import torch

from peakid.learn import heat_checks, heat_maps
from peakid.learn.network import model as models
from peakid.learn.network import predict

HEAT_BATCH = 16  # Photos whose activations and gradients are in memory at once.


class RunModel:
    """The model of one run, on the CPU: a training on the GPU is not disturbed by a few photos.

    Args:
        folder: Of the run.

    Raises:
        NotFound: If the run has no model.
        WeightsUnfit: If its weights are damaged or do not fit its card.
    """

    def __init__(self, folder: Path) -> None:
        self._model, self._card = models.load(folder)
        self._at = heat_maps.target(self._model, self._card.arch)

    def predict(self, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities and heat maps of canonical pixels, uint8 (n, S, S, 3).

        Returns:
            Probabilities, float32 (n, K). Heat maps of the most probable class, uint8 (n, 32, 32), the
            hottest place of each 255; they are not tested.
        """
        device = torch.device("cpu")
        pred_probs = predict.pred_probs(self._model, batch, self._card, device=device)
        heat = [
            self._heat(batch[start : start + HEAT_BATCH], pred_probs[start : start + HEAT_BATCH])
            for start in range(0, len(batch), HEAT_BATCH)
        ]
        return pred_probs, np.concatenate(heat)

    def _heat(self, batch: np.ndarray, pred_probs: np.ndarray) -> np.ndarray:
        given = models.normalise(torch.from_numpy(batch), self._card)  # (B, 3, S, S)
        first = torch.from_numpy(pred_probs.argmax(axis=1))  # (B,)
        maps, _ = heat_maps.grad_cam(self._model, given, first, self._at)  # (B, H, W)
        return np.rint(255 * heat_checks.cells(maps)).astype(np.uint8)

"""The result of a training. Importing it does not load torch."""

from dataclasses import dataclass, field

import numpy as np

from peakid.run_records import RunWarning, StartingWeights

Probabilities = dict[str, tuple[list[str], np.ndarray]]
"""By split: the digests, and pred_probs in the same order, float32 of shape (n, K)."""


@dataclass(frozen=True)
class TrainResult:
    """The result of a training. A cancelled one is usable if `best_epoch` is not None.

    Attributes:
        best_epoch: The epoch with the lowest validation loss, counted from 1 over all phases. None without a
            model.
        metrics: `accuracy`, `valid_loss` (plain cross-entropy) and `train_loss` (with label smoothing and
            augmentation) of that epoch.
        pred_probs: From the saved model; train is in-sample. With a refit, valid is from the model before it.
            After cross-validation only `cv`, each image by a model that has not seen it.
        device: `cpu`, `mps` or `cuda (name of the GPU)`.
        refit_pred_probs: Of the validation images by a model that was refitted on them, in the order of
            `pred_probs["valid"]`: exports are compared with them. None without a refit.
    """

    best_epoch: int | None
    metrics: dict[str, float]
    pred_probs: Probabilities
    device: str
    n_workers: int
    starting_weights: StartingWeights
    warnings: list[RunWarning]
    is_cancelled: bool
    seconds: float
    libraries: dict[str, str] = field(default_factory=dict)
    refit_pred_probs: np.ndarray | None = None

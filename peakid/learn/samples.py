"""Predictions for a few validation images, epoch by epoch, so that a person can watch a model learn."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from torch import Tensor

from peakid import files
from peakid.learn.batches.data import TrainingImages
from peakid.recipe import run_files

N_SAMPLES = 8  # As many as a page has space for in one row.


class SamplePrediction(TypedDict):
    """The prediction for one image."""

    digest: str
    given: str
    predicted: str
    confidence: float


class SampleEpoch(TypedDict):
    """The predictions of one epoch."""

    epoch: int
    answers: list[SamplePrediction]


@dataclass(frozen=True)
class Samples:
    """The chosen images.

    Attributes:
        rows: Their positions among the validation images.
        digests, given: Digest and given label for each of them.
        file: Holds a list of `SampleEpoch`.
    """

    rows: list[int]
    digests: list[str]
    given: list[str]
    class_names: list[str]
    file: Path

    def add_epoch(self, epoch: int, pred_probs: Tensor) -> None:
        """Add an epoch's predictions, and remove those of later epochs, which a resumed training repeats.

        Args:
            pred_probs: Of all validation images in their order, (n, K).
        """
        confidence, best = pred_probs[self.rows].max(dim=1)  # (n_samples,) each
        columns = zip(self.digests, self.given, best.tolist(), confidence.tolist(), strict=True)
        answers = [
            SamplePrediction(
                digest=digest, given=given, predicted=self.class_names[k], confidence=round(share, 4)
            )
            for digest, given, k, share in columns
        ]
        earlier = [each for each in _read(self.file) if each["epoch"] < epoch]
        # On a full disk the training goes on without samples.
        with contextlib.suppress(OSError):
            files.write_json(self.file, [*earlier, SampleEpoch(epoch=epoch, answers=answers)])


def choose(images: TrainingImages, folder: Path, *, seed: int) -> Samples:
    """Choose a few validation images, alternating between classes; the same seed chooses the same images."""
    valid = images.rows("valid")
    order = np.random.default_rng(seed).permutation(len(valid))
    of_class = [
        [row for row in order.tolist() if images.labels[valid[row]] == k]
        for k in range(len(images.class_names))
    ]
    rounds = max(map(len, of_class), default=0)
    rows = [rows[n] for n in range(rounds) for rows in of_class if n < len(rows)][:N_SAMPLES]
    return Samples(
        rows=rows,
        digests=[images.digests[valid[row]] for row in rows],
        given=[images.class_names[images.labels[valid[row]]] for row in rows],
        class_names=images.class_names,
        file=folder / run_files.SAMPLES,
    )


def _read(file: Path) -> list[SampleEpoch]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []

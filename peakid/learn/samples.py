"""What the running model answers for a few valid images, epoch by epoch, so that a person can watch it learn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from peakid.learn.batches.data import TrainingImages

N_SAMPLES = 8  # What fits beside each other on a page.
SAMPLES_NAME = "samples.json"


@dataclass(frozen=True)
class Samples:
    """The chosen images.

    Attributes:
        rows: Their places among the valid images.
        digests, given: Names and labels, one a row.
        file: Gets a list of epochs, each `{epoch, answers: [{digest, given, predicted, confidence}]}`.
    """

    rows: list[int]
    digests: list[str]
    given: list[str]
    class_names: list[str]
    file: Path

    def keep(self, epoch: int, probabilities: Tensor) -> None:
        """Add an epoch's answers; those of later ones, which a resumed training repeats, are taken out.

        Args:
            probabilities: Of all valid images in their order, (n, K).
        """
        confidence, best = probabilities[self.rows].max(dim=1)
        answers = [
            {
                "digest": digest,
                "given": given,
                "predicted": self.class_names[k],
                "confidence": round(share, 4),
            }
            for digest, given, k, share in zip(
                self.digests, self.given, best.tolist(), confidence.tolist(), strict=True
            )
        ]
        earlier = [each for each in _read(self.file) if each["epoch"] < epoch]
        partial = self.file.with_suffix(".partial")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(
                json.dumps([*earlier, {"epoch": epoch, "answers": answers}], ensure_ascii=False),
                encoding="utf-8",
            )
            partial.replace(self.file)
        except OSError:  # A full disk: the training is worth more than what one may watch of it.
            partial.unlink(missing_ok=True)


def choose(images: TrainingImages, folder: Path, *, seed: int) -> Samples:
    """Choose a few valid images, one class after the other in turn, the same ones for the same seed."""
    valid = images.rows("valid")
    order = np.random.default_rng(seed).permutation(len(valid))
    of_class = [
        [row for row in order.tolist() if images.labels[valid[row]] == k]
        for k in range(len(images.class_names))
    ]
    turns = max(map(len, of_class), default=0)
    rows = [rows[turn] for turn in range(turns) for rows in of_class if turn < len(rows)][:N_SAMPLES]
    return Samples(
        rows=rows,
        digests=[images.digests[valid[row]] for row in rows],
        given=[images.class_names[images.labels[valid[row]]] for row in rows],
        class_names=images.class_names,
        file=folder / SAMPLES_NAME,
    )


def _read(file: Path) -> Sequence[dict[str, Any]]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []

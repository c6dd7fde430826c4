"""What the process of the run predictor is sent and what it answers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid.errors import PeakidError

Version = tuple[int, int]
"""Size in bytes and time in nanoseconds of a file of weights."""


@dataclass(frozen=True)
class Question:
    """Photos for the model of a run.

    Attributes:
        number: Of the question; its answers have the same.
        run_folder: The run, whose model is loaded unless this version of it is in memory.
        batch: Canonical pixels, uint8 (n, S, S, 3).
    """

    number: int
    run_folder: Path
    version: Version
    batch: np.ndarray


@dataclass(frozen=True)
class Started:
    """The libraries are loaded."""


@dataclass(frozen=True)
class Answer:
    """What the model says of the photos of a question.

    Attributes:
        pred_probs: float32 (n, K), at temperature 1.
        heat: uint8 (n, 32, 32): where the score of the most probable class comes from.
    """

    number: int
    pred_probs: np.ndarray
    heat: np.ndarray


@dataclass(frozen=True)
class Refusal:
    """Why the model of a question cannot be used."""

    number: int
    error: PeakidError


Reply = Started | Answer | Refusal

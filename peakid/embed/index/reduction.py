"""Reduce embeddings to fewer dimensions, in which a shard of an index is a fifth as large and built faster.

What an index finds is compared in all dimensions afterwards, so the reduction only has to keep the neighbours
among some hundred candidates.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import files
from peakid.embed import neighbours, projection

N_COMPONENTS = 256  # Of 1,280 dimensions. bench/neighbours.py has other numbers.
MOST_FITTED = 8_192  # Rows that the components are computed from.
_SEED = 0


@dataclass(frozen=True)
class Reduction:
    """Attributes:
    mean: float32 of shape (C,), of normalised embeddings.
    axes: float32 of shape (C, D), D <= `N_COMPONENTS`.
    """

    mean: np.ndarray
    axes: np.ndarray

    @property
    def n_components(self) -> int:
        return self.axes.shape[1]

    def of(self, normalised: np.ndarray) -> np.ndarray:
        """Return embeddings of shape (n, C) and length 1 as float32 of shape (n, D)."""
        return (normalised - self.mean) @ self.axes


def fit(vectors: np.ndarray) -> Reduction:
    """Return the principal components of normalised embeddings of shape (N, C)."""
    rows = np.arange(len(vectors))
    if len(rows) > MOST_FITTED:
        rows = np.sort(np.random.default_rng(_SEED).choice(len(rows), MOST_FITTED, replace=False))
    sample = neighbours.normalised(vectors[rows])
    mean = sample.mean(axis=0)
    n = min(N_COMPONENTS, vectors.shape[1], max(1, len(rows) - 1))
    return Reduction(mean, projection.components(sample - mean, n))


def read(file: Path) -> Reduction | None:
    """Return a reduction that was written, None where the file is missing or damaged."""
    try:
        with np.load(file, allow_pickle=False) as found:
            return Reduction(found["mean"], found["axes"])
    except (OSError, ValueError, KeyError, EOFError):
        return None


def write(file: Path, reduction: Reduction) -> None:
    """Write a reduction to a file."""
    with files.replacing(file) as unfinished, unfinished.open("wb") as opened:
        np.savez(opened, mean=reduction.mean, axes=reduction.axes)

"""What decisions bought: the accuracy with and without them, from models trained with the same seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.evaluate.comparing import common_images
from peakid.evaluate.distributions import t_quantile
from peakid.evaluate.trust.grouped import design_effect
from peakid.records import Run
from peakid.store import runs
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Bought:
    """The accuracy with some decisions minus that without them, averaged over S seeds.

    Attributes:
        n_images: Images that all models were scored on, by the newest labels.
        difference: In -1..1.
        interval: Of 95 %: from the images and, with several seeds, from the spread between seeds.
        by_seed: The difference of each seed.
    """

    n_images: int
    accuracy_without: float
    accuracy_with: float
    difference: float
    interval: tuple[float, float]
    by_seed: tuple[float, ...]

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out 0."""
        return not self.interval[0] <= 0 <= self.interval[1]


def measure(workspace: Workspace, without: Sequence[int], with_them: Sequence[int], split: str) -> Bought:
    """Measure the difference of the runs trained without decisions and those trained with them.

    Args:
        without: S runs, one for each seed.
        with_them: S runs with the same seeds.

    Raises:
        BadInput: If they share no scored image.
    """
    compared: list[Run] = [runs.show(workspace, run_id) for run_id in (*without, *with_them)]
    images = common_images.load(workspace, compared, split)
    n_seeds = len(without)
    return of(images.is_right[:n_seeds], images.is_right[n_seeds:], images.groups)


def of(right_without: np.ndarray, right_with: np.ndarray, groups: np.ndarray) -> Bought:
    """Compute the difference and its interval.

    Args:
        right_without: bool of shape (S, N), row s for seed s.
        right_with: As `right_without`.
        groups: int64 of shape (N,): near duplicates have the same number.
    """
    changes = right_with.astype(float) - right_without  # (S, N)
    by_seed = changes.mean(axis=1)
    return Bought(
        n_images=changes.shape[1],
        accuracy_without=float(right_without.mean()),
        accuracy_with=float(right_with.mean()),
        difference=float(by_seed.mean()),
        interval=_interval(changes.mean(axis=0), by_seed, groups),
        by_seed=tuple(by_seed.tolist()),
    )


def _interval(change: np.ndarray, by_seed: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the mean change.

    For one seed it is that of Agresti and Min, as between any two runs. Further seeds add the variance of
    their mean, with the degrees of freedom of Welch and Satterthwaite.

    Args:
        change: float of shape (N,): of each image, averaged over seeds, in -1..1.
    """
    effect = design_effect(change, groups)
    total = len(change) / effect + 2  # Half an image in each of four cells.
    mean = float(change.sum()) / effect / total
    square = (float((change**2).sum()) / effect + 1) / total
    of_images = (square - mean**2) / total
    n_seeds = len(by_seed)
    of_seeds = float(by_seed.var(ddof=1)) / n_seeds if n_seeds > 1 else 0.0
    variance = of_images + of_seeds
    freedom = (variance / of_seeds) ** 2 * (n_seeds - 1) if of_seeds > 0 else math.inf
    half = t_quantile(0.975, freedom) * math.sqrt(variance)
    return max(-1.0, mean - half), min(1.0, mean + half)

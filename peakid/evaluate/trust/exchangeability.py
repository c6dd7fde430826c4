"""An alarm when new photos do not look like the test images: scores measured there may not hold for them.

Two permutation tests: whether the model is as sure of them (Kolmogorov and Smirnov), and whether they look
the same, by their embeddings or their predicted probabilities (maximum mean discrepancy, Gretton et al.
2012). A permutation test is exact: where nothing differs, 1 alarm in 20 is false.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

ALARM_P = 0.05
N_PERMUTATIONS = 999
MOST_IMAGES = 1000  # Of each side. A kernel of 2,000 images has 32 MB.
LEAST_IMAGES = 8  # Of each side: with fewer, no difference can be told from chance.

Space = Literal[
    "embeddings",     # Of a backbone that has not seen the labels.
    "probabilities",  # Predicted by the run, where there are no embeddings.
]  # fmt: skip


@dataclass(frozen=True)
class Exchangeability:
    """Whether new photos could have been test images.

    Attributes:
        split: That of the reference images.
        n_reference, n_new: Images compared, one of each group of near duplicates.
        p_confidence: p-value for the model being less or more sure of the new photos.
        p_looks: p-value for other looks, by `space`.
        p: Of both together: the smaller one times two, at most 1 (Bonferroni).
        confidence_reference, confidence_new: Median confidence, 0..1.
        is_alarm: None where there are too few images to tell.
    """

    split: str
    n_reference: int
    n_new: int
    space: Space
    p_confidence: float | None
    p_looks: float | None
    p: float | None
    confidence_reference: float
    confidence_new: float
    is_alarm: bool | None

    def to_json(self) -> dict[str, Any]:
        """Return the test as `--json` prints it."""
        return asdict(self)


def compare(
    reference: np.ndarray,
    new: np.ndarray,
    confidence_reference: np.ndarray,
    confidence_new: np.ndarray,
    *,
    space: Space,
    split: str = "test",
    seed: int = 0,
) -> Exchangeability:
    """Compare new photos with reference images, each side with one image of a group.

    Args:
        reference: Vectors of the M reference images, of shape (M, D): embeddings of length 1, or square
            roots of probabilities.
        new: Those of the N new photos, of shape (N, D).
        confidence_reference: Of shape (M,), 0..1.
        confidence_new: Of shape (N,), 0..1.
        split: Of the reference images.
    """
    rng = np.random.default_rng(seed)
    medians = [
        float(np.median(each)) if len(each) else 0.0 for each in (confidence_reference, confidence_new)
    ]
    if min(len(reference), len(new)) < LEAST_IMAGES:
        return Exchangeability(split, len(reference), len(new), space, None, None, None, *medians, None)
    first, second = (_some(len(each), rng) for each in (reference, new))
    p_looks = mmd_p(reference[first], new[second], rng)
    p_confidence = ks_p(confidence_reference[first], confidence_new[second], rng)
    p = min(1.0, 2 * min(p_looks, p_confidence))
    return Exchangeability(
        split, len(first), len(second), space, p_confidence, p_looks, p, *medians, p <= ALARM_P
    )


def mmd_p(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """Return the p-value of the maximum mean discrepancy with a Gaussian kernel of the median distance."""
    both = np.concatenate([a, b]).astype(np.float64)
    squares = np.square(both).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * both @ both.T, 0)
    median = float(np.median(distances[np.triu_indices(len(both), 1)]))
    kernel = np.exp(-distances / median) if median > 0 else (distances == 0).astype(np.float64)

    def statistic(is_first: np.ndarray) -> np.ndarray:  # (B, M + N) -> (B,)
        weights = np.where(is_first, 1 / len(a), -1 / len(b))
        return ((weights @ kernel) * weights).sum(axis=1)

    return _permuted(len(a), len(b), statistic, rng)


def ks_p(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """Return the p-value of the largest distance between two distributions, by permutation: ties count."""
    both = np.concatenate([a, b])
    order = np.argsort(both, kind="stable")
    is_last = np.append(np.diff(both[order]) > 0, True)  # Equal values are passed together.

    def statistic(is_first: np.ndarray) -> np.ndarray:
        steps = np.where(is_first[:, order], 1 / len(a), -1 / len(b))
        return np.abs(np.cumsum(steps, axis=1)[:, is_last]).max(axis=1)

    return _permuted(len(a), len(b), statistic, rng)


def _permuted(
    n_first: int, n_second: int, statistic: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> float:
    observed_mask = np.arange(n_first + n_second) < n_first
    observed = float(statistic(observed_mask[None])[0])
    masks = rng.permuted(np.tile(observed_mask, (N_PERMUTATIONS, 1)), axis=1)
    n_above = int((statistic(masks) >= observed - 1e-12).sum())
    return (n_above + 1) / (N_PERMUTATIONS + 1)


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= MOST_IMAGES else np.sort(rng.choice(n, MOST_IMAGES, replace=False))


def one_of_each(groups: np.ndarray) -> np.ndarray:
    """Return the position of the first image of each group, ascending."""
    return np.sort(np.unique(groups, return_index=True)[1])

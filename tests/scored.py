"""Scored images drawn with a seed, without a workspace."""

from collections.abc import Sequence

import numpy as np

from peakid.evaluate.scored_images import ScoredImages


def images(
    pred_probs: Sequence[Sequence[float]] | np.ndarray,
    given: Sequence[int] | np.ndarray,
    *,
    groups: Sequence[int] | np.ndarray | None = None,
    split: str = "test",
    also_shows: Sequence[bool] | None = None,
) -> ScoredImages:
    """Return images with chosen probabilities (N, K) and labels (N,)."""
    probabilities = np.asarray(pred_probs, dtype=np.float32)
    label = np.asarray(given, dtype=np.int32)
    n = len(label)
    return ScoredImages(
        run_id=1,
        split=split,
        class_names=tuple(f"class {k}" for k in range(probabilities.shape[1])),
        digests=tuple(f"{number:064x}" for number in range(n)),
        image_ids=np.arange(n),
        given=label,
        newest=label,
        is_reviewed=np.zeros(n, dtype=bool),
        also_shows=np.array(also_shows if also_shows is not None else [False] * n, dtype=bool),
        groups=np.arange(n) if groups is None else np.asarray(groups),
        pred_probs=probabilities,
    )


def drawn(
    n: int,
    *,
    n_classes: int = 4,
    signal: float = 1.5,
    sharpness: float = 1.0,
    group_size: int = 1,
    split: str = "test",
    seed: int = 0,
) -> ScoredImages:
    """Draw images of classes that overlap. The probabilities are those of Bayes at sharpness 1."""
    rng = np.random.default_rng(seed)
    n_groups = -(-n // group_size)
    groups = np.repeat(np.arange(n_groups), group_size)[:n]
    given = rng.integers(n_classes, size=n_groups)[groups]
    evidence = rng.normal(size=(n_groups, n_classes))[groups]
    evidence[np.arange(n), given] += signal
    powers = signal * sharpness * evidence
    powers -= powers.max(axis=1, keepdims=True)
    probabilities = np.exp(powers)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return images(probabilities, given, groups=groups, split=split)

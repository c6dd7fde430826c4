"""Whether a plain property of the files predicts the labels: a model can learn it instead of the subject.

A property is cut into a few values, and the most frequent label of each value is the prediction. Its
accuracy is cross-validated, compared with that of the most frequent label, and tested by shuffling labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid.evaluate import intervals
from peakid.evaluate.slices import binning

N_FOLDS = 5
N_BINS = 8  # Of a measure: more would need more images for each.
MOST_VALUES = 20  # Of a property that is a word; rarer values are one more.
N_SHUFFLES = 1_999  # The smallest p-value is .0005, below .01 also after the correction for 15 properties.
N_AS_GOOD = 30  # After so many shuffles that are predicted as well, the p-value is known well enough.
LEAST_IMAGES = 20  # With fewer, chance alone explains any table.
LEAST_GAIN = 0.05  # Accuracy above guessing, below which a property hardly helps a model.
LARGEST_P = 0.01
N_EXAMPLES = 3
_NO_VALUE = "unknown"


@dataclass(frozen=True)
class Property:
    """One property of N images.

    Attributes:
        title: Such as "Source" or "Brightness".
        values: float64 of shape (N,) with NaN where it is unknown, or N words, '' where it is unknown.
        unit: Follows a number in a text, such as " px".
    """

    title: str
    values: np.ndarray | Sequence[str]
    unit: str = ""


@dataclass(frozen=True)
class Example:
    """The images with one value of a property: `share` of the `n_images` have the label number `label`."""

    value: str
    n_images: int
    label: int
    share: float


@dataclass(frozen=True)
class Shortcut:
    """How well one property predicts the labels.

    Attributes:
        accuracy: Cross-validated, with its 95 % interval.
        majority: Accuracy of always guessing the most frequent label.
        p_value: Share of shuffled labels that are predicted as well, corrected for the number of properties.
        is_shortcut: It is better than guessing by `LEAST_GAIN` at least, and not by chance.
        examples: The values that tell the most, first.
    """

    title: str
    n_images: int
    accuracy: float
    interval: tuple[float, float]
    majority: float
    p_value: float
    is_shortcut: bool
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class _Binned:
    """A property in a few values: `bins` int64 of shape (N,), in the order of `names`."""

    bins: np.ndarray
    names: tuple[str, ...]


def check(
    properties: Sequence[Property], labels: np.ndarray, groups: np.ndarray, n_classes: int, *, seed: int = 0
) -> list[Shortcut]:
    """Return the properties in the order of how much they predict; [] for too few images or classes.

    Of images of one group the first one counts: near duplicates share their properties and their label.

    Args:
        labels: int64 of shape (N,), in 0..n_classes-1.
        groups: int64 of shape (N,).
    """
    _, first = np.unique(groups, return_index=True)
    rows = np.sort(first)
    kept = labels[rows]
    if len(rows) < LEAST_IMAGES or len(np.unique(kept)) < 2:
        return []
    random = np.random.default_rng(seed)
    folds = random.permutation(len(rows)) % N_FOLDS
    majority = float(np.bincount(kept, minlength=n_classes).max() / len(kept))
    tested = [_binned(each, rows) for each in properties]
    found = [
        (each, binned, *_test(binned, kept, folds, n_classes, random))
        for each, binned in zip(properties, tested, strict=True)
        if len(binned.names) > 1
    ]
    corrected = _holm([p_value for *_, p_value in found])
    shortcuts = [
        Shortcut(
            title=each.title,
            n_images=len(rows),
            accuracy=n_right / len(rows),
            interval=intervals.wilson(n_right, len(rows)),
            majority=majority,
            p_value=p_value,
            is_shortcut=p_value < LARGEST_P and n_right / len(rows) - majority >= LEAST_GAIN,
            examples=_examples(binned, kept, n_classes),
        )
        for (each, binned, n_right, _), p_value in zip(found, corrected, strict=True)
    ]
    return sorted(shortcuts, key=lambda each: (-each.accuracy, each.title))


def _test(
    binned: _Binned, labels: np.ndarray, folds: np.ndarray, n_classes: int, random: np.random.Generator
) -> tuple[int, float]:
    """Return how many images are predicted correctly, and the p-value of it (Besag and Clifford 1991)."""
    n_right = _n_right(binned, labels, folds, n_classes)
    n_as_good = 0
    for n_shuffles in range(1, N_SHUFFLES + 1):
        n_as_good += _n_right(binned, random.permutation(labels), folds, n_classes) >= n_right
        if n_as_good >= N_AS_GOOD:
            return n_right, n_as_good / n_shuffles
    return n_right, (n_as_good + 1) / (N_SHUFFLES + 1)


def _n_right(binned: _Binned, labels: np.ndarray, folds: np.ndarray, n_classes: int) -> int:
    n_values = len(binned.names)
    cell = (folds * n_values + binned.bins) * n_classes + labels
    counts = np.bincount(cell, minlength=N_FOLDS * n_values * n_classes)
    counts = counts.reshape(N_FOLDS, n_values, n_classes)
    others = counts.sum(axis=0) - counts  # Of the other folds: (folds, values, classes).
    shares = others.sum(axis=1, keepdims=True) / np.maximum(others.sum(axis=(1, 2), keepdims=True), 1)
    predicted = (others + shares).argmax(axis=2)  # A value without images gets the most frequent label.
    return int(np.take_along_axis(counts, predicted[:, :, None], axis=2).sum())


def _holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979)."""
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for n, index in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - n) * p_values[index]))
        corrected[index] = highest
    return corrected


def _binned(each: Property, rows: np.ndarray) -> _Binned:
    if isinstance(each.values, np.ndarray):
        return _numbers(each.values[rows], each.unit)
    return _words([each.values[row] or _NO_VALUE for row in rows])


def _words(values: Sequence[str]) -> _Binned:
    names, counts = np.unique(values, return_counts=True)
    frequent = [str(name) for name in names[np.argsort(-counts, kind="stable")][:MOST_VALUES]]
    place = {name: n for n, name in enumerate(frequent)}
    bins = np.array([place.get(value, len(frequent)) for value in values], np.int64)
    return _Binned(bins, (*frequent, *(["another value"] if len(names) > MOST_VALUES else [])))


def _numbers(values: np.ndarray, unit: str) -> _Binned:
    """Cut a measure at its quantiles; a value that many images have is never cut."""
    known = np.isfinite(values)
    if not known.any():
        return _Binned(np.zeros(len(values), np.int64), (_NO_VALUE,))
    edges = binning.edges(values[known], N_BINS)
    bins = np.where(known, np.searchsorted(edges, values, side="right"), len(edges) + 1)
    names = binning.names(edges, unit)
    return _Binned(bins.astype(np.int64), (*names, *([] if known.all() else [_NO_VALUE])))


def _examples(binned: _Binned, labels: np.ndarray, n_classes: int) -> tuple[Example, ...]:
    """Return the values that predict the most images beyond their share of the label."""
    counts = np.zeros((len(binned.names), n_classes), np.int64)
    np.add.at(counts, (binned.bins, labels), 1)
    totals = counts.sum(axis=1)
    surplus = counts - totals[:, None] * np.bincount(labels, minlength=n_classes) / len(labels)
    best = surplus.argmax(axis=1)
    order = np.argsort(-surplus.max(axis=1), kind="stable")[:N_EXAMPLES]
    return tuple(
        Example(
            binned.names[n], int(totals[n]), int(best[n]), float(counts[n, best[n]] / max(1, int(totals[n])))
        )
        for n in order
        if totals[n]
    )

"""The confusion matrix: which classes are predicted as which."""

from collections.abc import Sequence

import numpy as np

from peakid.errors import BadInput
from peakid.evaluate.scored_images import ScoredImages
from peakid.remedies import action


def counts(given: Sequence[str], predicted: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Return the confusion matrix.

    Returns:
        int64 of shape (K, K); row = given label, column = predicted label, as in scikit-learn.

    Raises:
        BadInput: If a label is not one of the classes.
    """
    position = {name: i for i, name in enumerate(class_names)}
    unknown = sorted((set(given) | set(predicted)) - set(position))
    if unknown:
        raise BadInput(
            f"The label {unknown[0]!r} is not one of the run's classes.",
            "Train again on a snapshot with this class.",
            action("train"),
        )
    matrix = np.zeros((len(class_names), len(class_names)), dtype=np.int64)
    np.add.at(matrix, ([position[name] for name in given], [position[name] for name in predicted]), 1)
    return matrix


def of_images(images: ScoredImages, *, is_one_per_group: bool = False) -> np.ndarray:
    """Return the confusion matrix of a run on one split, int64 of shape (K, K), as `counts` does.

    An image that also shows the predicted class counts as one of that class.

    Args:
        is_one_per_group: Count near duplicates once in each cell: they are no evidence of their own, which a
            test of chance would take them for.
    """
    given = np.where(images.also_shows, images.predicted, images.given)  # (N,)
    n_classes = len(images.class_names)
    cells = given.astype(np.int64) * n_classes + images.predicted  # (N,)
    if is_one_per_group:
        _, first = np.unique(np.stack([images.groups, cells]), axis=1, return_index=True)
        cells = cells[first]
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.int64)


def most_frequent(matrix: np.ndarray, n: int) -> list[tuple[int, int]]:
    """Return (row, column) of up to n errors, the most frequent first.

    Of equally frequent ones, that on the larger share of its class comes first.
    """
    totals = matrix.sum(axis=1)
    errors = [(int(i), int(j)) for i, j in np.argwhere(matrix > 0) if i != j]
    return sorted(errors, key=lambda cell: (-matrix[cell], totals[cell[0]], cell))[:n]


def worst(matrix: np.ndarray) -> tuple[int, int] | None:
    """Return (row, column) of the most frequent error, None without errors."""
    return next(iter(most_frequent(matrix, 1)), None)


def finding(class_names: Sequence[str], matrix: np.ndarray) -> str:
    """Return the most frequent error in words, without a full stop."""
    cell = worst(matrix)
    if cell is None:
        return f"No errors on {matrix.sum():,} images"
    given, predicted = class_names[cell[0]], class_names[cell[1]]
    return (
        f"Most frequent error: {given} predicted as {predicted} ({matrix[cell]} of {matrix[cell[0]].sum()})"
    )

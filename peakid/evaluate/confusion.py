"""Which class is taken for which."""

from collections.abc import Sequence

import numpy as np

from peakid.errors import BadInput


def counts(given: Sequence[str], predicted: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Count how often each given label got each prediction.

    Returns:
        int64 of shape (K, K); row = given label, column = predicted label, as in scikit-learn.

    Raises:
        BadInput: If a label is none of the classes.
    """
    position = {name: i for i, name in enumerate(class_names)}
    strange = sorted((set(given) | set(predicted)) - set(position))
    if strange:
        raise BadInput(
            f"The label {strange[0]!r} is none of the run's classes.",
            "Train again on a snapshot that has it.",
        )
    matrix = np.zeros((len(class_names), len(class_names)), dtype=np.int64)
    np.add.at(matrix, ([position[name] for name in given], [position[name] for name in predicted]), 1)
    return matrix


def worst(matrix: np.ndarray) -> tuple[int, int] | None:
    """Return (row, column) of the most frequent mistake, None where there is none."""
    mistakes = matrix.copy()
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        return None
    row, column = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return int(row), int(column)


def finding(class_names: Sequence[str], matrix: np.ndarray) -> str:
    """Say the most frequent mistake in a sentence without its full stop."""
    cell = worst(matrix)
    if cell is None:
        return f"No mistake on {matrix.sum()} images"
    times = "once" if matrix[cell] == 1 else f"{matrix[cell]} times"
    return f"{class_names[cell[0]]} is taken for {class_names[cell[1]]} {times} of {matrix[cell[0]].sum()}"

"""Where in a photo a prediction comes from: how much the probability falls when a part of it is hidden.

It needs the model's answers only, so it works for every export, without torch and without the run.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CELLS = 8  # Of the map in each direction.
WINDOW = 2  # Cells in each direction that are hidden at once: 1/16 of the photo.


@dataclass(frozen=True)
class OcclusionMap:
    """Attributes:
    label: The class that is explained.
    probability: Of it for the whole photo, 0..1.
    rows: `CELLS` rows of `CELLS` values: how far the probability falls on average when what covers this cell
        is hidden, -1..1. Negative: without it, the class is more probable.
    """

    label: str
    probability: float
    rows: list[list[float]]


def hidden(pixels: np.ndarray) -> np.ndarray:
    """Return copies of a photo, uint8 (n, S, S, 3), each with a window filled with its mean colour.

    Args:
        pixels: uint8 of shape (S, S, 3).
    """
    edges = np.linspace(0, len(pixels), CELLS + 1).round().astype(int)
    places = _places()
    copies = np.repeat(pixels[None], len(places), axis=0)
    mean = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    for copy, (row, column) in zip(copies, places, strict=True):
        copy[edges[row] : edges[row + WINDOW], edges[column] : edges[column + WINDOW]] = mean
    return copies


def fall_of_each_cell(whole: float, probabilities: np.ndarray) -> np.ndarray:
    """Return the mean fall of the probability over the windows that cover each cell, (CELLS, CELLS).

    Args:
        probabilities: Of the class for the copies of `hidden`, in their order.
    """
    total, n_windows = np.zeros((CELLS, CELLS)), np.zeros((CELLS, CELLS))
    for (row, column), probability in zip(_places(), probabilities, strict=True):
        window = np.s_[row : row + WINDOW, column : column + WINDOW]
        total[window] += whole - probability
        n_windows[window] += 1
    return total / n_windows


def explain(
    pixels: np.ndarray,
    class_names: list[str],
    label: str | None,
    predict: Callable[[np.ndarray], np.ndarray],
) -> OcclusionMap:
    """Return the map of a photo for a class.

    Args:
        pixels: uint8 of shape (S, S, 3).
        label: One of `class_names`; None = the most probable class.
        predict: From pixels, uint8 (n, S, S, 3), to probabilities, float32 (n, K).
    """
    rows = predict(np.concatenate([pixels[None], hidden(pixels)]))
    index = int(rows[0].argmax()) if label is None else class_names.index(label)
    falls = fall_of_each_cell(float(rows[0, index]), rows[1:, index])
    return OcclusionMap(class_names[index], float(rows[0, index]), falls.round(4).tolist())


def _places() -> list[tuple[int, int]]:
    steps = range(CELLS - WINDOW + 1)
    return [(row, column) for row in steps for column in steps]

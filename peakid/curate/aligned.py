"""A second look at two pictures whose hashes are not far apart: laid over each other as well as they go, are they the same?"""

import functools

import numpy as np
import PIL.Image
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from peakid import hashes

SIDE_PX = 32  # Both pictures are squeezed to a square of this side: a crop keeps its share of it.
WINDOW_SIDES_PX = (32, 31, 30, 29, 28, 27, 26, 25, 24)  # One picture lies inside the other: crops and borders up to a quarter.
TURNS_DEGREES = (-5, 5)
TURNED_SIDE_PX = 26  # What a turn of five degrees leaves of the square without its corners.
DETAIL_PX = 5  # What is smaller than this is detail: two grey gradients agree in everything but that.


class View:
    """One picture as it is compared: 0.1 MB, so that some hundreds can be held.

    Args:
        grey: A small picture of one channel; 128 px and more lose nothing.
    """

    def __init__(self, grey: PIL.Image.Image) -> None:
        self._grey = grey
        self.square = _shrunk(grey, SIDE_PX)

    @functools.cached_property
    def rimless(self) -> "View | None":
        """The picture without a one-coloured rim; None where it has none."""
        inner = hashes.without_rim(self._grey)
        return None if inner is None else View(inner)

    @functools.cached_property
    def templates(self) -> list[np.ndarray]:
        """The whole picture at every size of a window, then turned: float32 arrays of shape (side, side)."""
        # Turned before it is squeezed to a square, which would make a shear of the turn.
        large = self._grey.reduce(max(1, min(self._grey.size) // (2 * SIDE_PX)))
        rim = (SIDE_PX - TURNED_SIDE_PX) // 2
        turned = [_shrunk(large.rotate(angle, PIL.Image.Resampling.BILINEAR), SIDE_PX) for angle in TURNS_DEGREES]
        return [_shrunk(self._grey, side) for side in WINDOW_SIDES_PX] + [square[rim:-rim, rim:-rim] for square in turned]


def resemblance(a: View, b: View) -> tuple[float, float]:
    """Answer how far two pictures agree at their best overlay, at large and in detail.

    Each is searched for in the other at a few sizes and places, and turned a little; where one has a rim, also without it.

    Returns:
        Two correlations in -1..1, 1 = the same but for brightness and contrast: of the pixels, and there of what
        remains of them without their surroundings.
    """
    found = _overlay(a, b)
    if a.rimless or b.rimless:
        found = max(found, _overlay(a.rimless or a, b.rimless or b))
    return found


def _overlay(a: View, b: View) -> tuple[float, float]:
    found = max((_best(one.square, template) for one, other in ((a, b), (b, a)) for template in other.templates), key=lambda best: best[0])
    at_large, window, template = found
    return at_large, _correlation(_detail(window), _detail(template))


def _best(square: np.ndarray, template: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Answer the highest correlation of a template with any window of its size, and the two."""
    side = len(template)
    windows = sliding_window_view(square, (side, side)).reshape(-1, side * side)  # (places, pixels)
    flat = template.ravel() - template.mean()
    spread = np.sqrt(np.maximum(np.einsum("wp,wp->w", windows, windows) - windows.sum(1) ** 2 / side**2, 1e-3))
    scores = windows @ flat / (spread * max(float(np.linalg.norm(flat)), 1e-3))
    place = int(scores.argmax())
    return float(scores[place]), windows[place].reshape(side, side), template


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-3))


def _detail(pixels: np.ndarray) -> np.ndarray:
    return pixels - ndimage.uniform_filter(pixels, DETAIL_PX, mode="nearest")


def _shrunk(grey: PIL.Image.Image, side_px: int) -> np.ndarray:
    return np.asarray(grey.resize((side_px, side_px), PIL.Image.Resampling.LANCZOS), dtype=np.float32)

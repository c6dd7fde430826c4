"""Compare two small pictures at their best overlay; decides about pairs whose hashes leave a doubt."""

import functools

import numpy as np
import PIL.Image
from scipy import fft, ndimage

from peakid.imaging import hashes

SIDE_PX = 32  # Both pictures are resized to a square of this side, so that a crop keeps its share of it.
WINDOW_SIDES_PX = tuple(range(32, 23, -1))  # One picture inside the other: crops and borders up to a quarter.
TURNS_DEGREES = (-5, 5)
TURNED_SIDE_PX = 26  # The square without the corners that a rotation by five degrees leaves empty.
SIDES_PX = WINDOW_SIDES_PX + (TURNED_SIDE_PX,) * len(TURNS_DEGREES)  # T of them.
FLAT_GREYS = 0.5  # A window with a smaller spread of greys counts as one colour and matches nothing.
DETAIL_PX = 5  # Structures below this size are detail, the only difference between two grey gradients.


class ComparedPicture:
    """One picture prepared for comparison. Takes 0.3 MB, so that some hundreds can be cached.

    Args:
        grey: A small picture of one channel; 128 px are enough.
    """

    def __init__(self, grey: PIL.Image.Image) -> None:
        self._grey = grey
        # Resized once to twice the size, then from there: eleven times from 256 px would take 7 ms.
        self._double = grey.resize((2 * SIDE_PX, 2 * SIDE_PX), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
        self.square = _shrunk(self._double, SIDE_PX)

    @functools.cached_property
    def rimless(self) -> "ComparedPicture | None":
        """The picture without a border of one colour; None where it has none."""
        inner = hashes.without_rim(self._grey)
        return None if inner is None else ComparedPicture(inner)

    @functools.cached_property
    def templates(self) -> list[np.ndarray]:
        """The whole picture at every window size, then rotated: T float32 arrays of shape (side, side)."""
        # Rotated before it is resized to a square, which would turn the rotation into a shear.
        large = self._grey.reduce(max(1, min(self._grey.size) // (2 * SIDE_PX)))
        rim = (SIDE_PX - TURNED_SIDE_PX) // 2
        turned = [
            _shrunk(large.rotate(angle, PIL.Image.Resampling.BILINEAR), SIDE_PX) for angle in TURNS_DEGREES
        ]
        return [_shrunk(self._double, side) for side in WINDOW_SIDES_PX] + [
            square[rim:-rim, rim:-rim] for square in turned
        ]

    @functools.cached_property
    def spectrum(self) -> np.ndarray:
        """Spectrum of the square: complex64 of shape (32, 17)."""
        return fft.rfft2(self.square - self.square.mean())

    @functools.cached_property
    def template_spectra(self) -> np.ndarray:
        """Conjugated spectra of the templates, with mean 0 and length 1: complex64 of shape (T, 32, 17)."""
        padded = np.zeros((len(SIDES_PX), SIDE_PX, SIDE_PX), dtype=np.float32)
        for row, template in zip(padded, self.templates, strict=True):
            flat = template - template.mean()
            row[: len(flat), : len(flat)] = flat / max(float(np.linalg.norm(flat)), 1e-3)
        return fft.rfft2(padded).conj()

    @functools.cached_property
    def spreads(self) -> np.ndarray:
        """Length of every window of the square, each with mean 0: float32 of shape (T, 32, 32).

        Infinite where a window would extend beyond the square.
        """
        flat = self.square.astype(np.float64) - self.square.mean()
        sums, squares = _summed(flat), _summed(flat * flat)
        found = np.full((len(SIDES_PX), SIDE_PX, SIDE_PX), np.inf, dtype=np.float32)
        for row, side in zip(found, SIDES_PX, strict=True):
            n = SIDE_PX - side + 1
            variance = _inside(squares, side) / side**2 - (_inside(sums, side) / side**2) ** 2
            row[:n, :n] = side * np.sqrt(np.maximum(variance, FLAT_GREYS**2))
        return found


def resemblance(a: ComparedPicture, b: ComparedPicture) -> tuple[float, float]:
    """Return how well two pictures agree at their best overlay, as a whole and in detail.

    Each is searched for in the other at several sizes and positions and slightly rotated. If one has a border
    of one colour, it is also compared without it.

    Returns:
        Two correlations in -1..1, 1 = equal except for brightness and contrast: of the pixels, and at the
        same overlay of the pixels minus their local mean.
    """
    found = _overlay(a, b)
    if a.rimless or b.rimless:
        found = max(found, _overlay(a.rimless or a, b.rimless or b))
    return found


def _overlay(a: ComparedPicture, b: ComparedPicture) -> tuple[float, float]:
    whole, window, template = max((_best(a, b), _best(b, a)), key=lambda best: best[0])
    return whole, _correlation(_detail(window), _detail(template))


def _best(whole: ComparedPicture, part: ComparedPicture) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the highest correlation of a template of `part` with a window of `whole`, and these two."""
    products = fft.irfft2(whole.spectrum * part.template_spectra, s=(SIDE_PX, SIDE_PX))  # (T, 32, 32)
    # Windows beyond the square wrap around in the product of spectra.
    scores = np.where(np.isfinite(whole.spreads), products / whole.spreads, -1)
    t, y, x = np.unravel_index(int(scores.argmax()), scores.shape)
    side = SIDES_PX[t]
    return float(scores[t, y, x]), whole.square[y : y + side, x : x + side], part.templates[t]


def _summed(values: np.ndarray) -> np.ndarray:
    """Return the integral image: float64 of shape (33, 33)."""
    return np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _inside(summed: np.ndarray, side: int) -> np.ndarray:
    """Return the sum in every window of this side: float64 of shape (33 - side, 33 - side)."""
    return summed[side:, side:] - summed[:-side, side:] - summed[side:, :-side] + summed[:-side, :-side]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-3))


def _detail(pixels: np.ndarray) -> np.ndarray:
    return pixels - ndimage.uniform_filter(pixels, DETAIL_PX, mode="nearest")


def _shrunk(grey: PIL.Image.Image, side_px: int) -> np.ndarray:
    return np.asarray(grey.resize((side_px, side_px), PIL.Image.Resampling.LANCZOS), dtype=np.float32)

"""Compare small pictures at their best overlay; decides about pairs whose hashes leave a doubt."""

import functools
from collections.abc import Sequence

import numpy as np
import PIL.Image
import scipy

from peakid.imaging import hashes

SIDE_PX = 32  # Both pictures are resized to a square of this side, so that a crop keeps its share of it.
WINDOW_SIDES_PX = tuple(range(32, 23, -1))  # One picture inside the other: crops and borders up to a quarter.
TURNS_DEGREES = (-5, 5)
TURNED_SIDE_PX = 26  # The square without the corners that a rotation by five degrees leaves empty.
SIDES_PX = WINDOW_SIDES_PX + (TURNED_SIDE_PX,) * len(TURNS_DEGREES)  # T of them.
FLAT_GREYS = 0.5  # A window with a smaller spread of greys counts as one colour and matches nothing.
DETAIL_PX = 5  # Structures below this size are detail, the only difference between two grey gradients.
AT_ONCE = 512  # Pictures compared with one: 512 x 383 placements are 2 arrays of 0.8 MB.

# Every place of every template in a square: (template, y, x), P = 383 of them, grouped by template.
PLACES = tuple(
    (t, y, x)
    for t, side in enumerate(SIDES_PX)
    for y in range(SIDE_PX - side + 1)
    for x in range(SIDE_PX - side + 1)
)
_PLACE_ENDS = np.cumsum(
    [(SIDE_PX - side + 1) ** 2 for side in SIDES_PX]
).tolist()  # Of each template, in PLACES.
_PIXEL_ENDS = np.cumsum([side**2 for side in SIDES_PX]).tolist()  # Of each template, in `templates`.


class ComparedPicture:
    """One picture prepared for comparison. Takes 40 KB, so that some thousands can be cached.

    Args:
        grey: A small picture of one channel; 128 px are enough.
    """

    def __init__(self, grey: PIL.Image.Image) -> None:
        self._grey: PIL.Image.Image | None = grey
        inner = hashes.without_rim(grey)
        self.rimless: ComparedPicture | None = None if inner is None else ComparedPicture(inner)
        """The picture without a border of one colour; None where it has none."""

    @functools.cached_property
    def square(self) -> np.ndarray:
        """The picture as float32 of shape (32, 32), with mean 0."""
        self._prepare()
        return self.__dict__["square"]

    @functools.cached_property
    def templates(self) -> np.ndarray:
        """The whole picture at every window size, then rotated, each with mean 0 and length 1.

        One after the other, row by row: float32 of shape (8492,).
        """
        self._prepare()
        return self.__dict__["templates"]

    @functools.cached_property
    def spreads(self) -> np.ndarray:
        """The length of the window at every one of PLACES, with mean 0: float32 of shape (P,)."""
        flat = self.square.astype(np.float64)
        sums, squares = _summed(flat), _summed(flat * flat)
        found = []
        for side in SIDES_PX:
            variance = _inside(squares, side) / side**2 - (_inside(sums, side) / side**2) ** 2
            found.append((side * np.sqrt(np.maximum(variance, FLAT_GREYS**2))).ravel())
        return np.concatenate(found).astype(np.float32)

    def window(self, place: int) -> np.ndarray:
        """Return the part of the square at one of PLACES, (side, side)."""
        t, y, x = PLACES[place]
        return self.square[y : y + SIDES_PX[t], x : x + SIDES_PX[t]]

    def template(self, t: int) -> np.ndarray:
        """Return one of the templates, (side, side)."""
        side = SIDES_PX[t]
        return self.templates[_PIXEL_ENDS[t] - side**2 : _PIXEL_ENDS[t]].reshape(side, side)

    def _prepare(self) -> None:
        """Resize the picture; its pixels are dropped then, because many pictures are kept."""
        grey = self._grey
        assert grey is not None
        # Resized once to twice the size, then from there: eleven times from 256 px would take 7 ms.
        double = grey.resize((2 * SIDE_PX, 2 * SIDE_PX), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
        # Rotated before it is resized to a square, which would turn the rotation into a shear.
        large = grey.reduce(max(1, min(grey.size) // (2 * SIDE_PX)))
        rim = (SIDE_PX - TURNED_SIDE_PX) // 2
        turned = [
            _shrunk(large.rotate(angle, PIL.Image.Resampling.BILINEAR), SIDE_PX) for angle in TURNS_DEGREES
        ]
        templates = [_shrunk(double, side) for side in WINDOW_SIDES_PX] + [
            each[rim:-rim, rim:-rim] for each in turned
        ]
        square = templates[0]
        self.__dict__["square"] = square - square.mean()
        self.__dict__["templates"] = np.concatenate([_unit(each).ravel() for each in templates])
        self._grey = None


def resemblance(a: ComparedPicture, b: ComparedPicture) -> tuple[float, float]:
    """Return how well two pictures agree at their best overlay, as a whole and in detail.

    Each is searched for in the other at several sizes and positions and slightly rotated. If one has a border
    of one colour, it is also compared without it.

    Returns:
        Two correlations in -1..1, 1 = equal except for brightness and contrast: of the pixels, and at the
        same overlay of the pixels minus their local mean.
    """
    whole, detail = resemblances(a, [b])[0].tolist()
    return whole, detail


def resemblances(
    a: ComparedPicture, others: Sequence[ComparedPicture], *, least_whole: float = -1.0
) -> np.ndarray:
    """Return the resemblance of one picture to each of `others`, at a tenth of the time for each.

    Args:
        least_whole: The detail is not computed, and returned as -1, where the whole agrees less than this.

    Returns:
        float64 of shape (len(others), 2), as `resemblance`.
    """
    found = np.empty((len(others), 2))
    for begin in range(0, len(others), AT_ONCE):
        found[begin : begin + AT_ONCE] = _with_rims(a, others[begin : begin + AT_ONCE], least_whole)
    return found


def _with_rims(a: ComparedPicture, others: Sequence[ComparedPicture], least_whole: float) -> np.ndarray:
    found = _overlays(a, others, least_whole)
    framed = [n for n, each in enumerate(others) if a.rimless or each.rimless]
    if framed:
        inner = _overlays(a.rimless or a, [others[n].rimless or others[n] for n in framed], least_whole)
        is_better = inner[:, 0] > found[framed, 0]
        found[np.array(framed)[is_better]] = inner[is_better]
    return found


def _overlays(a: ComparedPicture, others: Sequence[ComparedPicture], least_whole: float) -> np.ndarray:
    """Return the correlations at the best overlay: float64 of shape (M, 2)."""
    in_a, in_others = _of_templates(a, others), _of_windows(a, others)  # (M, P)
    places = np.stack([in_a.argmax(axis=1), in_others.argmax(axis=1)])  # (2, M)
    each = np.arange(len(others))
    wholes = np.stack([in_a[each, places[0]], in_others[each, places[1]]])  # (2, M)
    way = wholes.argmax(axis=0)
    found = np.stack([wholes[way, each], np.full(len(others), -1.0)], axis=1)
    kept = np.flatnonzero(found[:, 0] >= least_whole)
    sides: dict[int, list[tuple[int, np.ndarray, np.ndarray]]] = {}
    for n in kept.tolist():
        place = int(places[way[n], n])
        t = PLACES[place][0]
        window, template = (a, others[n]) if way[n] == 0 else (others[n], a)
        sides.setdefault(SIDES_PX[t], []).append((n, window.window(place), template.template(t)))
    for rows in sides.values():
        windows, templates = np.stack([row[1] for row in rows]), np.stack([row[2] for row in rows])
        found[[row[0] for row in rows], 1] = _correlations(_detail(windows), _detail(templates))
    return found


def _of_templates(a: ComparedPicture, others: Sequence[ComparedPicture]) -> np.ndarray:
    """Return the correlations of each window of `a` with that template of each other picture, (M, P)."""
    # A row for each picture: as columns, copying them would take longer than comparing them.
    templates = np.stack([each.templates for each in others])  # (M, 8492)
    found, begin = np.empty((len(others), len(PLACES)), dtype=np.float32), 0
    for windows, end, last in zip(_windows(a), _PLACE_ENDS, _PIXEL_ENDS, strict=True):
        found[:, begin:end] = templates[:, last - windows.shape[1] : last] @ windows.T
        begin = end
    found /= a.spreads
    return found


def _of_windows(a: ComparedPicture, others: Sequence[ComparedPicture]) -> np.ndarray:
    """Return the correlations of each template of `a` with every window of each other picture, (M, P)."""
    squares = np.stack([each.square.ravel() for each in others])  # (M, 1024)
    found = squares @ _placed(a).T
    found /= np.stack([each.spreads for each in others])  # (M, P)
    return found


@functools.lru_cache(2)  # One picture is compared with several batches of others.
def _windows(a: ComparedPicture) -> list[np.ndarray]:
    """Return every window of a picture for each template: T arrays of shape (places, side * side)."""
    return [
        np.lib.stride_tricks.sliding_window_view(a.square, (side, side)).reshape(-1, side**2)
        for side in SIDES_PX
    ]


@functools.lru_cache(2)
def _placed(a: ComparedPicture) -> np.ndarray:
    """Return each template at each of its places in an empty square: float32 of shape (P, 1024)."""
    return np.append(a.templates, np.float32(0))[_placing()]


@functools.cache
def _placing() -> np.ndarray:
    """Return, for each pixel of a square at each of PLACES, its position in `templates`: (P, 1024) int32."""
    found = np.full((len(PLACES), SIDE_PX, SIDE_PX), _PIXEL_ENDS[-1], dtype=np.int32)  # Outside: the zero.
    for canvas, (t, y, x) in zip(found, PLACES, strict=True):
        side = SIDES_PX[t]
        first = _PIXEL_ENDS[t] - side**2
        canvas[y : y + side, x : x + side] = np.arange(first, first + side**2).reshape(side, side)
    return found.reshape(len(PLACES), -1)


def _summed(values: np.ndarray) -> np.ndarray:
    """Return the integral image: float64 of shape (33, 33)."""
    return np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _inside(summed: np.ndarray, side: int) -> np.ndarray:
    """Return the sum in every window of this side: float64 of shape (33 - side, 33 - side)."""
    return summed[side:, side:] - summed[:-side, side:] - summed[side:, :-side] + summed[:-side, :-side]


def _unit(pixels: np.ndarray) -> np.ndarray:
    flat = pixels - pixels.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-3)


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation of each of M pairs of arrays of shape (M, side, side): (M,)."""
    a, b = (each - each.mean(axis=(1, 2), keepdims=True) for each in (a, b))
    lengths = np.sqrt((a * a).sum(axis=(1, 2)) * (b * b).sum(axis=(1, 2)))
    # A template has length 1 and little of it is detail, so the limit is far below that of whole pictures.
    return (a * b).sum(axis=(1, 2)) / np.maximum(lengths, 1e-6)


def _detail(pixels: np.ndarray) -> np.ndarray:
    return pixels - scipy.ndimage.uniform_filter(pixels, (0, DETAIL_PX, DETAIL_PX), mode="nearest")


def _shrunk(grey: PIL.Image.Image, side_px: int) -> np.ndarray:
    return np.asarray(grey.resize((side_px, side_px), PIL.Image.Resampling.LANCZOS), dtype=np.float32)

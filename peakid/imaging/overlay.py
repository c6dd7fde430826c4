"""Find how one picture lies over another one by their keypoints, and how well they agree there."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import PIL.Image
from scipy import ndimage

from peakid.imaging import keypoints, pixels
from peakid.imaging.keypoints import Keypoints

LEAST_SIMILARITY = 0.80  # Of two descriptions that match, 1 = equal.
# A match agrees with another one if it lies this near to where that one puts it, at a like turn and scale.
NEAR_PX, NEAR_RADIANS, NEAR_FACTOR = 14.0, 0.45, 1.6
TOLERANCES_PX = (12.0, 8.0, 5.0)  # Of the affine fit, each time narrower.
LEAST_MATCHES = 4
APART_PX = 4  # Matches nearer to each other than this, in both pictures, count once.
# A copy is turned, cropped and sheared, but not squeezed beyond this: ratio of the two scales of the affine.
MOST_SQUEEZE, SCALES = 2.0, (0.25, 4.0)
COMPARED_PX = 128  # Long side at which two pictures are compared.
LOCAL_PX, LEAST_GREYS = 4.0, 6.0
OUTSIDE = (128, 128, 128)


@dataclass(frozen=True)
class Overlay:
    """How a picture lies over another one.

    Attributes:
        matrix: float64 of shape (2, 3): from (x, y, 1) of the first picture to (x, y) of the second, both in
            0..1 of width and height.
        n_matches: Keypoints that agree with it, at different places.
        is_mirrored: Whether one is a mirror image of the other.
        agreement: Correlation of details where the pictures overlap, -1..1; 1 = equal.
        overlap: Share of the smaller picture, 0..1, that the other one shows too.
    """

    matrix: np.ndarray
    n_matches: int
    is_mirrored: bool
    agreement: float
    overlap: float


@dataclass(frozen=True)
class Picture:
    """A grey picture of up to 256 px with its keypoints and what is compared of it."""

    points: Keypoints
    mirrored: np.ndarray
    detail: np.ndarray

    @staticmethod
    def of(grey: PIL.Image.Image) -> "Picture":
        points = keypoints.find(grey)
        return Picture(points, keypoints.mirrored(points.values), _detail(grey))


def between(a: Picture, b: Picture) -> Overlay | None:
    """Return the overlay on which most keypoints of two pictures agree; None if fewer than four do."""
    found = [
        fitted
        for is_mirrored in (False, True)
        if (fitted := _fitted(a, b, is_mirrored=is_mirrored)) is not None
    ]
    if not found:
        return None
    matrix, n_matches = max(found, key=lambda each: each[1])
    relative = _in_shares(matrix, a.points.size, b.points.size)
    agreement, overlap = _agreement(a.detail, b.detail, relative)
    return Overlay(relative, n_matches, bool(np.linalg.det(matrix[:, :2]) < 0), agreement, overlap)


def laid_over(thumbnail: bytes, matrix: Sequence[Sequence[float]], size: tuple[int, int]) -> bytes:
    """Draw a picture as it lies over another one: a JPEG with the frame of the other.

    What the picture does not show is grey.

    Args:
        matrix: From the other picture to this one, as in `Overlay`.
        size: Width and height of the other picture in pixels.

    Raises:
        UnreadableImage: If the bytes are not an image.
    """
    picture = pixels.decode(thumbnail)
    width, height = size
    (a, b, c), (d, e, f) = matrix
    across, down = picture.size
    coefficients = (
        *(across * a / width, across * b / height, across * c),
        *(down * d / width, down * e / height, down * f),
    )
    drawn = picture.transform(
        size, PIL.Image.Transform.AFFINE, coefficients, PIL.Image.Resampling.BILINEAR, fillcolor=OUTSIDE
    )
    out = io.BytesIO()
    drawn.save(out, "JPEG", quality=85)
    return out.getvalue()


def _fitted(a: Picture, b: Picture, *, is_mirrored: bool) -> tuple[np.ndarray, int] | None:
    """Return the affine from pixels of `a` to those of `b`, (2, 3), and the number of matches."""
    if not len(a.points) or not len(b.points):
        return None
    rows, others = _matches(a.mirrored if is_mirrored else a.points.values, b.points.values)
    if len(rows) < LEAST_MATCHES:
        return None
    p, q = a.points.xy[rows].astype(np.float64), b.points.xy[others].astype(np.float64)
    angle = a.points.angle[rows]
    flip = np.diag([-1.0, 1.0]) if is_mirrored else np.eye(2)
    turn = b.points.angle[others] - (np.pi - angle if is_mirrored else angle)  # (M,)
    factor = b.points.scale[others] / a.points.scale[rows]
    agree = _agreeing(p @ flip, q, turn, factor)  # (M, M)
    best = agree.sum(axis=1).argmax()
    inside = agree[best]
    if inside.sum() < LEAST_MATCHES:
        return None
    # The similarity of that match first: four matches in one place say little about the rest.
    matrix = _similarity(p[inside] @ flip, q[inside]) @ _in_three(flip)
    for tolerance in TOLERANCES_PX:
        away = np.linalg.norm(_applied(matrix, p) - q, axis=1)
        inside = (away <= tolerance) & _is_turned_alike(matrix @ _in_three(flip), turn)
        if inside.sum() < LEAST_MATCHES:
            return None
        matrix = _affine(p[inside], q[inside], matrix)
    inside = np.linalg.norm(_applied(matrix, p) - q, axis=1) <= TOLERANCES_PX[-1]
    n = min(_n_places(p[inside]), _n_places(q[inside]))
    scales = np.linalg.svd(matrix[:, :2], compute_uv=False)
    is_likely = scales[0] <= MOST_SQUEEZE * scales[1] and SCALES[0] <= scales[1] and scales[0] <= SCALES[1]
    return (matrix, n) if n >= LEAST_MATCHES and is_likely else None


def _matches(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that are nearest to each other."""
    similarity = a @ b.T  # (K, L)
    nearest, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    rows = np.flatnonzero(
        (back[nearest] == np.arange(len(a))) & (similarity[np.arange(len(a)), nearest] >= LEAST_SIMILARITY)
    )
    return rows, nearest[rows]


def _agreeing(p: np.ndarray, q: np.ndarray, turn: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return which matches agree with the similarity that each match stands for: bool of shape (M, M)."""
    cos, sin = np.cos(turn) * factor, np.sin(turn) * factor
    step = p[None] - p[:, None]  # (M, M, 2): from match i to match j.
    x = q[:, None, 0] + cos[:, None] * step[..., 0] - sin[:, None] * step[..., 1]
    y = q[:, None, 1] + sin[:, None] * step[..., 0] + cos[:, None] * step[..., 1]
    away = np.hypot(x - q[None, :, 0], y - q[None, :, 1])
    # Far from the match, its own turn and scale are too coarse.
    allowed = NEAR_PX + 0.12 * np.hypot(step[..., 0], step[..., 1]) * factor[:, None]
    turned = np.abs((turn[None] - turn[:, None] + np.pi) % (2 * np.pi) - np.pi)
    scaled = np.abs(np.log(factor[None] / factor[:, None]))
    return (away <= allowed) & (turned <= NEAR_RADIANS) & (scaled <= np.log(NEAR_FACTOR))


def _is_turned_alike(matrix: np.ndarray, turn: np.ndarray) -> np.ndarray:
    angle = np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])
    return np.abs((turn - angle + np.pi) % (2 * np.pi) - np.pi) <= 1.5 * NEAR_RADIANS


def _similarity(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the turn, scale and shift from p to q with the least squares: (2, 3)."""
    zp, zq = p[:, 0] + 1j * p[:, 1], q[:, 0] + 1j * q[:, 1]
    mp, mq = zp.mean(), zq.mean()
    spread = (np.abs(zp - mp) ** 2).sum()
    w = ((zq - mq) * np.conj(zp - mp)).sum() / max(spread, 1e-6)
    shift = mq - w * mp
    return np.array([[w.real, -w.imag, shift.real], [w.imag, w.real, shift.imag]])


def _affine(p: np.ndarray, q: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return the affine from p to q with the least squares, drawn a little to one that is known: (2, 3)."""
    middle = p.mean(axis=0)
    rows = np.column_stack([p - middle, np.ones(len(p))])
    drawn = np.diag([300.0, 300.0, 0.0])  # In squared pixels: as one match 17 px away from the middle.
    target = near.copy()
    target[:, 2] = near[:, :2] @ middle + near[:, 2]
    solved = np.linalg.solve(rows.T @ rows + drawn, rows.T @ q + drawn @ target.T).T
    solved[:, 2] -= solved[:, :2] @ middle
    return solved


def _applied(matrix: np.ndarray, p: np.ndarray) -> np.ndarray:
    return p @ matrix[:, :2].T + matrix[:, 2]


def _in_three(linear: np.ndarray) -> np.ndarray:
    found = np.eye(3)
    found[:2, :2] = linear
    return found


def _n_places(points: np.ndarray) -> int:
    return len(np.unique(np.floor(points / APART_PX), axis=0))


def _in_shares(matrix: np.ndarray, a: tuple[int, int], b: tuple[int, int]) -> np.ndarray:
    """Return a matrix of pixels as one of shares of width and height."""
    return matrix * np.array([*a, 1.0]) / np.array(b, dtype=np.float64)[:, None]


def _detail(grey: PIL.Image.Image) -> np.ndarray:
    """Return the picture without local brightness and contrast: float32 of shape (h, w)."""
    factor = COMPARED_PX / max(grey.size)
    size = (max(8, round(grey.width * factor)), max(8, round(grey.height * factor)))
    pixels = np.asarray(
        grey.convert("L").resize(size, PIL.Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32
    )
    pixels = ndimage.gaussian_filter(pixels, 0.7)
    flat = pixels - ndimage.gaussian_filter(pixels, LOCAL_PX)
    spread = np.sqrt(ndimage.gaussian_filter(flat * flat, LOCAL_PX))
    return flat / (spread + LEAST_GREYS)


def _agreement(a: np.ndarray, b: np.ndarray, relative: np.ndarray) -> tuple[float, float]:
    """Return the correlation where the pictures overlap, and the share of the smaller one that overlaps."""
    (ha, wa), (hb, wb) = a.shape, b.shape
    y, x = np.mgrid[0:ha, 0:wa]
    shares = np.stack([(x + 0.5) / wa, (y + 0.5) / ha, np.ones_like(x)], axis=0).reshape(3, -1)
    u, v = relative @ shares
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    n = int(inside.sum())
    size = abs(float(np.linalg.det(relative[:, :2])))  # Of the first picture, in areas of the second.
    overlap = n / (wa * ha) * max(1.0, size)
    if n < 64:
        return 0.0, min(1.0, overlap)
    warped = ndimage.map_coordinates(b, [v[inside] * hb - 0.5, u[inside] * wb - 0.5], order=1, mode="nearest")
    own = a.ravel()[inside]
    own, warped = own - own.mean(), warped - warped.mean()
    length = float(np.linalg.norm(own) * np.linalg.norm(warped))
    return float(own @ warped) / length if length > 1e-6 else 0.0, min(1.0, overlap)

"""Find points of a small picture that are recognised in turned, cropped and recoloured copies of it."""

import functools
from dataclasses import dataclass

import numpy as np
import PIL.Image
from scipy import ndimage

LONG_SIDE_PX = 256  # Every picture is resized to this, so that a distance in pixels means the same share.
# Each level is this share of the one before. A keypoint describes a patch of one level, so a copy at another
# scale is described by another level.
SHRINK = 2**-0.5
N_LEVELS = 6
LEAST_LEVEL_PX = 24
N_PER_LEVEL = (140, 100, 70, 50, 35, 25)
SMOOTH_PX = 1.0  # Gradients are those of a slightly blurred level: JPEG blocks and noise have none.
CORNER_PX = 1.6  # Over which the strength of a corner is summed.
RIM_PX = 6  # Patches nearer to the border show mostly what is outside.
LEAST_APART_PX = 3
PATCH = 16  # Samples along the side of a patch, SPACING_PX apart.
SPACING_PX = 1.25
N_CELLS, N_DIRECTIONS = 4, 8  # As in SIFT: 4 x 4 cells of 8 directions.
N_VALUES = N_CELLS * N_CELLS * N_DIRECTIONS
N_ANGLES = 36
SECOND_ANGLE = 0.8  # A patch whose second strongest direction is this strong is described in both.


@dataclass(frozen=True)
class Keypoints:
    """The keypoints of one picture, K of them.

    Attributes:
        xy: float32 of shape (K, 2), in pixels of the picture resized to LONG_SIDE_PX.
        scale: float32 of shape (K,): pixels of that picture for each pixel of its level, 1 or more.
        angle: float32 of shape (K,), radians, clockwise as y points down.
        values: float32 of shape (K, 128), each row of length 1.
        size: Width and height of the resized picture in pixels.
    """

    xy: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    values: np.ndarray
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.xy)


def find(grey: PIL.Image.Image) -> Keypoints:
    """Return the keypoints of a grey picture, the strongest corners of each of several scales."""
    picture = resized(grey)
    width, height = picture.size
    found = []
    for level in range(N_LEVELS):
        factor = SHRINK**level
        size = (round(width * factor), round(height * factor))
        if min(size) < LEAST_LEVEL_PX:
            break
        small = picture if level == 0 else picture.resize(size, PIL.Image.Resampling.BOX)
        found.append(_of_level(np.asarray(small, dtype=np.float32), 1 / factor, N_PER_LEVEL[level]))
    if not found:
        return Keypoints(*(np.zeros(s, np.float32) for s in ((0, 2), 0, 0, (0, N_VALUES))), (width, height))
    return Keypoints(*(np.concatenate(part) for part in zip(*found, strict=True)), (width, height))


def resized(grey: PIL.Image.Image) -> PIL.Image.Image:
    """Return a grey picture whose long side is LONG_SIDE_PX."""
    factor = LONG_SIDE_PX / max(grey.size)
    size = (max(1, round(grey.width * factor)), max(1, round(grey.height * factor)))
    return (
        grey.convert("L")
        if grey.size == size
        else grey.convert("L").resize(size, PIL.Image.Resampling.BICUBIC)
    )


def mirrored(values: np.ndarray) -> np.ndarray:
    """Return the values that the same keypoints would have in the mirrored picture: float32 of (K, 128).

    In a patch turned to its own direction, mirroring changes the side of each cell and the sign of each
    direction.
    """
    cells = values.reshape(-1, N_CELLS, N_CELLS, N_DIRECTIONS)  # (K, across, along, direction)
    turned = cells[:, ::-1][..., -np.arange(N_DIRECTIONS) % N_DIRECTIONS]
    return np.ascontiguousarray(turned).reshape(len(values), N_VALUES)


def _of_level(
    pixels: np.ndarray, scale: float, n_most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    smooth = ndimage.gaussian_filter(pixels, SMOOTH_PX)
    dy, dx = np.gradient(smooth)
    at = _corners(dx, dy, n_most)  # (K, 2) of y, x
    at, angle = _directions(dx, dy, at)
    values = _described(dx, dy, at, angle)
    is_used = np.linalg.norm(values, axis=1) > 0
    at, angle, values = at[is_used], angle[is_used], values[is_used]
    xy = ((at[:, ::-1] + 0.5) * scale - 0.5).astype(np.float32)
    return xy, np.full(len(at), scale, np.float32), angle, values


def _corners(dx: np.ndarray, dy: np.ndarray, n_most: int) -> np.ndarray:
    """Return the strongest corners as rows of (y, x): float64 of shape (K, 2)."""
    xx, yy, xy = (ndimage.gaussian_filter(each, CORNER_PX) for each in (dx * dx, dy * dy, dx * dy))
    trace = xx + yy
    strength = trace / 2 - np.sqrt(np.maximum(((xx - yy) / 2) ** 2 + xy * xy, 0))  # The smaller eigenvalue.
    largest = ndimage.maximum_filter(strength, size=2 * LEAST_APART_PX + 1)
    is_corner = (strength == largest) & (strength > 0.5)  # In squared greys a pixel.
    is_corner[:RIM_PX] = is_corner[-RIM_PX:] = is_corner[:, :RIM_PX] = is_corner[:, -RIM_PX:] = False
    y, x = np.nonzero(is_corner)
    order = np.argsort(-strength[y, x], kind="stable")[:n_most]
    return np.stack([y[order], x[order]], axis=1).astype(np.float64)


def _directions(dx: np.ndarray, dy: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each corner with its strongest direction, and once more with a second one that is as strong."""
    if not len(at):
        return at, np.zeros(0, np.float32)
    offsets = _grid() * SPACING_PX  # (256, 2)
    gy, gx = _sampled(dy, at, offsets[None]), _sampled(dx, at, offsets[None])  # (K, 256)
    weight = np.hypot(gx, gy) * _weights()
    bins = np.round(np.arctan2(gy, gx) / (2 * np.pi) * N_ANGLES).astype(np.int64) % N_ANGLES
    flat = (np.arange(len(at))[:, None] * N_ANGLES + bins).ravel()
    histogram = np.bincount(flat, weight.ravel(), len(at) * N_ANGLES).reshape(len(at), N_ANGLES)
    histogram = ndimage.gaussian_filter1d(histogram, 1.2, axis=1, mode="wrap")
    is_peak = (histogram >= np.roll(histogram, 1, axis=1)) & (histogram > np.roll(histogram, -1, axis=1))
    peaks = np.where(is_peak, histogram, 0)
    order = np.argsort(-peaks, axis=1, kind="stable")[:, :2]
    first, second = (np.take_along_axis(peaks, order[:, n : n + 1], axis=1)[:, 0] for n in (0, 1))
    again = np.flatnonzero((second >= SECOND_ANGLE * first) & (second > 0))
    chosen = np.concatenate([np.arange(len(at)), again])
    bins = np.concatenate([order[:, 0], order[again, 1]])
    return at[chosen], _refined(histogram[chosen], bins)


def _refined(histogram: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the angle of a peak in radians, by a parabola through it and its neighbours."""
    rows = np.arange(len(bins))
    left, middle, right = (histogram[rows, (bins + step) % N_ANGLES] for step in (-1, 0, 1))
    curve = left - 2 * middle + right
    shift = np.where(curve < 0, 0.5 * (left - right) / np.where(curve < 0, curve, -1), 0)
    return ((bins + shift) * (2 * np.pi / N_ANGLES)).astype(np.float32)


def _described(dx: np.ndarray, dy: np.ndarray, at: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return the directions of the gradients in each cell of each patch: float32 of shape (K, 128)."""
    if not len(at):
        return np.zeros((0, N_VALUES), np.float32)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    across, along = (_grid() * SPACING_PX).T  # (256,) each
    offsets = np.stack(
        [along * sin + across * cos, along * cos - across * sin], axis=2
    )  # (K, 256, 2) of y, x
    gy, gx = _sampled(dy, at, offsets), _sampled(dx, at, offsets)
    size = np.hypot(gx, gy) * _weights()
    direction = np.arctan2(gy, gx) - angle[:, None]
    place = direction / (2 * np.pi) * N_DIRECTIONS  # (K, 256)
    low = np.floor(place)
    share = (place - low).astype(np.float32)
    low = low.astype(np.int64) % N_DIRECTIONS
    parts = np.zeros((*size.shape, N_DIRECTIONS), np.float32)
    np.put_along_axis(parts, low[..., None], (size * (1 - share))[..., None], axis=2)
    high = (low + 1) % N_DIRECTIONS
    np.put_along_axis(parts, high[..., None], (size * share)[..., None], axis=2)
    values = np.matmul(_cells(), parts).reshape(len(at), N_VALUES)  # (16, 256) @ (K, 256, 8)
    # The square root of shares, as in RootSIFT: a few strong edges do not outweigh the rest.
    total = values.sum(axis=1, keepdims=True)
    return np.sqrt(values / np.maximum(total, 1e-6)) * (total > 1e-3)


def _sampled(values: np.ndarray, at: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return values at offsets from points, between pixels by bilinear interpolation: float32 (K, 256)."""
    places = at[:, None] + offsets  # (K, 256, 2)
    return ndimage.map_coordinates(values, [places[..., 0], places[..., 1]], order=1, mode="nearest")


@functools.cache
def _grid() -> np.ndarray:
    """Return the samples of a patch as (across, along): float64 of shape (256, 2), in samples."""
    line = np.arange(PATCH) - (PATCH - 1) / 2
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=2).reshape(-1, 2)


@functools.cache
def _weights() -> np.ndarray:
    """Return the weight of each sample: float32 of shape (256,). The middle counts most."""
    return np.exp(-(_grid() ** 2).sum(axis=1) / (2 * (PATCH / 2) ** 2)).astype(np.float32)


@functools.cache
def _cells() -> np.ndarray:
    """Return the share of each sample in each cell: float32 of shape (16, 256). A sample is in up to four."""
    middle = (np.arange(N_CELLS) - (N_CELLS - 1) / 2) * (PATCH / N_CELLS)
    line = np.arange(PATCH) - (PATCH - 1) / 2
    share = np.maximum(0, 1 - np.abs(middle[:, None] - line) / (PATCH / N_CELLS))  # (4, 16)
    return np.einsum("ay,bx->abyx", share, share).reshape(N_CELLS**2, PATCH**2).astype(np.float32)

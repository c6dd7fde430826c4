"""Families of learning curves: how the error falls with the number of training images, and beyond it.

Each curve is c + a g(x), where x is the number of images relative to today's and g has one or two parameters
from a grid. For every g, the best a and c follow in closed form, so that hundreds of resampled curves are
fitted at once, and no start value matters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

Family = Literal[
    "power",     # a x^-b: the error falls to 0.
    "late",      # The same, fitted to the larger half of the shares only: a piecewise power law.
    "floor",     # c + a x^-b.
    "pow4",      # c + a (x + d)^-b.
    "mmf4",      # Morgan, Mercer and Flodin: c + a / (1 + x^d / k).
    "exp",       # c + a exp(-x / d).
    "log",       # c - a log x.
]  # fmt: skip
FAMILIES: tuple[Family, ...] = ("power", "late", "floor", "pow4", "mmf4", "exp", "log")

_Shape = Callable[[np.ndarray], np.ndarray]

_RATES = np.geomspace(0.03, 2.5, 200)  # From almost flat to steeper than ever measured.


def _power(x: np.ndarray, rate: float, shift: float) -> np.ndarray:
    return (x + shift) ** -rate


def _mmf(x: np.ndarray, rate: float, scale: float) -> np.ndarray:
    return 1 / (1 + x**rate / scale)


def _exponential(x: np.ndarray, scale: float) -> np.ndarray:
    return np.exp(-x / scale)


def _minus_log(x: np.ndarray) -> np.ndarray:
    return -np.log(x)


@dataclass(frozen=True)
class _Grid:
    """The shapes of a family, and whether the error has a lower limit other than 0."""

    shapes: tuple[_Shape, ...]
    has_floor: bool


_POWERS = tuple(partial(_power, rate=rate, shift=0.0) for rate in _RATES)
_GRIDS: dict[Family, _Grid] = {
    "power": _Grid(_POWERS, False),
    "late": _Grid(_POWERS, False),
    "floor": _Grid(_POWERS, True),
    "pow4": _Grid(
        tuple(partial(_power, rate=rate, shift=d) for rate in _RATES[::3] for d in (-0.08, 0, 0.1, 0.3, 1)),
        True,
    ),
    "mmf4": _Grid(
        tuple(
            partial(_mmf, rate=d, scale=k)
            for d in (0.5, 0.75, 1, 1.5, 2, 3)
            for k in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
        ),
        True,
    ),
    "exp": _Grid(tuple(partial(_exponential, scale=d) for d in np.geomspace(0.1, 2, 24)), True),
    "log": _Grid((_minus_log,), True),
}


def predict(family: Family, x: np.ndarray, errors: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Fit a family to measured errors and return the errors it expects at other numbers of images.

    Args:
        x: Numbers of images relative to today's, ascending, over 0, of shape (S,).
        errors: In 0..1, of shape (B, S): B curves, each is fitted by itself.
        at: Of shape (T,), over 0.

    Returns:
        In 0..1, of shape (B, T); no curve rises.
    """
    if family == "late":
        half = len(x) // 2
        x, errors = x[half:], errors[:, half:]
    grid = _GRIDS[family]
    shapes = np.array([shape(x) for shape in grid.shapes])  # (G, S)
    weight = np.sqrt(x) / np.sqrt(x).sum()  # What comes next resembles the larger shares.
    floor, slope = _solved(shapes, errors, weight, has_floor=grid.has_floor)  # (B, G) both
    off = errors[:, None, :] - floor[..., None] - slope[..., None] * shapes
    best = ((off**2) @ weight).argmin(axis=1)  # (B,)
    rows = np.arange(len(errors))
    ahead = np.array([shape(at) for shape in grid.shapes])[best]  # (B, T)
    return np.clip(floor[rows, best][:, None] + slope[rows, best][:, None] * ahead, 0, 1)


def _solved(
    shapes: np.ndarray, errors: np.ndarray, weight: np.ndarray, *, has_floor: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least-squares floor and slope, neither below 0: two arrays of shape (B, G)."""
    without = np.maximum(((errors * weight) @ shapes.T) / np.maximum((shapes**2) @ weight, 1e-12), 0)
    if not has_floor:
        return np.zeros_like(without), without
    mean_shape, mean_error = shapes @ weight, errors @ weight  # (G,), (B,)
    centred = shapes - mean_shape[:, None]
    spread = np.maximum((centred**2) @ weight, 1e-12)  # (G,)
    slope = np.maximum(((errors - mean_error[:, None]) * weight) @ centred.T / spread, 0)
    floor = mean_error[:, None] - slope * mean_shape
    return np.maximum(floor, 0), np.where(floor < 0, without, slope)

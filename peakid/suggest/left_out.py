"""Solve a weighted ridge regression and leave out each group of images from it, in closed form.

With X the features, W the weights, Y the targets and A = X'WX + penalty: the prediction without group g is
Y_g - (I - M W_g)^-1 (Y_g - F_g), where F = X A^-1 X'WY and M = X_g A^-1 X_g'. M does not depend on the
labels, so it is kept between fits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

BLOCK = 4096  # Rows at a time: 21 MB of 1,280 features in single precision.
LARGE_GROUP = 256  # Images; above, the normal equations without the group are solved.


@dataclass(frozen=True)
class Part:
    """Rows `start` to `end` of features sorted by group: whole groups of `size` images each."""

    start: int
    end: int
    size: int


@dataclass
class Solved:
    """The factor of A for one penalty, and M of the groups that were left out of it so far.

    Attributes:
        lower: Cholesky factor of A, (C, C).
        inner: By the parts asked for, M of each batch: its diagonal (B,) for groups of one image, else
            (G, size, size).
    """

    lower: np.ndarray
    inner: dict[tuple[Part, ...], list[np.ndarray]] = field(default_factory=dict)


class System:
    """The normal equations of a ridge regression with given weights, for any labels and penalty."""

    def __init__(self, x: np.ndarray, weights: np.ndarray, gram: np.ndarray | None = None) -> None:
        """Compute X'WX, unless it is given.

        Args:
            x: Features of shape (n, C), sorted so that groups are together.
            weights: At least 0, of shape (n,).
        """
        self.x, self.weights = x, weights
        self.gram = np.zeros((x.shape[1], x.shape[1])) if gram is None else gram  # (C, C)
        self._solved: dict[float, Solved] = {}
        if gram is None:
            self._add(np.flatnonzero(weights), weights)

    def reweighted(self, weights: np.ndarray) -> "System":
        """Return the system with other weights; where few differ, X'WX is an update of this one."""
        changed = np.flatnonzero(weights != self.weights)
        if 2 * len(changed) > len(weights):
            return System(self.x, weights)
        other = System(self.x, weights, self.gram.copy())
        other._add(changed, weights - self.weights)
        return other

    def _add(self, rows: np.ndarray, weights: np.ndarray) -> None:
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            x = self.x[block]
            self.gram += x.T @ (weights[block, None].astype(x.dtype) * x)

    def scores(self, y: np.ndarray, penalty: float, parts: list[Part]) -> np.ndarray:
        """Return the scores of the rows in `parts`, each without its group: (n, K); other rows are 0.

        Args:
            y: Targets of shape (n, K); 0 where the weight is 0.
        """
        if penalty not in self._solved:
            matrix = self.gram + penalty * np.eye(len(self.gram))
            self._solved[penalty] = Solved(cholesky(matrix, lower=True, check_finite=False))
        solved = self._solved[penalty]
        target = (self.x.T @ (self.weights[:, None] * y).astype(self.x.dtype)).astype(float)  # (C, K)
        coefficients = cho_solve((solved.lower, True), target, check_finite=False).astype(self.x.dtype)
        key = tuple(parts)
        if key not in solved.inner:
            solved.inner[key] = list(self._inner(solved.lower.astype(self.x.dtype), parts))
        scores = np.zeros(y.shape)
        for (size, rows), inner in zip(_batches(parts), solved.inner[key], strict=True):
            if size > LARGE_GROUP:
                scores[rows] = self._without_large(rows, target, y, penalty)
            else:
                fitted = (self.x[rows] @ coefficients).astype(float)  # (B, K)
                scores[rows] = _without_groups(fitted, inner, y[rows], self.weights[rows])
        return scores

    def base_rates(self, y: np.ndarray, parts: list[Part]) -> np.ndarray:
        """Return the mean target outside the group of each row in `parts`: (n, K); other rows are 0.

        It is 0 where nothing is outside.
        """
        weighted = self.weights[:, None] * y
        total, mass = weighted.sum(axis=0), self.weights.sum()
        rates = np.zeros(y.shape)
        for size, rows in _batches(parts):
            outside = mass - self.weights[rows].reshape(-1, size).sum(axis=1)  # (G,)
            left = total - weighted[rows].reshape(-1, size, y.shape[1]).sum(axis=1)  # (G, K)
            is_any = (outside > 1e-9 * mass)[:, None]
            means = np.divide(left, outside[:, None], out=np.zeros(left.shape), where=is_any)
            rates[rows] = np.repeat(means, size, axis=0)
        return rates

    def _inner(self, lower: np.ndarray, parts: list[Part]) -> Iterator[np.ndarray]:
        for size, rows in _batches(parts):
            if size > LARGE_GROUP:
                yield np.empty(0)
                continue
            half = solve_triangular(lower, self.x[rows].T, lower=True, check_finite=False).T  # (B, C)
            grouped = half.reshape(-1, size, half.shape[1])  # (G, size, C)
            yield (
                np.einsum("ij,ij->i", half, half).astype(float)
                if size == 1
                else (grouped @ grouped.transpose(0, 2, 1)).astype(float)
            )

    def _without_large(
        self, rows: np.ndarray, target: np.ndarray, y: np.ndarray, penalty: float
    ) -> np.ndarray:
        """Return the scores of one group by a fit to all other images: (m, K)."""
        x, weights = self.x[rows].astype(float), self.weights[rows, None]
        gram = self.gram - x.T @ (weights * x) + penalty * np.eye(len(self.gram))
        left = target - x.T @ (weights * y[rows])
        return x @ cho_solve((cholesky(gram, lower=True, check_finite=False), True), left, check_finite=False)


def parts(sizes: np.ndarray) -> list[Part]:
    """Cut rows that are sorted by the size of their group into parts of about BLOCK rows of one size."""
    found = []
    for size in np.unique(sizes):
        first, end = np.searchsorted(sizes, (size, size + 1))
        step = max(1, BLOCK // size) * size
        found += [
            Part(int(start), int(min(start + step, end)), int(size)) for start in range(first, end, step)
        ]
    return found


def sampled(all_parts: list[Part], weights: np.ndarray, n_images: int) -> list[Part]:
    """Return parts with about `n_images` images of a weight over 0, spread evenly over the sorted groups."""
    used = np.flatnonzero(weights > 0)
    if len(used) <= n_images:
        return all_parts
    chosen = used[np.linspace(0, len(used) - 1, n_images).astype(int)]
    found = []
    for part in all_parts:
        rows = chosen[(chosen >= part.start) & (chosen < part.end)]
        starts = np.unique(part.start + (rows - part.start) // part.size * part.size)
        found += [Part(int(start), int(start) + part.size, part.size) for start in starts]
    return found


def _without_groups(fitted: np.ndarray, inner: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the scores of whole groups of one size, each without itself: (B, K).

    Args:
        fitted: Scores with all images, (B, K).
        inner: M, (B,) or (G, size, size).
    """
    if inner.ndim == 1:
        leverage = weights * inner  # (B,)
        return (fitted - leverage[:, None] * y) / (1 - leverage)[:, None]
    size = inner.shape[1]
    system = np.eye(size) - inner * weights.reshape(-1, 1, size)
    residual = (y - fitted).reshape(-1, size, y.shape[1])  # (G, size, K)
    return y - np.linalg.solve(system, residual).reshape(y.shape)


def _batches(parts: list[Part]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (size, rows) of parts of one size together, at most BLOCK rows or one part at a time."""
    waiting: list[Part] = []
    n_rows = 0
    for part in [*parts, None]:
        is_full = waiting and (
            part is None
            or part.size != waiting[0].size
            or part.size > LARGE_GROUP
            or n_rows + part.end - part.start > BLOCK
        )
        if is_full:
            yield waiting[0].size, np.concatenate([np.arange(each.start, each.end) for each in waiting])
            waiting, n_rows = [], 0
        if part is not None:
            waiting.append(part)
            n_rows += part.end - part.start

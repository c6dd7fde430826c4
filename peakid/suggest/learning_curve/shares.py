"""Fit the linear head to parts of the training images, and say which validation images are right."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from peakid.evaluate.learning_curve.measured import Measured
from peakid.suggest import head

PENALTIES = (0.01, 0.1, *(float(each) for each in 10.0 ** np.arange(0, 3.1, 0.5)))
SHARES = (0.125, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0)  # Evenly spaced in the logarithm.
LEAST_SHARE = 0.35  # Of a class, where the shares differ between classes.
N_DRAWS = 12
N_MIXED = 40  # Fits in which the shares differ between classes, and four more for each class.
MOST_MIXED = 200  # Unless there are so many classes that they need more.
SAMPLE = 1000  # Images that a penalty is tried on.


@dataclass(frozen=True)
class Part:
    """Some of the training images.

    Attributes:
        rows: Their positions among the training images, ascending.
        draw: Parts of one draw are nested: a larger one has the images of a smaller one. -1 where the shares
            differ between classes.
    """

    rows: np.ndarray
    draw: int


class Probe:
    """A linear head that is fitted to some of the training images and scored on the validation images."""

    def __init__(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        groups: np.ndarray,
        is_train: np.ndarray,
        balance: np.ndarray | None = None,
    ) -> None:
        """Prepare the features.

        Args:
            features: Finite, of shape (n, C), of the images of both splits.
            labels: int64 of shape (n,), in 0..K-1.
            groups: int64 of shape (n,): a number for each group of near duplicates.
            is_train: bool of shape (n,); the others are validation images.
            balance: Images of each class, (K,), as which every part is weighted; None = the training images.
                Otherwise a class with more images would be predicted more often, and that is no knowledge.
        """
        x = head.prepared(features, np.arange(len(features)))
        self.n_classes = int(labels.max()) + 1
        self.labels, self.groups = labels[is_train], groups[is_train]
        self.answers, self.valid_groups = labels[~is_train], groups[~is_train]
        self._class_sizes = np.bincount(self.labels, minlength=self.n_classes) if balance is None else balance
        self._x, self._valid = x[is_train], x[~is_train]
        self._penalties: dict[int, float] = {}

    def correct(self, rows: np.ndarray) -> np.ndarray:
        """Return whether a fit to these rows predicts each of V validation images right: bool of (V,)."""
        x, y = self._weighted(rows)
        is_wide = len(rows) <= x.shape[1]
        system = x @ x.T if is_wide else x.T @ x
        system.flat[:: len(system) + 1] += self._penalty(rows)
        factor = cho_factor(system, overwrite_a=True, check_finite=False)
        solved = cho_solve(factor, y if is_wide else x.T @ y, check_finite=False)
        weight = x.T @ solved if is_wide else solved  # (C, K)
        return (self._valid @ weight).argmax(axis=1) == self.answers

    def _weighted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (m, C) and targets (m, K), times the roots of the weights of the images."""
        labels = self.labels[rows]
        n = np.bincount(labels, minlength=self.n_classes)
        weights = self._class_sizes / np.maximum(n, 1) * len(rows) / self._class_sizes.sum()  # (K,)
        root = np.sqrt(weights)[labels, None]
        return root * self._x[rows], root * (np.eye(self.n_classes)[labels] - 1 / self.n_classes)

    def _penalty(self, rows: np.ndarray) -> float:
        """Return the best penalty of these rows; of many, that of the first part of about their size."""
        if len(rows) <= SAMPLE:
            return self._best_penalty(rows)
        size = round(4 * np.log2(len(rows)))
        if size not in self._penalties:
            self._penalties[size] = self._best_penalty(rows[:: -(-len(rows) // SAMPLE)])
        return self._penalties[size]

    def _best_penalty(self, rows: np.ndarray) -> float:
        """Return the penalty with the lowest squared error where each group is predicted without itself."""
        x, y = self._weighted(rows)
        values, vectors = eigh(x @ x.T, check_finite=False)
        losses = [_left_out_loss(values, vectors, y, self.groups[rows], each) for each in PENALTIES]
        return PENALTIES[int(np.argmin(losses))]


def common_parts(
    labels: np.ndarray, groups: np.ndarray, *, n_draws: int = N_DRAWS, least: float = 0.0, seed: int = 0
) -> list[Part]:
    """Return parts with the same share of each class, at least one image of each; the last one has all.

    Args:
        labels, groups: Of the training images.
        least: The smallest share.
    """
    found, n_classes = [], int(labels.max()) + 1
    for draw in range(n_draws):
        ordered = in_random_order(labels, groups, np.random.default_rng((seed, draw)))
        for share in (each for each in SHARES[:-1] if each >= least):
            found.append(Part(taken(ordered, np.full(n_classes, share)), draw))
    return [*found, Part(np.arange(len(labels)), n_draws)]


def mixed_parts(labels: np.ndarray, groups: np.ndarray, *, n_parts: int = 0, seed: int = 0) -> list[Part]:
    """Return parts with a random share of each class, to tell what each class contributes.

    Args:
        n_parts: 0 = as many as the classes need.
    """
    n_classes = int(labels.max()) + 1
    n_parts = n_parts or min(max(MOST_MIXED, 2 * n_classes), N_MIXED + 4 * n_classes)
    found = []
    for number in range(n_parts):
        rng = np.random.default_rng((seed, 1, number))
        shares = np.exp(rng.uniform(np.log(LEAST_SHARE), 0, n_classes))
        found.append(Part(taken(in_random_order(labels, groups, rng), shares), -1))
    return found


def measure(
    probe: Probe, parts: list[Part], *, report: Callable[[int, int], None] = lambda step, total: None
) -> Measured:
    """Fit the head to each part and return what the fits predict right.

    Args:
        report: Called before each fit with the number of those done and of all; may raise to stop.
    """
    correct = np.zeros((len(parts), len(probe.answers)), dtype=bool)
    counts = np.zeros((len(parts), probe.n_classes), dtype=np.int64)
    for number, part in enumerate(parts):
        report(number, len(parts))
        correct[number] = probe.correct(part.rows)
        counts[number] = np.bincount(probe.labels[part.rows], minlength=probe.n_classes)
    draws = np.array([part.draw for part in parts])
    return Measured(counts, draws, correct, probe.answers, probe.valid_groups)


def in_random_order(labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the rows of each class in random order, those of one group of near duplicates together."""
    place = rng.permutation(groups.max() + 1)[groups]
    order = np.lexsort((np.arange(len(labels)), place, labels))
    return np.split(order, np.searchsorted(labels[order], np.arange(1, labels.max() + 1)))


def taken(ordered: list[np.ndarray], shares: np.ndarray) -> np.ndarray:
    """Return a share of each class, rounded, at least one image where there is one."""
    found = []
    for rows, share in zip(ordered, shares, strict=True):
        found.append(rows[: min(len(rows), max(1, round(share * len(rows))))])
    return np.sort(np.concatenate(found))


def _left_out_loss(
    values: np.ndarray, vectors: np.ndarray, y: np.ndarray, groups: np.ndarray, penalty: float
) -> float:
    """Return the squared error of a ridge regression where each group is predicted without itself.

    Args:
        values, vectors: Eigenvalues and eigenvectors of X X', (m,) and (m, m).
    """
    shrunk = np.maximum(values, 0) / (np.maximum(values, 0) + penalty)  # (m,)
    residual = y - vectors @ (shrunk[:, None] * (vectors.T @ y))  # (m, K)
    leverage = (vectors**2) @ shrunk  # (m,)
    left = residual / np.maximum(1 - leverage, 1e-9)[:, None]
    unique, counts = np.unique(groups, return_counts=True)
    for group in unique[counts > 1]:
        rows = np.flatnonzero(groups == group)
        part = vectors[rows]
        inner = np.eye(len(rows)) - (part * shrunk) @ part.T + 1e-9 * np.eye(len(rows))
        left[rows] = np.linalg.solve(inner, residual[rows])
    return float((left**2).sum())

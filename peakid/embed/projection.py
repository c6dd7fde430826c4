"""Project embeddings onto a plane: by principal components, or by UMAP where that is installed."""

import importlib
import importlib.util
import warnings
from dataclasses import dataclass

import numpy as np

from peakid.embed.neighbours import Features
from peakid.errors import ExtraMissing
from peakid.records import Report, no_report

MOST_FITTED = 8_192  # Images that the components are computed from; more change them by less than is seen.
N_COMPONENTS = 50  # That UMAP starts from: neighbours hardly change, and it takes a tenth of the time.
N_NEIGHBOURS = 15  # Of UMAP, its own default: smaller shows more detail, larger more of the whole.
LEAST_FOR_UMAP = 10  # Images. Fewer have no neighbourhoods to keep.
SEED = 0
MOST_SEEDED = 10_000  # Images up to which UMAP gives the same layout every time: a seed allows one core.
_SPARE = 8  # Directions beside those asked for, so that these are found exactly.
_N_ITERATIONS = 8  # Correlation with scikit-learn's exact PCA on real embeddings: above .99999.
_BLOCK = 8_192  # Rows that are converted to float32 at once.
_SAME = 1e-6  # Half the width of a map whose points are identical but for rounding.
_FAR = 3.0  # Times the 99.5th percentile: points beyond it are moved to the border.


@dataclass(frozen=True)
class Components:
    """Attributes:
    mean: float32 of shape (C,), of normalised embeddings.
    axes: float32 of shape (C, k). Components that do not exist are 0.
    """

    mean: np.ndarray
    axes: np.ndarray

    def of(self, features: Features) -> np.ndarray:
        """Return the components of embeddings of shape (n, C): float32 of shape (n, k)."""
        found = np.zeros((len(features), self.axes.shape[1]), dtype=np.float32)
        for start in range(0, len(features), _BLOCK):
            found[start : start + _BLOCK] = (
                _normalised(features[start : start + _BLOCK]) - self.mean
            ) @ self.axes
        return found


@dataclass(frozen=True)
class Scaling:
    """How points are moved and scaled into -1 to 1; `half` is 0 where they are identical.

    Attributes:
        centre: float64 of shape (2,), moved to 0. Points further than `reach` are moved to the border.
        middle: float64 of shape (2,), of what is left.
    """

    centre: np.ndarray
    reach: float
    middle: np.ndarray
    half: float

    def of(self, points: np.ndarray) -> np.ndarray:
        """Return points of shape (n, 2) as float32 in -1 to 1."""
        if not self.half:
            return np.zeros(points.shape, dtype=np.float32)
        inside = np.clip(points.astype(np.float64) - self.centre, -self.reach, self.reach)
        return ((inside - self.middle) / self.half).clip(-1, 1).astype(np.float32)


def fit(features: Features, n_components: int) -> Components:
    """Return the first principal components of normalised embeddings of shape (n, C), from a sample of them.

    The sign of a component is such that its largest weight is positive, so that the same images give the same
    map.
    """
    n, n_dimensions = features.shape
    axes = np.zeros((n_dimensions, n_components), dtype=np.float32)
    if n < 2:
        return Components(np.zeros(n_dimensions, dtype=np.float32), axes)
    sample = np.arange(n)
    if n > MOST_FITTED:
        sample = np.sort(np.random.default_rng(SEED).choice(n, MOST_FITTED, replace=False))
    fitted = _normalised(features[sample])  # (S, C)
    mean = fitted.mean(axis=0)
    found = components(fitted - mean, min(n_components, n_dimensions))  # (C, k)
    k = found.shape[1]
    axes[:, :k] = found * np.sign(found[np.abs(found).argmax(axis=0), np.arange(k)])
    return Components(mean, axes)


def pca(features: Features, n_components: int = 2) -> np.ndarray:
    """Return the first principal components of normalised embeddings.

    Args:
        features: Of shape (n, C); rows of zeros are allowed.

    Returns:
        float32 of shape (n, n_components), as `fit` says.
    """
    return fit(features, n_components).of(features)


def has_umap() -> bool:
    """Return whether the package for UMAP is installed, without importing it."""
    return importlib.util.find_spec("umap") is not None


def refuse_without_umap() -> None:
    """Say how to get UMAP where it is not installed.

    Raises:
        ExtraMissing: If it is not.
    """
    if not has_umap():
        raise ExtraMissing(
            "A UMAP layout needs the package umap-learn, which is not installed.",
            "Install it with: pip install umap-learn. The PCA layout needs no further package.",
        )


def umap(features: Features, *, report: Report = no_report) -> np.ndarray:
    """Return a layout that keeps images beside those they resemble most. It takes seconds to minutes.

    Distances between groups mean little. Up to `MOST_SEEDED` images, the same images give the same layout.

    Args:
        features: As in `pca`. Of fewer than `LEAST_FOR_UMAP` images, the PCA map is returned.

    Raises:
        ExtraMissing: If umap-learn is not installed.
    """
    refuse_without_umap()
    if len(features) < LEAST_FOR_UMAP:
        return pca(features)
    report("Loading libraries", 0, 0, "umap-learn")
    module = importlib.import_module("umap")
    report("Finding neighbours", 0, 0, "")
    start = pca(features, N_COMPONENTS)
    # Identical images would be at the same place before and after, and have no direction to part in.
    start += np.random.default_rng(SEED).normal(scale=1e-5, size=start.shape).astype(np.float32)
    report("Computing the layout", 0, 0, f"{len(features):,} images")
    is_seeded = len(features) <= MOST_SEEDED
    fitted = module.UMAP(
        n_neighbors=min(N_NEIGHBOURS, len(features) - 1),
        init="pca",
        random_state=SEED if is_seeded else None,
        n_jobs=1 if is_seeded else -1,
    )
    with warnings.catch_warnings():  # It says that a seed allows one core.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(fitted.fit_transform(start), dtype=np.float32)


def scaled(points: np.ndarray) -> np.ndarray:
    """Return points moved and scaled into -1 to 1, both axes alike; far outliers are on the border.

    Args:
        points: Finite, of shape (n, 2).

    Returns:
        float32 of shape (n, 2). All are 0 where the points are identical.
    """
    return scaling(points).of(points)


def scaling(points: np.ndarray) -> Scaling:
    """Return how `scaled` moves and scales points of shape (n, 2)."""
    nowhere = np.zeros(2)
    if not len(points):
        return Scaling(nowhere, 0.0, nowhere, 0.0)
    centre = np.median(points, axis=0).astype(np.float64)
    centred = points.astype(np.float64) - centre
    distances = np.abs(centred).max(axis=1)
    usual = float(np.quantile(distances, 0.995))
    reach = min(float(distances.max()), _FAR * usual) if usual > 0 else float(distances.max())
    inside = np.clip(centred, -reach, reach)
    low, high = inside.min(axis=0), inside.max(axis=0)
    half = float((high - low).max()) / 2
    return Scaling(centre, reach, (low + high) / 2, half if half > _SAME else 0.0)


def components(centred: np.ndarray, k: int) -> np.ndarray:
    """Return the k directions in which rows differ most, by subspace iteration (Halko 2011, algorithm 4.4).

    The eigenvectors of a covariance of 1,280 dimensions take ten times as long.

    Args:
        centred: float32 of shape (n, C), with mean 0.

    Returns:
        float32 of shape (C, k).
    """
    n_dimensions = centred.shape[1]
    n_tried = min(k + _SPARE, n_dimensions)
    tried = np.random.default_rng(SEED).normal(size=(n_dimensions, n_tried)).astype(np.float32)
    for _ in range(_N_ITERATIONS):
        tried, _ = np.linalg.qr(centred.T @ (centred @ tried))  # (C, n_tried)
    _, _, within = np.linalg.svd(centred @ tried, full_matrices=False)  # (n_tried, n_tried)
    return (tried @ within.T)[:, :k].astype(np.float32)


def _normalised(features: np.ndarray) -> np.ndarray:
    """Return rows of length 1 as float32; rows of zeros stay."""
    rows = np.asarray(features, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)

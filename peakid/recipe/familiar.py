"""What a model learned looks like: the reference of an export, to measure the distance of a photo from it.

An embedding is scaled to length 1. Its distance is that of Mahalanobis to the nearest class mean, with one
covariance for all classes: exact in its strongest directions, the same in all others, and shrunk. It is as
good as the distance to the nearest training images (bench/unfamiliar.py), and holds no single image.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as stored

N_DIRECTIONS = 64  # 128 were no better.
SHRINKAGE = 0.3  # Towards the mean variance; .1 was no better.
SHARE = 0.01  # Of the validation images that are unfamiliar at most.
MAX_QUANTILES = 1001
MIN_IMAGES = 8  # Of training images; fewer say nothing about a spread.


@dataclass(frozen=True)
class Reference:
    """The reference of an export, float32.

    Attributes:
        means: Of the classes that have training images, (k, d).
        directions: Orthonormal, (r, d).
        variances: Along the directions, (r,).
        rest: The variance along any other direction, (1,).
        threshold: Distance above which a photo is unfamiliar, (1,).
        quantiles: Distances of the validation images, sorted, (q,): what a distance means.
    """

    means: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    rest: np.ndarray
    threshold: np.ndarray
    quantiles: np.ndarray

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the distance of each embedding, float32 (n, d): float64 of shape (n,), 0 or more."""
        return _distances(embeddings, self.means, self.directions, self.variances, float(self.rest[0]))

    def shares(self, distances: np.ndarray) -> np.ndarray:
        """Return the share of validation images that are nearer than each distance, 0..1, (n,)."""
        return np.searchsorted(self.quantiles, distances.astype(np.float32)) / len(self.quantiles)

    def are_unfamiliar(self, distances: np.ndarray) -> np.ndarray:
        """Return for each distance whether it is above the threshold, bool (n,)."""
        return distances.astype(np.float32) > self.threshold[0]

    @property
    def n_features(self) -> int:
        """The length d of an embedding."""
        return self.means.shape[1]

    def content(self) -> bytes:
        """Return the reference as a safetensors file."""
        return stored.save({each.name: getattr(self, each.name) for each in fields(self)})


def fit(embeddings: np.ndarray, labels: np.ndarray, valid: np.ndarray) -> Reference | None:
    """Make the reference of a model; None for too few training images, or without validation images.

    Args:
        embeddings: Of training images, float32 (n, d).
        labels: Of them, (n,).
        valid: Embeddings of validation images, float32 (m, d).
    """
    if len(embeddings) < MIN_IMAGES or not len(valid):
        return None
    scaled = _scaled(embeddings)
    names, columns = np.unique(labels, return_inverse=True)
    means = np.stack([scaled[columns == column].mean(axis=0) for column in range(len(names))])  # (k, d)
    _, sizes, directions = np.linalg.svd(scaled - means[columns], full_matrices=False)
    spread = sizes**2 / len(scaled)
    mean_variance = max(float(spread.sum()) / scaled.shape[1], float(np.finfo(np.float32).eps))
    n_kept = min(N_DIRECTIONS, len(spread))
    variances = (1 - SHRINKAGE) * spread[:n_kept] + SHRINKAGE * mean_variance
    rest = SHRINKAGE * mean_variance
    parts = (means, directions[:n_kept], variances, [rest])
    stored_parts = [np.ascontiguousarray(each, dtype=np.float32) for each in parts]
    nothing = np.zeros(1, dtype=np.float32)
    # The distances of what is stored: rounding must not put an image beyond its own distance.
    found = np.sort(Reference(*stored_parts, nothing, nothing).distances(valid)).astype(np.float32)
    # The n-th of m: at most a hundredth of the images are farther.
    threshold = found[max(0, math.ceil((1 - SHARE) * len(found)) - 1)]
    if len(found) > MAX_QUANTILES:
        found = np.quantile(found, np.linspace(0, 1, MAX_QUANTILES)).astype(np.float32)
    return Reference(*stored_parts, threshold.reshape(1), found)


def parse(content: bytes) -> Reference:
    """Read a reference.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        found: Mapping[str, np.ndarray] = stored.load(content)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    names = [each.name for each in fields(Reference)]
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"it has no {missing[0]}")
    reference = Reference(**{name: found[name] for name in names})
    if problem := _problem(reference):
        raise ValueError(problem)
    return reference


def _problem(reference: Reference) -> str:
    for each in fields(reference):
        values = getattr(reference, each.name)
        if values.dtype != np.float32 or values.ndim != (2 if each.name in ("means", "directions") else 1):
            return f"{each.name} is {values.dtype} of shape {values.shape}"
        if not values.size or not np.isfinite(values).all():
            return f"{each.name} is empty or not finite"
    if reference.directions.shape != (len(reference.variances), reference.n_features):
        return f"directions have the shape {reference.directions.shape}"
    if reference.variances.min() <= 0 or reference.rest[0] <= 0:
        return "a variance is not above 0"
    return ""


def _distances(
    embeddings: np.ndarray, means: np.ndarray, directions: np.ndarray, variances: np.ndarray, rest: float
) -> np.ndarray:
    scaled = _scaled(embeddings)  # (n, d)
    best = np.full(len(scaled), np.inf)
    for mean in means.astype(np.float64):
        away = scaled - mean  # (n, d)
        along = away @ directions.T  # (n, r)
        inside = (along**2 / variances).sum(axis=1)
        outside = np.maximum((away**2).sum(axis=1) - (along**2).sum(axis=1), 0) / rest
        best = np.minimum(best, inside + outside)
    return np.sqrt(best)


def _scaled(embeddings: np.ndarray) -> np.ndarray:
    """Return embeddings of length 1; one of zeros stays."""
    found = embeddings.astype(np.float64)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)

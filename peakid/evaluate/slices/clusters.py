"""Divide images into clusters of those that look alike, by k-means on their embeddings."""

import numpy as np

from peakid.embed import projection

MOST_CLUSTERS = 12
IMAGES_A_CLUSTER = 25  # On average; with fewer, errors in one of them could not be told from chance.
LEAST_IMAGES = 2 * IMAGES_A_CLUSTER  # For two clusters.
N_COMPONENTS = 16  # Of the embeddings: the others are mostly noise.
_MOST_FITTED = 20_000  # Images whose centres are computed; the others go to the nearest one.
_N_ROUNDS = 30  # Centres have hardly moved before that.
_SEED = 0
_SAME = 1e-5  # Of embeddings of length 1: components below it are rounding.
_BLOCK = 20_000  # Images whose distances are in memory at once.


def assign(features: np.ndarray) -> np.ndarray:
    """Return the cluster of each image, the largest first: int64 of shape (n,).

    The same images give the same clusters. Fewer than `LEAST_IMAGES` images are one cluster.

    Args:
        features: Embeddings of shape (n, C).
    """
    n = len(features)
    k = min(MOST_CLUSTERS, n // IMAGES_A_CLUSTER)
    if k < 2:
        return np.zeros(n, dtype=np.int64)
    points = projection.pca(features, N_COMPONENTS).astype(np.float64)
    points[np.abs(points) < _SAME] = 0  # Else images with the same embedding would be several clusters.
    random = np.random.default_rng(_SEED)
    fitted = points if n <= _MOST_FITTED else points[random.choice(n, _MOST_FITTED, replace=False)]
    nearest = _nearest(points, _centres(fitted, k, random))
    used, nearest, counts = np.unique(nearest, return_inverse=True, return_counts=True)
    rank = np.empty(len(used), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(used))
    return rank[nearest]


def _centres(points: np.ndarray, k: int, random: np.random.Generator) -> np.ndarray:
    """Return k centres: k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's rounds."""
    centres = points[random.integers(len(points))][None]
    for _ in range(k - 1):
        squared = _squared(points, centres).min(axis=1)
        total = squared.sum()
        if total <= 0:  # Fewer different images than clusters.
            break
        centres = np.vstack([centres, points[random.choice(len(points), p=squared / total)]])
    for _ in range(_N_ROUNDS):
        nearest = _squared(points, centres).argmin(axis=1)
        counts = np.bincount(nearest, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    return centres


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    blocks = range(0, len(points), _BLOCK)
    return np.concatenate([_squared(points[n : n + _BLOCK], centres).argmin(axis=1) for n in blocks])


def _squared(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the squared distances, (n, k)."""
    found = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    return np.maximum(found, 0)

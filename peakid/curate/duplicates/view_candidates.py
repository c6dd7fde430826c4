"""Find, by the similarity of their views, which images may be copies of each other."""

from collections.abc import Iterator, Sequence

import numpy as np

# Views are compared by their main components, each divided by its spread: what most photos share (a sky, an
# animal in the middle) then counts as little as what few do. Of copies, 98 of 100 are among the ten nearest;
# of those compared as they are, 97 at ten times the cost.
N_COMPONENTS = 128
VIEWS_PER_COMPONENT = 4  # At least, or the spread of a component says nothing.
N_FITTED = 4096  # Views that the components are computed from.
LEAST_SIMILARITY = 0.35  # Two of three copies are .6 or more alike, one pair of 200 different photos .35.
N_NEAREST = 10  # Looked at of each image.
N_ALIKE, ALIKE = 50, 0.6  # Of these, more are looked at: a set may have many copies of each photo.
BLOCK_ROWS, BLOCK_OTHERS = 64, 4096


def projected(views: np.ndarray, base: Sequence[int]) -> np.ndarray:
    """Return views by their main components, each vector of length 1.

    Args:
        views: Of all images, float16 of shape (N, V, C).
        base: Which views are as the picture is: neither turned nor mirrored.

    Returns:
        float16 of shape (N, V, D), D at most 128. The components of few images are not known: their views
        are returned as they are.
    """
    n_images, n_views, n_values = views.shape
    step = max(1, n_images * len(base) // N_FITTED)
    sample = views[::step][:, list(base)].reshape(-1, n_values).astype(np.float32)
    n = min(N_COMPONENTS, n_values, len(sample) // VIEWS_PER_COMPONENT)
    is_enough = n >= N_COMPONENTS // 4
    middle = sample.mean(axis=0) if is_enough else np.zeros(n_values, np.float32)
    matrix = _components(sample - middle, n) if is_enough else None
    found = np.empty((n_images, n_views, n if is_enough else n_values), dtype=np.float16)
    for begin in range(0, n_images, BLOCK_OTHERS):
        part = views[begin : begin + BLOCK_OTHERS].astype(np.float32) - middle
        part = part if matrix is None else part @ matrix
        found[begin : begin + BLOCK_OTHERS] = part / np.maximum(
            np.linalg.norm(part, axis=2, keepdims=True), 1e-6
        )
    return found


def _components(sample: np.ndarray, n: int) -> np.ndarray:
    """Return the main components of some vectors, divided by their spread: float32 of shape (C, n)."""
    variances, directions = np.linalg.eigh(sample.T @ sample / len(sample))
    largest = np.argsort(-variances, kind="stable")[:n]
    return (directions[:, largest] / np.sqrt(np.maximum(variances[largest], 1e-8))).astype(np.float32)


def nearest(
    vectors: np.ndarray, rows: Sequence[int], *, base: Sequence[int], groups: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield for each row the other images that may be copies of it, the most similar first.

    The similarity of two images is the largest cosine of any view of one and a base view of the other.

    Args:
        vectors: Of all images, as `projected` returns them.
        rows: Which images to search for.
        base: As in `projected`.
        groups: int64 of shape (N,). Images of one group are known to be copies and are not searched for.

    Yields:
        (row, others, similarities): int64 and float32 of shape (M,).
    """
    for begin in range(0, len(rows), BLOCK_ROWS):
        block = np.asarray(rows[begin : begin + BLOCK_ROWS], dtype=np.int64)
        alike = _similarities(vectors, block, list(base))  # (B, N)
        alike[groups[block][:, None] == groups[None]] = -1
        for row, found in zip(block.tolist(), alike, strict=True):
            others = _chosen(found)
            yield row, others, found[others]


def _chosen(alike: np.ndarray) -> np.ndarray:
    n = min(N_ALIKE, len(alike))
    largest = np.argpartition(-alike, n - 1)[:n]
    order = largest[np.lexsort((largest, -alike[largest]))]
    least = np.where(np.arange(n) < N_NEAREST, LEAST_SIMILARITY, ALIKE)
    return order[alike[order] >= least]


def _similarities(vectors: np.ndarray, block: np.ndarray, base: list[int]) -> np.ndarray:
    own = vectors[block].astype(np.float32)  # (B, V, D)
    n_rows, n_views, n_values = own.shape
    found = np.empty((n_rows, len(vectors)), dtype=np.float32)
    own_base, own_all = own[:, base].reshape(-1, n_values), own.reshape(-1, n_values)
    for begin in range(0, len(vectors), BLOCK_OTHERS):
        other = vectors[begin : begin + BLOCK_OTHERS].astype(np.float32)  # (M, V, D)
        m = len(other)
        one = own_base @ other.reshape(-1, n_values).T  # (B * base, M * V)
        two = own_all @ other[:, base].reshape(-1, n_values).T  # (B * V, M * base)
        found[:, begin : begin + m] = np.maximum(
            one.reshape(n_rows, len(base), m, n_views).max(axis=(1, 3)),
            two.reshape(n_rows, n_views, m, len(base)).max(axis=(1, 3)),
        )
    return found

"""The order of the classes in a confusion matrix, and what its cells say: counts or shares."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

MatrixOrder = Literal[
    "class",       # As on the Classes page at the time of the training.
    "name",        # Alphabetical.
    "size",        # The most images first.
    "similarity",  # Classes that are taken for each other stand together.
]  # fmt: skip
ORDERS: tuple[MatrixOrder, ...] = get_args(MatrixOrder)

CellValue = Literal[
    "counts",   # Images.
    "rows",     # Share of the images with the given label.
    "columns",  # Share of the images with the predicted label.
]  # fmt: skip
VALUES: tuple[CellValue, ...] = get_args(CellValue)


def positions(class_names: Sequence[str], matrix: np.ndarray, by: MatrixOrder) -> list[int]:
    """Return the K positions of the classes in the order in which rows and columns are drawn.

    Args:
        matrix: int64 of shape (K, K), row = given label, column = predicted label.
    """
    every = range(len(class_names))
    if by == "name":
        return sorted(every, key=lambda n: (class_names[n].casefold(), class_names[n]))
    if by == "size":
        totals = matrix.sum(axis=1)
        return sorted(every, key=lambda n: (-int(totals[n]), n))
    return _by_similarity(matrix) if by == "similarity" else list(every)


def values(matrix: np.ndarray, shown: CellValue) -> np.ndarray:
    """Return what the cells say: the counts, or float64 shares in 0..1 of the row or of the column.

    A row or column without images has shares of 0, as in scikit-learn.
    """
    if shown == "counts":
        return matrix
    totals = matrix.sum(axis=1 if shown == "rows" else 0, keepdims=True)
    return matrix / np.maximum(totals, 1)


def _by_similarity(matrix: np.ndarray) -> list[int]:
    """Order the classes by hierarchical clustering of the symmetrised row shares.

    The leaves are in the order that keeps the distances of neighbours smallest (Bar-Joseph 2001). Classes
    without any confusion follow in their own order: nothing says where they would belong.
    """
    shares = values(matrix, "rows")
    alike = (shares + shares.T) / 2  # (K, K)
    np.fill_diagonal(alike, 0)
    confused = np.flatnonzero(alike.sum(axis=1) > 0)
    others = [n for n in range(len(matrix)) if n not in set(confused.tolist())]
    if len(confused) <= 2:
        return [*confused.tolist(), *others]
    part = alike[np.ix_(confused, confused)]
    distances = 1 - part / part.max()
    np.fill_diagonal(distances, 0)
    tree = hierarchy.linkage(squareform(distances), method="average", optimal_ordering=True)
    leaves = confused[hierarchy.leaves_list(tree)].tolist()
    # A tree can be read from both ends; the end with the earlier class is first.
    return [*(leaves if leaves[0] < leaves[-1] else leaves[::-1]), *others]

"""Confusion matrices drawn by chance, and the predictions of a run that give a matrix."""

import numpy as np

from peakid.evaluate.scored_images import ScoredImages


def spread(rng, n_classes, n_images, accuracy, weights=None):
    """Draw a confusion matrix whose errors are spread over the other classes by chance."""
    matrix = np.zeros((n_classes, n_classes), dtype=np.int64)
    for i in range(n_classes):
        matrix[i, i] = rng.binomial(n_images, accuracy)
        shares = np.ones(n_classes) if weights is None else weights.copy()
        shares[i] = 0
        matrix[i] += rng.multinomial(n_images - matrix[i, i], shares / shares.sum())
    return matrix


def images_of(matrix, names=None, groups=None):
    """Return one image for each count of a matrix."""
    given, predicted = (np.repeat(part, matrix.ravel()) for part in np.indices(matrix.shape).reshape(2, -1))
    n, n_classes = len(given), len(matrix)
    pred_probs = np.full((n, n_classes), 0.1 / (n_classes - 1), dtype=np.float32)
    pred_probs[np.arange(n), predicted] = 0.9
    return ScoredImages(
        run_id=1,
        split="valid",
        class_names=tuple(names or (f"class {i}" for i in range(n_classes))),
        digests=tuple(f"{i:064x}" for i in range(n)),
        image_ids=np.arange(n),
        given=given.astype(np.int32),
        newest=given.astype(np.int32),
        is_reviewed=np.zeros(n, dtype=bool),
        also_shows=np.zeros(n, dtype=bool),
        groups=np.arange(n) if groups is None else groups,
        pred_probs=pred_probs,
    )

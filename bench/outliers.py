"""Measure whether foreign pictures come first: `python bench/outliers.py --embeddings FOLDER`.

A dozen pictures of one collection are planted in another one, with a random label. The table says how many of
them are among the first 40 of the queue. FOLDER has NAME_PX.npz with `features` (n, C) and `labels` (n,).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.neighbors import LocalOutlierFactor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.embed import neighbours, outliers

N_PLANTED, N_LOOKED_AT = 12, 40
CASES = (  # (collection, planted from, of one class only)
    *(("otters", each, False) for each in ("intel6", "summits14", "cene_demo")),
    ("otters", "intel6", True),
    ("intel6", "otters", False),
    ("intel6", "otters", True),
    ("summits14", "otters", False),
    ("summits14", "intel6", True),
    ("cene_demo", "otters", False),
)
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(features, labels) -> one score for each image, low = strange."""


def by_neighbours(k: int) -> Score:
    """The mean similarity to the k nearest images of the whole collection."""

    def score(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        found = neighbours.nearest(features, features, k, exclude=np.arange(len(features)))
        return found.similarity.mean(axis=1)

    return score


def cleanlab(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from cleanlab.outlier import OutOfDistribution

    return OutOfDistribution().fit_score(features=features, verbose=False)


def local_factor(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    found = LocalOutlierFactor(n_neighbors=min(50, len(features) - 1), metric="cosine").fit(features)
    return found.negative_outlier_factor_


def mahalanobis(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The negative distance to the nearest class mean, with half of the covariance shrunk to a sphere."""
    unit = neighbours.normalised(features).astype(np.float64)
    means = np.stack([unit[labels == each].mean(axis=0) for each in np.unique(labels)])
    within = unit - means[np.unique(labels, return_inverse=True)[1]]
    return -np.min([_distance(unit - mean, within) for mean in means], axis=0)


def _distance(offsets: np.ndarray, sample: np.ndarray, *, shrinkage: float = 0.5) -> np.ndarray:
    _, scales, axes = np.linalg.svd(sample, full_matrices=False)
    variance = scales**2 / len(sample)
    sphere = variance.sum() / sample.shape[1]
    along = offsets @ axes.T
    rest = np.maximum((offsets**2).sum(axis=1) - (along**2).sum(axis=1), 0)
    within = (along**2 / ((1 - shrinkage) * variance + shrinkage * sphere)).sum(axis=1)
    return within + rest / (shrinkage * sphere)


METHODS: dict[str, Score] = {
    "queue outliers": lambda features, labels: outliers.score(features, labels).score,
    "queue outliers:CLASS": lambda features, labels: outliers.score(features, labels).class_score,
    "nearest image": by_neighbours(1),
    "10 nearest": by_neighbours(10),
    "50 nearest": by_neighbours(50),
    "cleanlab 2 OOD": cleanlab,
    "local outlier factor": local_factor,
    "Mahalanobis": mahalanobis,
}


def planted(
    host: dict[str, np.ndarray], other: dict[str, np.ndarray], seed: int, *, is_one_class: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the features and labels of the host with the planted images at the end."""
    random = np.random.default_rng(seed)
    names, numbers = np.unique(other["labels"], return_inverse=True)
    rows = np.arange(len(numbers))
    if is_one_class:
        large = [each for each in range(len(names)) if (numbers == each).sum() >= N_PLANTED]
        rows = np.flatnonzero(numbers == random.choice(large))
    chosen = random.choice(rows, N_PLANTED, replace=False)
    labels = np.unique(host["labels"], return_inverse=True)[1]
    given = random.integers(0, labels.max() + 1, N_PLANTED)
    features = np.concatenate([host["features"], other["features"][chosen]]).astype(np.float32)
    return features, np.concatenate([labels, given]).astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 6, 7, 8, 9])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    given = parser.parse_args()
    names = sorted({name for case in CASES for name in case[:2]})
    data = {name: dict(np.load(given.embeddings / f"{name}_{given.size}.npz")) for name in names}
    rows: list[dict[str, object]] = []
    for name in given.methods:
        began = time.perf_counter()
        for host, other, is_one_class in CASES:
            found = []
            for seed in given.seeds:
                features, labels = planted(data[host], data[other], seed, is_one_class=is_one_class)
                order = np.argsort(METHODS[name](features, labels), kind="stable")
                found.append(int((order[:N_LOOKED_AT] >= len(features) - N_PLANTED).sum()))
            case = f"{other}{' (one class)' if is_one_class else ''} in {host}"
            rows.append({"method": name, "case": case, "found": found})
            print(f"{name:22} {case:36} {np.mean(found):5.1f} of {N_PLANTED}, least {min(found)}", flush=True)
        print(f"{name:22} {time.perf_counter() - began:.1f} s", flush=True)
    versions = {each: version(each) for each in ("numpy", "scikit-learn")}
    print(json.dumps({"size_px": given.size, "seeds": given.seeds, "rows": rows, "versions": versions}))


if __name__ == "__main__":
    main()

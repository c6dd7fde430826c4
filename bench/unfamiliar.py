"""Measure how well unfamiliar photos are told: `python bench/unfamiliar.py --embeddings FOLDER [--half 1]`.

A reference is made from training images of one collection, as an export makes it; its validation images give
the threshold. False alarms are counted on its test images; photos of the other collections are to be told.
Each collection is halved by its groups of near duplicates: what is used was chosen on half 0, and half 1 is
reported. FOLDER has NAME_224.npz with `features` (n, C), `labels` and `groups` (n,).

`unsure` is one minus the confidence of a logistic regression on the same embeddings: known without it.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.evaluate import intervals
from peakid.recipe import familiar

NAMES = ("otters", "intel6", "demo", "summits14")
# Photos of mountains are nothing new to a model of mountains and glaciers: they are told for themselves.
RELATED = {("intel6", "summits14"), ("intel6", "demo"), ("summits14", "demo"), ("demo", "summits14")}
MOST = 400  # Images of a collection that a reference is made of, and of each other one.
Distance = Callable[[np.ndarray], np.ndarray]
"""features (n, C) -> distances (n,), high = unfamiliar."""
Method = Callable[[np.ndarray, np.ndarray], Distance]
"""Training features and labels -> the distance from them."""


def reference(training: np.ndarray, labels: np.ndarray) -> Distance:
    """What an export does."""
    found = familiar.fit(training, labels, training)
    assert found is not None
    return found.distances


def neighbours(k: int) -> Method:
    """The mean cosine distance to the k nearest training images."""

    def fit(training: np.ndarray, labels: np.ndarray) -> Distance:
        known = unit(training).T
        return lambda features: 1 - np.partition(unit(features) @ known, -k, axis=1)[:, -k:].mean(axis=1)

    return fit


def class_means(training: np.ndarray, labels: np.ndarray) -> Distance:
    """The distance to the nearest class mean."""
    known = unit(training)
    means = np.stack([known[labels == name].mean(axis=0) for name in np.unique(labels)])
    return lambda features: np.linalg.norm(unit(features)[:, None] - means[None], axis=2).min(axis=1)


def unsure(training: np.ndarray, labels: np.ndarray) -> Distance:
    """One minus the confidence of a classifier on the same embeddings."""
    fitted = LogisticRegression(C=0.1, max_iter=100).fit(training, labels)
    return lambda features: 1 - fitted.predict_proba(features).max(axis=1)


def unit(features: np.ndarray) -> np.ndarray:
    """Return features of length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


METHODS: Mapping[str, Method] = {
    "reference": reference,
    "nearest 1": neighbours(1),
    "nearest 5": neighbours(5),
    "class means": class_means,
    "unsure": unsure,
}


def halved(folder: Path, name: str, half: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, labels and groups of one half of a collection."""
    stored = np.load(folder / f"{name}_224.npz")
    groups = stored["groups"]
    is_in = ((groups.astype(np.uint64) * np.uint64(2654435761)) >> np.uint64(9)) % np.uint64(2) == half
    return stored["features"].astype(np.float32)[is_in], stored["labels"][is_in], groups[is_in]


def parts(groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of training, validation and test: 60, 20 and 20 % of the groups."""
    names = np.random.default_rng(seed).permutation(np.unique(groups))
    place = dict(zip(names.tolist(), np.linspace(0, 1, len(names), endpoint=False), strict=True))
    at = np.array([place[group] for group in groups.tolist()])
    return (
        np.flatnonzero(at < 0.6)[:MOST],
        np.flatnonzero((at >= 0.6) & (at < 0.8)),
        np.flatnonzero(at >= 0.8),
    )


def threshold(distances: np.ndarray) -> float:
    """Return the distance that at most a hundredth of the validation images exceeds, as in an export."""
    ordered = np.sort(distances)
    return float(ordered[max(0, int(np.ceil((1 - familiar.SHARE) * len(ordered))) - 1)])


def measured(folder: Path, half: int, seeds: int) -> list[dict[str, object]]:
    """Return one row for each method, home and other collection, summed over seeds."""
    collections = {name: halved(folder, name, half) for name in NAMES}
    rows: list[dict[str, object]] = []
    for home, (features, labels, groups) in collections.items():
        for method, fit in METHODS.items():
            counts: dict[str, list[tuple[float, int, int, int, int]]] = {}
            for seed in range(seeds):
                train, valid, test = parts(groups, seed)
                distance = fit(features[train], labels[train])
                at = threshold(distance(features[valid]))
                own = distance(features[test])
                for other in NAMES:
                    if other != home:
                        far = distance(collections[other][0][:MOST])
                        truth = np.r_[np.zeros(len(own)), np.ones(len(far))]
                        area = float(roc_auc_score(truth, np.r_[own, far]))
                        found = (area, int((own > at).sum()), len(own), int((far > at).sum()), len(far))
                        counts.setdefault(other, []).append(found)
            rows += [_row(method, home, other, each) for other, each in counts.items()]
    return rows


def _row(
    method: str, home: str, other: str, seeds: list[tuple[float, int, int, int, int]]
) -> dict[str, object]:
    _, false, n_own, told, n_far = (sum(column) for column in zip(*seeds, strict=True))
    return {
        "method": method,
        "home": home,
        "other": other,
        "is_related": (home, other) in RELATED,
        "auroc": round(float(np.mean([each[0] for each in seeds])), 4),
        "n_false": false,
        "n_own": n_own,
        "n_told": told,
        "n_other": n_far,
    }


def summary(rows: list[dict[str, object]]) -> list[str]:
    """Return the lines of the table: means over the unrelated pairs, then each pair for the reference."""
    lines = ["method        AUROC  false alarms (95 %)    told (unrelated)   told (related)"]
    for method in METHODS:
        own = [row for row in rows if row["method"] == method]
        apart = [row for row in own if not row["is_related"]]
        near = [row for row in own if row["is_related"]]
        once = {str(row["home"]): (row["n_false"], row["n_own"]) for row in own}
        k, n = (sum(int(each[place]) for each in once.values()) for place in (0, 1))
        low, high = intervals.wilson(k, n)
        lines.append(
            f"{method:12}  {np.mean([row['auroc'] for row in apart]):.3f}"
            f"  {100 * k / n:4.1f} % ({100 * low:.1f}-{100 * high:.1f}, n = {n})"
            f"  {100 * _share(apart):5.1f} %                     {100 * _share(near):5.1f} %"
        )
    lines.append("")
    lines += [
        f"{row['home']!s:10} {row['other']!s:10} AUROC {row['auroc']:.3f},"
        f" told {100 * _share([row]):.0f} %{' (related)' if row['is_related'] else ''}"
        for row in rows
        if row["method"] == "reference"
    ]
    return lines


def _share(rows: list[dict[str, object]]) -> float:
    return float(np.mean([int(row["n_told"]) / int(row["n_other"]) for row in rows]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--half", type=int, default=1, choices=(0, 1))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    began = time.perf_counter()
    rows = measured(arguments.embeddings, arguments.half, arguments.seeds)
    print("\n".join(summary(rows)))
    versions = {name: version(name) for name in ("numpy", "scikit-learn")}
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"half": arguments.half, "seconds": seconds, "versions": versions, "rows": rows}))


if __name__ == "__main__":
    main()

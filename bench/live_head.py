"""Time the live head, and compare it with logistic regression: `python bench/live_head.py [--data FOLDER]`.

Times are on drawn features of 1,280 dimensions and 30 classes, a tenth of the images in pairs of near
duplicates. With real photos (`--data`) it also compares accuracy and log-loss out of sample.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import noisy
import numpy as np
import scipy
from label_issues import folds, standardised

from peakid.suggest import calibrated, label_quality
from peakid.suggest.head import LiveHead

N_FEATURES, N_CLASSES = 1280, 30
NAIVE_FITS = 3  # Measured; the rest is reckoned.


def drawn(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return float16 features as after a ReLU, labels with a tenth of errors, and groups."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_CLASSES, n)
    centres = rng.normal(0, 0.3, size=(N_CLASSES, N_FEATURES)).astype(np.float32)
    features = np.empty((n, N_FEATURES), dtype=np.float16)
    for start in range(0, n, 5000):
        part = labels[start : start + 5000]
        noise = rng.standard_normal((len(part), N_FEATURES), dtype=np.float32)
        features[start : start + 5000] = np.maximum(centres[part] + noise, 0)
    wrong = rng.permutation(n)[: n // 10]
    labels[wrong] = rng.integers(0, N_CLASSES, len(wrong))
    return features, labels, np.where(np.arange(n) < n // 10, np.arange(n) // 2, np.arange(n))


def times(n: int) -> dict:
    """Return the seconds of wall clock and of CPU for each step of the live loop."""
    features, labels, groups = drawn(n)
    found: dict[str, tuple[float, float]] = {}

    def timed(name: str, act: Callable) -> object:
        wall, cpu = time.perf_counter(), time.process_time()
        result = act()
        found[name] = (time.perf_counter() - wall, time.process_time() - cpu)
        return result

    head = timed("prepare the features", lambda: LiveHead(features, groups))
    timed("first fit", lambda: head.fit(labels, N_CLASSES))
    labels[5] = (labels[5] + 1) % N_CLASSES
    timed("fit after a changed label", lambda: head.fit(labels, N_CLASSES))
    labels[9] = -1
    timed("fit after an image lost its label", lambda: head.fit(labels, N_CLASSES))
    fit, _ = timed("fit and rank", lambda: label_quality.rank(head, labels, N_CLASSES))
    naive = _naive(features, labels, groups, fit.penalty)
    return {"n_images": n, "seconds": found, "naive_s": naive, "load": os.getloadavg()[0]}


def _naive(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, penalty: float) -> float:
    """Return the seconds that one ridge regression for each group would take, by a few of them."""
    x = np.sqrt(features[:20_000].astype(np.float32))
    y = np.eye(N_CLASSES, dtype=np.float32)[labels[:20_000]]
    began = time.perf_counter()
    for _ in range(NAIVE_FITS):
        scipy.linalg.solve(x.T @ x + penalty * np.eye(N_FEATURES, dtype=np.float32), x.T @ y, assume_a="pos")
    each = (time.perf_counter() - began) / NAIVE_FITS * len(features) / len(x)
    return each * len(np.unique(groups))


def quality(name: str, whole: noisy.Collection, seeds: Sequence[int]) -> dict:
    """Return accuracy and log-loss out of sample: ridge without each group, logistic regression in folds."""
    n_classes, rows = len(whole.class_names), []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(whole.labels))
        part = whole.part(np.sort(order[: min(600, 9 * len(order) // 10)]))
        began = time.perf_counter()
        p = LiveHead(part.features, part.groups).fit(part.labels, n_classes).probabilities
        ridge_s = time.perf_counter() - began
        began = time.perf_counter()
        logp = np.log(np.maximum(folds(standardised(part.features), part.labels, seed)[0], 1e-12))
        logistic_s = time.perf_counter() - began
        tempered = calibrated.fit(logp, part.labels, np.ones(len(logp)))
        q, each = calibrated.probabilities(logp, tempered), np.arange(len(p))
        rows.append(
            [
                *(float((of.argmax(axis=1) == part.labels).mean()) for of in (p, q)),
                *(float(-np.log(of[each, part.labels]).mean()) for of in (p, q)),
                ridge_s,
                logistic_s,
            ]
        )
    columns = ("ridge_accuracy", "logistic_accuracy", "ridge_loss", "logistic_loss", "ridge_s", "logistic_s")
    return {"collection": name, **dict(zip(columns, np.mean(rows, axis=0).tolist(), strict=True))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="The folder that holds data/.")
    parser.add_argument("--embeddings", type=Path, help="Where embeddings are kept between calls.")
    noisy.add_view_options(parser)
    parser.add_argument("--only", choices=noisy.COLLECTIONS, nargs="*", default=noisy.COLLECTIONS)
    parser.add_argument("--seeds", type=int, nargs="*", default=range(5))
    parser.add_argument("--images", type=int, nargs="*", default=[10_000, 100_000])
    given = parser.parse_args()
    print(f"numpy {np.__version__}, scipy {scipy.__version__}, {os.cpu_count()} cores")
    timings = [times(n) for n in given.images]
    for row in timings:
        print(f"\n{row['n_images']:,} images, load {row['load']:.1f}")
        for step, (wall, cpu) in row["seconds"].items():
            print(f"{step:<36}{wall:>7.2f} s, CPU {cpu:.2f} s")
        print(f"one fit for each group, reckoned    {row['naive_s']:>7.0f} s")
    compared = []
    if given.data:
        print("\nout of sample       accuracy  logistic  log-loss  logistic   seconds  logistic")
        for name in given.only:
            for views, whole in zip((1, given.views), noisy.with_means(name, given), strict=True):
                if whole is None:
                    continue
                row = quality(name, whole, given.seeds)
                compared.append(row | {"views": views})
                values = [row[key] for key in row if key != "collection"]
                title = name if views == 1 else f"{name}, {views} views"
                print(f"{title:<20}" + "  ".join(f"{value:>8.3f}" for value in values))
    print(json.dumps({"bench": "live_head", "timings": timings, "quality": compared}))


if __name__ == "__main__":
    main()

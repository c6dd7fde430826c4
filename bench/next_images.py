"""Which images to label next, from none to 200 labels: `python bench/next_images.py --embeddings FOLDER`.

FOLDER has `otters.npz`, `intel6.npz` and `summits14.npz` with the arrays features (n, C), labels and groups.
Of each data set and seed, 40 % of the groups are for testing. A person labels ten images at a time in the
order of each method, without mistakes, and a ridge head is fitted on all labels. "Area" is the mean test
accuracy over all sizes. The method was chosen on the seeds 0 to 9; those from 10 on are reported.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.suggest import next_images

N_AT_ONCE, N_LABELS = 10, 200
SHOWN = (10, 20, 50, 100, 200)
SHARPNESS = 6.0  # Of the probabilities of the ridge head.

Features, Labels = np.ndarray, np.ndarray
Order = Callable[[Features, np.ndarray | None, Labels, np.random.Generator], np.ndarray]
"""(features, probabilities, labels or -1, random numbers) -> rows to label, the first first."""


def at_random(x: Features, p: np.ndarray | None, labels: Labels, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.flatnonzero(labels < 0))


def by_margin(x: Features, p: np.ndarray | None, labels: Labels, rng: np.random.Generator) -> np.ndarray:
    rows = np.flatnonzero(labels < 0)
    if p is None:
        return rng.permutation(rows)
    highest = np.sort(p[rows], axis=1)
    return rows[np.argsort(highest[:, -1] / highest[:, -2], kind="stable")]


def by_badge(x: Features, p: np.ndarray | None, labels: Labels, rng: np.random.Generator) -> np.ndarray:
    """BADGE (Ash and others 2020): k-means++ on the gradients of the head, from the largest on."""
    rows = np.flatnonzero(labels < 0)
    if p is None:
        return rng.permutation(rows)
    x, error = x[rows], p[rows].copy()
    error[np.arange(len(rows)), error.argmax(axis=1)] -= 1
    squared = (x**2).sum(axis=1) * (error**2).sum(axis=1)
    chosen, distance = [int(squared.argmax())], np.full(len(rows), np.inf)
    while len(chosen) < min(N_AT_ONCE, len(rows)):
        last = chosen[-1]
        to_last = squared + squared[last] - 2 * (x @ x[last]) * (error @ error[last])
        distance = np.minimum(distance, np.clip(to_last, 0, None))
        distance[chosen] = 0
        chosen.append(int(rng.choice(len(rows), p=distance / distance.sum())))
    return rows[chosen]


def by_typiclust(x: Features, p: np.ndarray | None, labels: Labels, rng: np.random.Generator) -> np.ndarray:
    return _ranked(next_images.usefulness(x, None, labels, n_first=N_AT_ONCE, seed=int(rng.integers(2**31))))


def by_peakid(x: Features, p: np.ndarray | None, labels: Labels, rng: np.random.Generator) -> np.ndarray:
    return _ranked(next_images.usefulness(x, p, labels, n_first=N_AT_ONCE, seed=int(rng.integers(2**31))))


def _ranked(values: np.ndarray) -> np.ndarray:
    return np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[: int((~np.isnan(values)).sum())]


METHODS: dict[str, Order] = {
    "random": at_random,
    "margin": by_margin,
    "BADGE": by_badge,
    "TypiClust": by_typiclust,
    "Peakid": by_peakid,
}


def probabilities(x: Features, labelled: np.ndarray, labels: Labels, n_classes: int) -> np.ndarray:
    """Return the probabilities of a kernel ridge head on the labelled rows, for all rows: (N, K)."""
    own = x[labelled]
    middle = own.mean(axis=0)
    kernel = (own - middle) @ (own - middle).T
    targets = np.eye(n_classes)[labels[labelled]]
    ridge = 0.3 * np.trace(kernel) / len(labelled) + 1e-6
    weights = np.linalg.solve(kernel + ridge * np.eye(len(labelled)), targets - targets.mean(axis=0))
    scores = (x - middle) @ ((own - middle).T @ weights) + targets.mean(axis=0)
    scaled = np.exp(SHARPNESS * (scores - scores.max(axis=1, keepdims=True)))
    return scaled / scaled.sum(axis=1, keepdims=True)


def curve(
    x: Features, true: Labels, is_test: np.ndarray, n_classes: int, order: Order, seed: int
) -> list[float]:
    """Return the test accuracy after every ten labels."""
    rng, pool = np.random.default_rng([seed, 7]), np.flatnonzero(~is_test)
    labels, p, found = np.full(len(pool), -1), None, []
    while (n := int((labels >= 0).sum())) < min(N_LABELS, int(0.8 * len(pool))):
        chosen = order(x[pool], None if p is None else p[pool], labels, rng)[:N_AT_ONCE]
        labels[chosen] = true[pool[chosen]]
        known = pool[labels >= 0]
        if len(np.unique(true[known])) > 1:
            p = probabilities(x, known, true, n_classes)
        answers = np.full(len(x), true[known[0]]) if p is None else p.argmax(axis=1)
        found.append(float((answers[is_test] == true[is_test]).mean()))
        assert int((labels >= 0).sum()) > n
    return found


def load(path: Path) -> tuple[Features, Labels, np.ndarray]:
    stored = np.load(path, allow_pickle=False)
    x = stored["features"].astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x -= x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x, np.unique(stored["labels"], return_inverse=True)[1], stored["groups"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--suffix", default="", help="Of the file names, such as _224.")
    parser.add_argument("--data", default="otters,intel6,summits14")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--first-seed", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    began, results = time.monotonic(), {}
    names = options.methods.split(",")
    print("| data | method | " + " | ".join(map(str, SHOWN)) + " | area | against random |")
    print("|---|---" + "|---" * (len(SHOWN) + 2) + "|")
    for data in options.data.split(","):
        x, true, groups = load(options.embeddings / f"{data}{options.suffix}.npz")
        curves: dict[str, list[list[float]]] = {name: [] for name in names}
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            known = np.unique(groups)
            tested = np.random.default_rng(seed).permutation(known)[: int(0.4 * len(known))]
            is_test = np.isin(groups, tested)
            for name in names:
                curves[name].append(curve(x, true, is_test, int(true.max()) + 1, METHODS[name], seed))
        areas = {name: np.array([np.mean(each) for each in rows]) for name, rows in curves.items()}
        for name in names:
            means = np.mean(curves[name], axis=0)
            gain = areas[name] - areas[names[0]]
            half = 2.262 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
            cells = [
                f"{means[n // N_AT_ONCE - 1]:.3f}" if n // N_AT_ONCE <= len(means) else "" for n in SHOWN
            ]
            area = areas[name].mean()
            print(
                f"| {data} | {name} | "
                + " | ".join(cells)
                + f" | {area:.4f} | {gain.mean():+.4f} ± {half:.4f} |"
            )
            results[f"{data}/{name}"] = [round(area, 4), round(float(gain.mean()), 4), round(half, 4)]
    print(json.dumps({"area_gain_half": results, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()

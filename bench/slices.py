"""Measure the search for slices: `python bench/slices.py [--times 1000] [--embeddings FOLDER]`.

`--part alarms --method Peakid --times 10000 --first-seed 5000000` counts false alarms alone, on other data.

Data without slices: how often a search gives an alarm, with sources and clusters that depend on the class.
Planted slices: how often the planted one is found and, in brackets, how often another is named first. With
--embeddings, the errors are those of a linear head on NAME_PX.npz with `features` and `labels`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy.stats import fisher_exact, norm
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_predict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.evaluate.intervals import wilson
from peakid.evaluate.slices import clusters, search, within_class
from peakid.evaluate.slices.within_class import Counts

N_CLASSES = 6
Test = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
"""(is_wrong, classes, members, seed) -> p-value of each slice, 1 where it was not tested."""


@dataclass(frozen=True)
class Data:
    """N images, and the slices that are searched; number 1 is the planted one."""

    is_wrong: np.ndarray
    classes: np.ndarray
    members: np.ndarray


def drawn(n: int, excess: float, seed: int, *, n_planted: int = 0) -> Data:
    """Draw images whose classes are of unequal difficulty; sources and clusters depend on the class."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, N_CLASSES, n)
    accuracy = np.linspace(0.6, 0.98, N_CLASSES)[classes]
    source = (classes + random.integers(0, 3, n)) % 5
    cluster = (2 * classes + random.integers(0, 4, n)) % 12
    planted = np.zeros(n, bool)
    planted[random.choice(n, n_planted, replace=False)] = True
    is_wrong = random.random(n) > np.clip(accuracy - excess * planted, 0.02, 1)
    others = [random.integers(0, k, n) for k in (4, 4, 4, 8, 2)]
    codes = [planted.astype(int), source, cluster, *others]
    members = np.array([each == value for each in codes for value in np.unique(each)])
    return Data(is_wrong, classes, members)


def rare_errors(seed: int) -> Data:
    """Draw 2,000 images with 2.5 % errors; 7 % in a slice of 200. Besides, 25 slices have 14 images each."""
    random, n = np.random.default_rng(2_000_000 + seed), 2_000
    classes, planted = random.integers(0, N_CLASSES, n), np.zeros(n, bool)
    planted[random.choice(n, 200, replace=False)] = True
    small = np.zeros((25, n), bool)
    for each in small:
        each[random.choice(n, 14, replace=False)] = True
    is_wrong = random.random(n) < np.where(planted, 0.07, 0.025)
    return Data(is_wrong, classes, np.vstack([~planted, planted, small]))


def peakid(is_wrong: np.ndarray, classes: np.ndarray, members: np.ndarray, seed: int) -> np.ndarray:
    # Another seed than that of the data: the same random numbers would tie the shuffles to them.
    found = search.search(is_wrong, classes, members, seed=10**9 + seed, n_shuffles=499).p_values
    return np.where(np.isnan(found), 1.0, found)


def plain_score(is_wrong: np.ndarray, classes: np.ndarray, members: np.ndarray, seed: int) -> np.ndarray:
    """The same search with the errors above those expected, divided by their standard deviation."""
    excess, search._excess = search._excess, _plain
    found = peakid(is_wrong, classes, members, seed)
    search._excess = excess
    return found


def _plain(errors: np.ndarray, expected: search._Expected) -> np.ndarray:
    return (errors - expected.mean[:, None]) / np.sqrt(expected.variance[:, None])


def alone(is_wrong: np.ndarray, classes: np.ndarray, members: np.ndarray, seed: int) -> np.ndarray:
    """Each slice by itself, within classes, without correction: Mantel and Haenszel's test."""
    tested, strata = search.testable(classes, members), search._strata(is_wrong, classes)
    expected = search._expected(is_wrong, strata, members[tested])
    # Errors of classes that are all in the slice count neither here nor there.
    observed = np.zeros(len(tested))
    for rows in strata:
        inside = members[tested][:, rows]
        observed += np.where(inside.all(axis=1), 0, inside @ is_wrong[rows].astype(float))
    p_values = np.ones(len(members))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = (observed - expected.mean - 0.5) / np.sqrt(expected.variance)
    p_values[tested] = np.where(expected.variance > 0, norm.sf(scores), 1.0)
    return p_values


def bonferroni(is_wrong: np.ndarray, classes: np.ndarray, members: np.ndarray, seed: int) -> np.ndarray:
    return np.minimum(1, alone(is_wrong, classes, members, seed) * len(search.testable(classes, members)))


def fisher(is_wrong: np.ndarray, classes: np.ndarray, members: np.ndarray, seed: int) -> np.ndarray:
    """Fisher's exact test of a slice against the rest, with Bonferroni's correction, whatever the classes."""
    tested = search.testable(classes, members)
    p_values = np.ones(len(members))
    for number in tested:
        member = members[number]
        table = [[int((is_wrong & part).sum()), int((~is_wrong & part).sum())] for part in (member, ~member)]
        p_values[number] = min(1.0, fisher_exact(table, alternative="greater").pvalue * len(tested))
    return p_values


METHODS: dict[str, Test] = {
    "Peakid": peakid,
    "plain score": plain_score,
    "Bonferroni within classes": bonferroni,
    "Fisher, ignoring classes": fisher,
    "each slice alone": alone,
}


def of_cases(test: Test, cases: list[Data], planted: int | None) -> tuple[float, float]:
    """Return the share of cases with the planted slice found or any alarm, and with another one first."""
    n_found = n_other = 0
    for seed, case in enumerate(cases):
        p_values = test(case.is_wrong, case.classes, case.members, seed)
        is_alarm = p_values.min() <= search.LARGEST_P
        n_found += bool(is_alarm if planted is None else p_values[planted] <= search.LARGEST_P)
        n_other += bool(planted is not None and is_alarm and p_values.argmin() != planted)
    return n_found / len(cases), n_other / len(cases)


def coverage(n_times: int) -> dict[str, float]:
    """Return how often the interval of the difference holds it, for few and for many classes."""
    held = {}
    for name, inside, accuracy, effect in (
        ("1 class of 40", [40], [0.8], -0.15),
        ("3 classes of 8", [8] * 3, [0.95, 0.9, 0.85], -0.1),
        ("15 classes of 4", [4] * 15, np.linspace(0.6, 0.95, 15), 0.0),
    ):
        random, n1 = np.random.default_rng(0), np.array(inside)
        n_held = 0
        for _ in range(n_times):
            a, c = random.binomial(n1, np.array(accuracy) + effect), random.binomial(5 * n1, accuracy)
            found = within_class.difference(Counts(n1, a), Counts(5 * n1, c))
            assert found is not None
            n_held += found.interval[0] <= effect <= found.interval[1]
        held[name] = n_held / n_times
    return held


def on_real(file: Path, n_times: int) -> tuple[int, float, float]:
    """Return the errors of a linear head, the share of alarms on random slices, and of planted slices found.

    The planted slice is a twelfth of the images, of which 40 % more are made wrong.
    """
    stored = np.load(file)
    features = stored["features"].astype(np.float32)
    labels = np.unique(stored["labels"], return_inverse=True)[1]
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
    head = RidgeClassifier(alpha=1.0)
    is_wrong = cross_val_predict(head, features, labels, cv=5) != labels
    cluster = clusters.assign(features)
    n, n_alarms, n_found = len(labels), 0, 0
    for seed in range(n_times):
        random = np.random.default_rng(seed)
        planted = np.zeros(n, bool)
        planted[random.choice(n, max(30, n // 12), replace=False)] = True
        codes = [planted.astype(int), *(random.integers(0, k, n) for k in (5, 4, 4, 4, 8, 2))]
        members = np.array([each == value for each in codes for value in np.unique(each)])
        n_alarms += peakid(is_wrong, labels, members, seed).min() <= search.LARGEST_P
        worse = is_wrong | (planted & (random.random(n) < 0.4))
        with_clusters = np.vstack([members, [cluster == each for each in np.unique(cluster)]])
        n_found += peakid(worse, labels, with_clusters, seed)[1] <= search.LARGEST_P
    return int(is_wrong.sum()), n_alarms / n_times, n_found / n_times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1_000)
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--part", choices=["alarms", "power"], help="Of the table; both by default.")
    parser.add_argument("--method", choices=list(METHODS), help="Only this one.")
    parser.add_argument("--first-seed", type=int, default=0, help="Of the data without a slice.")
    given = parser.parse_args()
    methods = {name: test for name, test in METHODS.items() if given.method in (None, name)}
    started = time.perf_counter()
    document: dict[str, object] = {"times": given.times, "numpy": version("numpy"), "scipy": version("scipy")}
    settings = (  # (title, images, excess of errors, images of the planted slice); seeds apart.
        ("no slice, n = 150", 150, 0.0, 20),
        ("no slice, n = 1,000", 1_000, 0.0, 60),
        ("15 of 300, 30 points worse", 300, 0.3, 15),
        ("30 of 300, 25 points worse", 300, 0.25, 30),
        ("60 of 1,000, 15 points worse", 1_000, 0.15, 60),
        ("60 of 1,000, 25 points worse", 1_000, 0.25, 60),
        ("200 of 2,000, 7 % wrong, not 2.5 %; 25 slices of 14", 2_000, 0.045, 0),
    )
    print("| case | " + " | ".join(methods) + " |")
    print("|---|" + "---|" * len(methods))
    rows = {}
    for title, n, excess, n_planted in settings:
        if given.part not in (None, "power" if excess else "alarms"):
            continue
        first = 1_000_000 if excess else given.first_seed
        seeds = range(given.times // 3 if excess else given.times)
        cases = [
            drawn(n, excess, first + seed, n_planted=n_planted) if n_planted else rare_errors(seed)
            for seed in seeds
        ]
        found = {name: of_cases(test, cases, 1 if excess else None) for name, test in methods.items()}
        cells = [f"{share:.3f}" + (f" ({other:.3f})" if excess else "") for share, other in found.values()]
        print(f"| {title} | " + " | ".join(cells) + " |")
        rows[title] = {name: {"found": share, "other_first": other} for name, (share, other) in found.items()}
    document["rows"] = rows
    document["error_of_5_percent"] = [round(each, 4) for each in wilson(0.05 * given.times, given.times)]
    document["coverage"] = coverage(4 * given.times)
    print("\n95 % intervals hold the difference:", document["coverage"])
    if given.embeddings:
        document["real"] = {}
        for name in ("otters_160", "intel6_160", "summits14_160"):
            real = on_real(given.embeddings / f"{name}.npz", max(50, given.times // 5))
            document["real"][name] = real  # ty: ignore[invalid-assignment]
            print(f"{name}: {real[0]} errors, alarms {real[1]:.3f}, planted slice found {real[2]:.3f}")
    document["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(document))


if __name__ == "__main__":
    main()

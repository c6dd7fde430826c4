"""Measure what a reviewer's decisions gain: `python bench/accuracy_per_decision.py --data FOLDER`.

A simulated reviewer judges the images of a training set with planted label errors in the order of a queue,
25 at a time. The queues differ only in their order: every classifier is the live head on the labels of the
moment, scored on test images with right labels. With `--views` one more queue has the order of a head that
learns from the mean over several views of each photo.
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import decision_curves
import noisy
import numpy as np
from label_issues import folds, standardised

from peakid.suggest import label_quality
from peakid.suggest.head import LiveHead

SHARES = (0.20, 0.35)
REVIEWER_ERRORS = (0.0, 0.05, 0.10)
BATCH = 25
POINTS = (25, 50, 100, 200, 400)
# Images to train on; the others are the test set.
N_TRAIN = {"otters": 230, "intel6": 450, "summits14": 95, "demo": 300}
LIVE = "Peakid, live"
VIEWS = "Peakid, live, views"
ONCE = "cleanlab once"
ANEW = "cleanlab anew"

Queue = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Labels of the moment and which images were judged, to the label quality of each image: low comes first."""


def live(head: LiveHead, n_classes: int) -> Queue:
    """Return the queue of a head that is fitted again to the labels of the moment."""
    return lambda labels, judged: label_quality.rank(head, labels, n_classes, trusted=judged)[1].label_quality


def queues(train: noisy.Collection, head: LiveHead, given: np.ndarray, seed: int) -> dict[str, Queue]:
    """Return the queues to compare. cleanlab's score is the probability of the given label."""
    n_classes, rows = len(train.class_names), np.arange(len(given))
    out_of_fold, model = folds(standardised(train.features), given, seed)
    loss = model.predict_proba(standardised(train.features))[rows, given]
    in_folds = out_of_fold[rows, given]
    left_out = head.fit(given, n_classes).probabilities[rows, given]
    order = np.random.default_rng(seed).random(len(given))

    def anew(labels: np.ndarray, _: np.ndarray) -> np.ndarray:
        return head.fit(labels, n_classes).probabilities[rows, labels]

    return {
        LIVE: live(head, n_classes),
        ANEW: anew,
        ONCE: lambda *_: left_out,
        "cleanlab once, five folds": lambda *_: in_folds,
        "top losses": lambda *_: loss,
        "random": lambda *_: order,
    }


def review(
    queue: Queue, truth: np.ndarray, given: np.ndarray, error: float, seed: int, n_classes: int
) -> dict[int, np.ndarray]:
    """Judge images in the order of a queue. Return the labels after each number of decisions.

    Args:
        error: How often the reviewer gives any other class than the true one.
    """
    rng = np.random.default_rng((seed, 7))
    errs = rng.random(len(truth)) < error  # By image: each queue meets the same reviewer.
    answers = np.where(errs, (truth + rng.integers(1, n_classes, len(truth))) % n_classes, truth)
    labels, judged = given.copy(), np.zeros(len(truth), dtype=bool)
    after = {0: labels.copy()}
    for n_decisions in range(BATCH, min(max(POINTS), len(truth)) + 1, BATCH):
        quality = np.where(judged, np.inf, queue(labels, judged))
        batch = np.argsort(quality, kind="stable")[:BATCH]
        labels[batch], judged[batch] = answers[batch], True
        after[n_decisions] = labels.copy()
    return {n: after[n] for n in (0, *POINTS) if n in after}


def one(
    name: str,
    whole: noisy.Collection,
    means: noisy.Collection | None,
    kind: noisy.Kind,
    share: float,
    given_args: argparse.Namespace,
) -> list[dict]:
    """Review one collection with one kind and share of errors, by every seed, reviewer and queue."""
    n_classes, rows = len(whole.class_names), []
    for seed in given_args.seeds:
        order = np.random.default_rng((seed, 3)).permutation(len(whole.labels))
        train, test = whole.part(order[: N_TRAIN[name]]), order[N_TRAIN[name] :]
        head, judge = LiveHead(train.features, train.groups), LiveHead(whole.features, whole.groups)
        clean = head.fit(train.labels, n_classes).probabilities.argmax(axis=1)
        confused = noisy.pairs(train.labels, clean, n_classes)
        given = noisy.planted(train.labels, kind, share, seed, confused, n_classes)
        alone = given_args.alone
        of_queues = {LIVE: live(head, n_classes)} if alone else queues(train, head, given, seed)
        if means:
            of_views = LiveHead(means.features[order[: N_TRAIN[name]]], train.groups)
            of_queues[VIEWS] = live(of_views, n_classes)
        known: dict[bytes, float] = {}  # Accuracy by labels: all queues begin with the same.
        for error, (method, queue) in itertools.product(given_args.reviewer_errors, of_queues.items()):
            for n, labels in review(queue, train.labels, given, error, seed, n_classes).items():
                if labels.tobytes() not in known:
                    every = np.full(len(whole.labels), -1)
                    every[order[: N_TRAIN[name]]] = labels
                    predicted = judge.fit(every, n_classes).probabilities[test].argmax(axis=1)
                    known[labels.tobytes()] = float((predicted == whole.labels[test]).mean())
                rows.append(
                    {
                        "collection": name,
                        "kind": kind,
                        "share": share,
                        "reviewer_error": error,
                        "seed": seed,
                        "method": method,
                        "decisions": n,
                        "errors_left": int((labels != train.labels).sum()),
                        "accuracy": known[labels.tobytes()],
                    }
                )
    return rows


def report(rows: list[dict]) -> list[dict]:
    """Print the curves and the paired differences to the live queue. Return the differences."""
    keys = ("collection", "kind", "share", "reviewer_error")
    found = []
    for setting in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        here = [row for row in rows if tuple(row[key] for key in keys) == setting]
        points = sorted({row["decisions"] for row in here})
        print(f"\n{setting[0]}, {setting[1]} {setting[2]:.0%}, reviewer errs {setting[3]:.0%}")
        print("errors left / accuracy after   " + "".join(f"{n:>12}" for n in points))
        seeds = sorted({row["seed"] for row in here})
        curves = {}
        for method in dict.fromkeys(row["method"] for row in here):
            at = {(row["seed"], row["decisions"]): row for row in here if row["method"] == method}
            left = np.array([[at[seed, n]["errors_left"] for n in points] for seed in seeds])
            accuracy = np.array([[at[seed, n]["accuracy"] for n in points] for seed in seeds])
            curves[method] = (
                left[:, points.index(100 if 100 in points else points[-1])],
                area(points, accuracy),
            )
            cells = zip(left.mean(axis=0), accuracy.mean(axis=0), strict=True)
            print(f"{method:<31}" + "".join(f"{e:>7.1f} {a:.3f}" for e, a in cells))
        for method in curves:
            if method != LIVE:
                left, gained = (noisy.mean_interval(curves[LIVE][i] - curves[method][i]) for i in (0, 1))
                print(
                    f"  live - {method}: errors left {left[0]:+.1f} ({left[1]:+.1f} to {left[2]:+.1f}), "
                    f"area {gained[0]:+.4f} ({gained[1]:+.4f} to {gained[2]:+.4f})"
                )
                found.append({"setting": setting, "method": method, "errors_left": left, "area": gained})
    return found


def area(points: list[int], accuracy: np.ndarray) -> np.ndarray:
    """Return the mean height of each curve over the number of decisions: (seeds,)."""
    return np.trapezoid(accuracy, points, axis=1) / (points[-1] - points[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder that holds data/.")
    parser.add_argument("--embeddings", type=Path, help="Where embeddings are kept between calls.")
    parser.add_argument(
        "--only", choices=noisy.COLLECTIONS, nargs="*", default=["intel6", "otters", "summits14"]
    )
    noisy.add_view_options(parser)
    parser.add_argument("--kinds", choices=("random", "pairs"), nargs="*", default=["random", "pairs"])
    parser.add_argument("--shares", type=float, nargs="*", default=SHARES)
    parser.add_argument("--seeds", type=int, nargs="*", default=range(10, 20), help="0 to 4 were chosen on.")
    parser.add_argument("--reviewer-errors", type=float, nargs="*", default=REVIEWER_ERRORS)
    parser.add_argument("--rows", type=Path, help="Take the rows from the JSON of an earlier run.")
    parser.add_argument("--picture", type=Path, help="Draw the curves of the first setting as an SVG file.")
    given = parser.parse_args()
    started = time.perf_counter()
    rows = json.loads(given.rows.read_text().splitlines()[-1])["rows"] if given.rows else []
    if rows:
        given.only = []
    for name in given.only:
        whole, means = noisy.with_means(name, given)
        for kind, share in itertools.product(given.kinds, given.shares):
            if kind == "random" or len(whole.class_names) > 2:
                rows += one(name, whole, means, kind, share, given)
    differences = report(rows)
    if given.picture:
        given.picture.write_text(decision_curves.svg(rows))
    seconds = time.perf_counter() - started
    document = {"bench": "accuracy_per_decision", "seeds": list(given.seeds), "rows": rows}
    print(
        json.dumps({**document, "differences": differences, "seconds": seconds, "load": os.getloadavg()[0]})
    )


if __name__ == "__main__":
    main()

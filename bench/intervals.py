"""How often each 95 % interval of the tab Trust holds the truth: `python bench/intervals.py`.

Each cell draws a population of photos with its own classes, difficulty, over- or underconfidence and near
duplicates, whose figures are known from 60,000 groups. Then it draws many small test splits, and counts the
intervals that hold. The methods were chosen on other populations (`--part choosing`) than are reported.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import norm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from peakid.evaluate import intervals
from peakid.evaluate.scored_images import ScoredImages, subset
from peakid.evaluate.trust import (
    calibration,
    conformal,
    exchangeability,
    grouped,
    open_set,
    scores,
    selective,
    temperature,
)
from peakid.evaluate.trust.grouped import Groups

N_POPULATION = 60_000  # Groups.
SIZES = (40, 100, 400)  # Groups of a test split.
CLASSES = (2, 6, 15)
SIGNALS = (1.5, 3.0)
GROUP_MEANS = (1, 4)  # 1 = no near duplicates; 4 = half of the groups have 1 + Poisson(3) images.
LEVELS = (0.8, 0.9, 0.95)
TARGET = 0.9
# By part. Those to confirm were drawn once, after the methods had been chosen.
FIRST_CELLS = {"choosing": 0, "choosing 2": 2000, "choosing 3": 3000, "choosing 4": 4000}
FIRST_CELLS |= {"reported": 1000, "confirming": 5000}


@dataclass(frozen=True)
class Cell:
    """One population and the size of its splits."""

    number: int
    n_groups: int
    n_classes: int
    signal: float
    group_mean: int
    prior: np.ndarray
    sharpness: float  # Of the log-probabilities: above 1 = overconfident.

    @classmethod
    def of(cls, number: int, n_groups: int, n_classes: int, signal: float, group_mean: int) -> "Cell":
        rng = np.random.default_rng(10_000 + number)
        prior = rng.dirichlet(np.full(n_classes, 4.0))
        return cls(number, n_groups, n_classes, signal, group_mean, prior, float(rng.choice([0.5, 1.0, 2.0])))

    def draw(
        self, rng: np.random.Generator, n_groups: int, *, prior: np.ndarray | None = None
    ) -> ScoredImages:
        """Draw photos with their predictions. Images of a group share 0.7 of the variance."""
        sizes = np.ones(n_groups, dtype=int)
        if self.group_mean > 1:
            sizes += rng.poisson(self.group_mean - 1, n_groups) * (rng.random(n_groups) < 0.5)
        groups = np.repeat(np.arange(n_groups), sizes)
        n, k = len(groups), self.n_classes
        label = rng.choice(k, n_groups, p=self.prior if prior is None else prior)[groups]
        powers = np.sqrt(0.7) * rng.normal(size=(n_groups, k))[groups] + np.sqrt(0.3) * rng.normal(
            size=(n, k)
        )
        powers[np.arange(n), label] += self.signal
        powers *= self.signal * self.sharpness
        powers -= powers.max(axis=1, keepdims=True)
        pred_probs = np.exp(powers)
        pred_probs /= pred_probs.sum(axis=1, keepdims=True)
        return _images(pred_probs, label, groups)


def _images(pred_probs: np.ndarray, label: np.ndarray, groups: np.ndarray) -> ScoredImages:
    n = len(label)
    false = np.zeros(n, dtype=bool)
    given = label.astype(np.int32)
    names = tuple(f"class {k}" for k in range(pred_probs.shape[1]))
    digests = tuple(map(str, range(n)))
    ids = np.arange(n)
    return ScoredImages(
        1, "test", names, digests, ids, given, given, false, false, groups, pred_probs.astype(np.float32)
    )


def cells(part: str) -> list[Cell]:
    """Return populations of every kind; those of the other parts have other classes and other seeds."""
    first = FIRST_CELLS[part]
    kinds = product(SIZES, CLASSES, SIGNALS, GROUP_MEANS)
    return [Cell.of(first + n, *each) for n, each in enumerate(kinds)]


def truths(cell: Cell) -> tuple[dict[str, float], ScoredImages]:
    population = cell.draw(np.random.default_rng(cell.number), N_POPULATION)
    found = {
        each.name: each.value for each in scores.all_scores(subset(population, np.arange(len(population))))
    }
    return {name: value for name, value in found.items() if value is not None}, population


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--part", choices=list(FIRST_CELLS), default="reported")
    parser.add_argument("--alternatives", action="store_true", help="Also percentile and BCa bootstraps.")
    parser.add_argument(
        "--only", nargs="*", help="Cells by number, from 1000 where they are reported.", type=int
    )
    parser.add_argument("--shares", action="store_true", help="Only accuracies and shares: a minute of CPU.")
    options = parser.parse_args()
    held: dict[tuple[str, str], list[bool]] = defaultdict(list)
    widths: dict[tuple[str, str], list[float]] = defaultdict(list)
    started = time.perf_counter()
    for cell in cells(options.part):
        if options.only and cell.number not in options.only:
            continue
        if options.shares:
            _run_shares(cell, options.repeats, held, widths)
        else:
            _run_cell(cell, options.repeats, options.alternatives, held, widths)
    rows = _rows(held, widths)
    _print(rows)
    document = {
        "part": options.part,
        "repeats": options.repeats,
        "seconds": round(time.perf_counter() - started),
        "rows": rows,
    }
    print(json.dumps(document))


def _run_shares(cell: Cell, n_repeats: int, held: dict, widths: dict) -> None:
    """Count the intervals of the accuracy, of a threshold, of a part, and of train minus validation."""
    population = cell.draw(np.random.default_rng(cell.number), N_POPULATION)
    rng = np.random.default_rng(50_000 + cell.number)
    label = f"{'near duplicates' if cell.group_mean > 1 else 'single images'}, {cell.n_groups} groups"
    threshold = float(np.quantile(population.confidence, 0.3))
    true = selective.at(population.confidence, population.is_right, population.groups, threshold)
    accuracy = float(population.is_right.mean())
    of_class = float(population.is_right[population.given == 0].mean())

    def note(what: str, interval: tuple[float, float], value: float) -> None:
        held[what, label].append(interval[0] - 1e-9 <= value <= interval[1] + 1e-9)
        widths[what, label].append(interval[1] - interval[0])

    for _ in range(n_repeats):
        images = cell.draw(rng, cell.n_groups)
        own = grouped.share_interval(images.is_right, images.groups)
        note("accuracy", own, accuracy)
        note(
            "accuracy as if independent", intervals.wilson(int(images.is_right.sum()), len(images)), accuracy
        )
        member = images.given == 0
        if member.any():
            part = grouped.share_interval(images.is_right[member], images.groups[member])
            note("accuracy of a class", part, of_class)
        found = selective.at(images.confidence, images.is_right, images.groups, threshold)
        note("coverage at a threshold", found.coverage_interval, true.coverage)
        if found.accuracy_interval and true.accuracy is not None:
            note("accuracy above a threshold", found.accuracy_interval, true.accuracy)
        train = cell.draw(rng, 4 * cell.n_groups)  # What a model has learned is right more often.
        is_right = train.is_right | (rng.random(train.groups.max() + 1) < 0.5)[train.groups]
        share, value = float(is_right.mean()), float(images.is_right.mean())
        of_train = {
            "train minus validation": grouped.share_interval(is_right, train.groups),
            "train minus validation, train as if independent": intervals.wilson(
                int(is_right.sum()), len(train)
            ),
        }
        for what, interval in of_train.items():
            gap = intervals.combined_difference(share, interval, value, own)
            note(what, gap, (1 - accuracy) / 2)


def _run_cell(cell: Cell, n_repeats: int, with_others: bool, held: dict, widths: dict) -> None:
    truth, population = truths(cell)
    rng = np.random.default_rng(50_000 + cell.number)
    kind = "near duplicates" if cell.group_mean > 1 else "single images"
    label = f"{kind}, {cell.n_groups} groups"

    def note(what: str, interval: tuple[float, float] | None, value: float) -> None:
        if interval is not None:
            held[what, label].append(interval[0] - 1e-9 <= value <= interval[1] + 1e-9)
            widths[what, label].append(interval[1] - interval[0])

    threshold = float(np.quantile(population.confidence, 0.3))
    answered = selective.at(population.confidence, population.is_right, population.groups, threshold)
    unrelated = cell.draw(np.random.default_rng(cell.number + 1), N_POPULATION // 4, prior=None)
    weak = _weakened(unrelated)
    true_auroc, _ = open_set.auroc(population.confidence, population.groups, weak.confidence, weak.groups)
    fixed = temperature.fit(population)
    for _ in range(n_repeats):
        images = cell.draw(rng, cell.n_groups)
        for each in scores.all_scores(images):
            note(each.name, each.interval, truth[each.name])
        if with_others:
            _others(images, truth, rng, note)
        note(
            "accuracy as if independent",
            intervals.wilson(int(images.is_right.sum()), len(images)),
            truth["accuracy"],
        )
        found = selective.at(images.confidence, images.is_right, images.groups, threshold)
        note("coverage at a threshold", found.coverage_interval, answered.coverage)
        if answered.accuracy is not None:
            note("accuracy above a threshold", found.accuracy_interval, answered.accuracy)
        some = _weakened(cell.draw(rng, max(20, cell.n_groups // 2)))
        _, interval = open_set.auroc(images.confidence, images.groups, some.confidence, some.groups)
        note("auroc", interval, true_auroc)
        if fixed is not None:
            _note_temperature(images, population, fixed.temperature, note)
        chosen = selective.choose(images.confidence, images.is_right, images.groups, TARGET)
        if chosen.threshold is not None:
            true = selective.at(
                population.confidence, population.is_right, population.groups, chosen.threshold
            )
            held["chosen threshold reaches its target", label].append((true.accuracy or 0.0) >= TARGET)
        _note_conformal(cell, images, rng, held, label)
        _note_alarm(images, cell.draw(rng, cell.n_groups), held, label)


_TRUE: dict[tuple[int, float], tuple[float, float]] = {}


def _note_temperature(images: ScoredImages, population: ScoredImages, value: float, note) -> None:
    key = id(population), value
    if key not in _TRUE:
        label = scores.labels(population)
        after = temperature.scaled(population.pred_probs, value)
        losses = [scores.log_losses(each, label).mean() for each in (after, population.pred_probs)]
        confidences = (after.max(axis=1), population.confidence)
        eces = [calibration.ece(each, population.is_right) for each in confidences]
        _TRUE[key] = float(losses[0] - losses[1]), eces[0] - eces[1]
    label = scores.labels(images)
    after = temperature.scaled(images.pred_probs, value)
    change = scores.log_losses(after, label) - scores.log_losses(images.pred_probs, label)
    is_shown = Groups.of(images.groups).n_independent >= temperature.LEAST_INDEPENDENT
    what = "change of log loss (paired)" + ("" if is_shown else ", not shown")
    note(what, grouped.mean_interval(change, images.groups, is_heavy_tailed=True), _TRUE[key][0])
    note("change of ECE, percentile bootstrap, not shown", _ece_change(images, after), _TRUE[key][1])


def _ece_change(images: ScoredImages, after: np.ndarray) -> tuple[float, float]:
    """Return a percentile interval of the change of the calibration error, as a candidate."""
    groups, rng = Groups.of(images.groups), np.random.default_rng(0)
    weights = grouped.draws(groups.n_groups, 300, rng)
    totals = weights @ groups.sizes
    found = []
    for confidence in (after.max(axis=1), images.confidence):
        numbers = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
        gaps = np.zeros((groups.n_groups, 15))
        np.add.at(gaps, (groups.number, numbers), confidence - images.is_right)
        found.append(np.abs(weights @ gaps).sum(axis=1) / totals)
    low, high = np.quantile(found[0] - found[1], [0.025, 0.975])
    return float(low), float(high)


def _note_conformal(
    cell: Cell, images: ScoredImages, rng: np.random.Generator, held: dict, label: str
) -> None:
    """Count, class by class, whether new photos are covered: their share is the level that holds."""
    fresh = cell.draw(rng, 200)
    single = exchangeability.one_of_each(fresh.groups)
    given = fresh.given[single]
    for level in LEVELS:
        limits = conformal.fit(images, level)
        inside = conformal.sets(fresh.pred_probs[single], limits)
        is_limited = np.isfinite(limits.quantile)[given]
        covered = inside[np.arange(len(single)), given]
        held[f"conformal {level:.0%}, classes with enough images", label] += covered[is_limited].tolist()


def _note_alarm(images: ScoredImages, fresh: ScoredImages, held: dict, label: str) -> None:
    sides = [subset(each, exchangeability.one_of_each(each.groups)) for each in (images, fresh)]
    found = exchangeability.compare(
        *(np.sqrt(each.pred_probs) for each in sides),
        *(each.confidence for each in sides),
        space="probabilities",
        seed=len(held["false alarm", label]),
    )
    held["false alarm", label].append(bool(found.is_alarm))


def _weakened(images: ScoredImages) -> ScoredImages:
    """Return unrelated: photos whose probabilities are those of half the evidence."""
    return _images(temperature.scaled(images.pred_probs, 2.0), images.given, images.groups)


def _others(images: ScoredImages, truth: dict[str, float], rng: np.random.Generator, note) -> None:
    """Note percentile and BCa bootstraps over groups, which were candidates."""
    groups, label = Groups.of(images.groups), scores.labels(images)
    weights = grouped.draws(groups.n_groups, 500, rng)
    for name, values in (
        ("log_loss", scores.log_losses(images.pred_probs, label)),
        ("brier", scores.brier_scores(images.pred_probs, label)),
    ):
        sums = groups.sums(values)
        resampled = (weights @ sums) / (weights @ groups.sizes)
        without = (sums.sum() - sums) / (groups.n_images - groups.sizes)
        note(f"{name}, percentile", tuple(np.quantile(resampled, [0.025, 0.975])), truth[name])
        note(f"{name}, BCa", _bca(resampled, float(values.mean()), without), truth[name])
    n_classes = len(images.class_names)
    parts = [np.zeros((groups.n_groups, n_classes)) for _ in range(3)]
    np.add.at(parts[0], (groups.number, label), 1)
    np.add.at(parts[1], (groups.number, images.predicted), 1)
    np.add.at(parts[2], (groups.number, label), images.is_right)
    resampled = _f1(*(weights @ part for part in parts))
    whole = [part.sum(axis=0) for part in parts]
    without = _f1(*(total - part for total, part in zip(whole, parts, strict=True)))
    value = float(_f1(*(total[None] for total in whole))[0])
    note("macro_f1, percentile", tuple(np.quantile(resampled, [0.025, 0.975])), truth["macro_f1"])
    note("macro_f1, BCa", _bca(resampled, value, without), truth["macro_f1"])


def _f1(support: np.ndarray, predicted: np.ndarray, hits: np.ndarray) -> np.ndarray:
    f1 = 2 * hits / np.maximum(support + predicted, 1e-9)
    is_present = support > 0
    return (f1 * is_present).sum(axis=1) / np.maximum(is_present.sum(axis=1), 1)


def _bca(resampled: np.ndarray, value: float, without: np.ndarray) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval (Efron 1987)."""
    below = np.mean(resampled < value) + np.mean(resampled == value) / 2
    bias = norm.ppf(np.clip(below, 1e-3, 1 - 1e-3))
    left = without.mean() - without
    skew = np.sum(left**3) / (6 * max(np.sum(left**2), 1e-100) ** 1.5)
    points = [norm.cdf(bias + (bias + z) / (1 - skew * (bias + z))) for z in norm.ppf([0.025, 0.975])]
    low, high = np.quantile(resampled, points)
    return float(low), float(high)


def _rows(held: dict, widths: dict) -> list[dict]:
    return [
        {
            "what": what,
            "where": where,
            "n": len(each),
            "share": round(float(np.mean(each)), 4),
            "mean_width": round(float(np.mean(widths[what, where])), 3)
            if widths.get((what, where))
            else None,
        }
        for (what, where), each in sorted(held.items())
        if each
    ]


def _print(rows: list[dict]) -> None:
    width = max(len(row["what"]) for row in rows)
    for row in rows:
        mean_width = "" if row["mean_width"] is None else f"  width {row['mean_width']:.3f}"
        print(f"{row['what']:{width}}  {row['where']:28}  {row['share']:7.1%} of {row['n']:6}{mean_width}")


if __name__ == "__main__":
    main()

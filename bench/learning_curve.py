"""Back-test the forecast of learning curves: predicted gain against that measured with more images.

`bench/learning_curve.py --data FOLDER [--seeds 40] [--cache FOLDER] [--measured FOLDER]`. Half of the
training images are known: the curve is measured on shares of them and continued. Then the others are added,
all or those of one class, and the gain is measured, on the same validation images and on the test images. The
family, the model of classes and the width of the band are chosen on even seeds; odd ones are reported.
"""

import argparse
import json
import pickle
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import noisy
import numpy as np

from peakid.dataset import split as splits
from peakid.evaluate.learning_curve import families, forecast
from peakid.evaluate.learning_curve.forecast import Forecast
from peakid.evaluate.learning_curve.measured import MIXED, Measured
from peakid.records import Group
from peakid.suggest.learning_curve import shares
from peakid.suggest.learning_curve.shares import Part, Probe

# Train, valid and test. A part of the training images stands for a collection half as large.
FRACTIONS = {
    "otters": (0.6, 0.15, 0.25),
    "intel6": (0.25, 0.15, 0.6),
    "summits14": (0.6, 0.2, 0.2),
}
FACTORS = (1.25, 1.5, 2.0)
EVERY = "every gain"
ONE = -2  # The draw of parts in which one class has fewer images.
ONE_SHARES, N_ONE = (0.35, 0.5, 0.7), 4


@dataclass(frozen=True)
class Case:
    """One seed of one collection. `fits` is scored on validation and test; `is_valid` tells them apart.

    Attributes:
        of_class: int64 of shape (F,): the class of which a part has fewer images; -1 for other parts.
        targets: `factor`, class (-1 = all), and what the larger fit predicts right.
    """

    name: str
    seed: int
    fits: Measured
    of_class: np.ndarray
    is_valid: np.ndarray
    targets: list[tuple[float, int, np.ndarray]]

    def known(self) -> Measured:
        """Return what the forecast may see: fits to the known half, on validation."""
        fits = self.fits
        kept = fits.draws >= MIXED
        return Measured(
            fits.counts[kept], fits.draws[kept], fits.correct[kept], fits.answers, fits.groups
        ).shown(self.is_valid)

    def gain(self, correct: np.ndarray, *, on_valid: bool) -> float:
        rows = self.is_valid if on_valid else ~self.is_valid
        full = self.fits.correct[self.fits.full]
        return float(correct[rows].mean() - full[rows].mean())


def measured_case(whole: noisy.Collection, name: str, seed: int) -> Case:
    """Fit the head to parts of the known half, and to the known half with others added."""
    split_of = dealt(whole, FRACTIONS[name], seed)
    is_train = split_of == "train"
    labels, groups = whole.labels[is_train], whole.groups[is_train]
    n_classes = len(whole.class_names)
    ordered = shares.in_random_order(labels, groups, np.random.default_rng((seed, 5)))
    known = shares.taken(ordered, np.full(n_classes, 0.5))
    balance = np.bincount(labels[known], minlength=n_classes)
    probe = Probe(whole.features, whole.labels, whole.groups, is_train, balance=balance)
    parts, of_class = known_parts(labels[known], groups[known], seed)
    parts = [Part(known[part.rows], part.draw) for part in parts]
    fits = shares.measure(probe, parts)
    targets = [
        (factor, number, probe.correct(rows))
        for factor, number, rows in larger(ordered, known, labels, n_classes)
    ]
    is_valid = split_of[~is_train] == "valid"
    return Case(name, seed, fits, of_class, is_valid, targets)


def dealt(whole: noisy.Collection, fractions: tuple[float, float, float], seed: int) -> np.ndarray:
    """Return the split of each image, dealt by group as a snapshot does."""
    groups = []
    for key in np.unique(whole.groups):
        rows = np.flatnonzero(whole.groups == key)
        names = tuple(whole.class_names[label] for label in whole.labels[rows])
        groups.append(Group(str(rows[0]), tuple(map(str, rows)), names))
    of = splits.partition(
        groups, {}, {}, fractions=dict(zip(splits.SPLITS, fractions, strict=True)), seed=seed
    )
    return np.array([of[str(row)] for row in range(len(whole.labels))])


def known_parts(labels: np.ndarray, groups: np.ndarray, seed: int) -> tuple[list[Part], np.ndarray]:
    """Return the parts of the forecast, and those in which one class has fewer images, with that class."""
    parts = [*shares.common_parts(labels, groups, seed=seed), *shares.mixed_parts(labels, groups, seed=seed)]
    of_class = [-1] * len(parts)
    n_classes = int(labels.max()) + 1
    for number in range(n_classes):
        for draw in range(N_ONE):
            ordered = shares.in_random_order(labels, groups, np.random.default_rng((seed, 7, number, draw)))
            for share in ONE_SHARES:
                of = np.ones(n_classes)
                of[number] = share
                parts.append(Part(shares.taken(ordered, of), ONE))
                of_class.append(number)
    return parts, np.array(of_class)


def larger(
    ordered: list[np.ndarray], known: np.ndarray, labels: np.ndarray, n_classes: int
) -> Iterator[tuple[float, int, np.ndarray]]:
    """Yield the known rows with others added: of all classes by a factor, and twice as many of each class."""
    left = [rows[~np.isin(rows, known)] for rows in ordered]
    has = [len(rows) - len(more) for rows, more in zip(ordered, left, strict=True)]
    for factor in FACTORS:
        more = [rows[: round((factor - 1) * n)] for rows, n in zip(left, has, strict=True)]
        yield factor, -1, np.sort(np.concatenate([known, *more]))
    for number in range(n_classes):
        yield 2.0, number, np.sort(np.concatenate([known, left[number][: has[number]]]))


def family_errors(cases: list[Case]) -> dict[str, dict[str, float]]:
    """Return by family and factor the root mean squared error of the predicted gain of all classes."""
    found: dict[str, dict[str, list[float]]] = {}
    for case in cases:
        known = case.known()
        x = known.sizes() / known.sizes()[-1]
        errors = np.append(
            1 - known.nested().mean(axis=(0, 2)), 1 - known.correct[known.full].mean()
        )  # (S + 1,)
        for factor, number, correct in case.targets:
            if number >= 0:
                continue
            measured = case.gain(correct, on_valid=False)
            for family in families.FAMILIES:
                at = families.predict(family, x, errors[None], np.array([1.0, factor]))[0]
                missed = float(at[0] - at[1]) - measured
                found.setdefault(family, {}).setdefault(f"x{factor:g}", []).append(missed)
            found.setdefault("no gain", {}).setdefault(f"x{factor:g}", []).append(-measured)
    return {
        family: {key: float(np.sqrt(np.mean(np.square(each)))) for key, each in by.items()}
        for family, by in found.items()
    }


def class_errors(cases: list[Case]) -> dict[str, float]:
    """Return the root mean squared error of the predicted gain of a class, by how it is predicted."""
    found: dict[str, list[float]] = {}
    for case in cases:
        known = case.known()
        made = Forecast(known)
        joint = [each.value for each in made.class_gains([2.0] * known.n_classes)]
        whole = made.gain(2.0).value
        for _, number, correct in case.targets:
            if number < 0:
                continue
            measured = case.gain(correct, on_valid=False)
            predicted = {
                "joint model": joint[number],
                "curve of the class": own_curve(case, number),
                "equal parts": whole / known.n_classes,
                "no gain": 0.0,
            }
            for key, value in predicted.items():
                found.setdefault(key, []).append(value - measured)
    return {key: float(np.sqrt(np.mean(np.square(each)))) for key, each in found.items()}


def own_curve(case: Case, number: int) -> float:
    """Return the gain predicted from parts in which only this class has fewer images."""
    fits = case.fits
    chosen = (case.of_class == number) | (np.arange(len(fits.draws)) == fits.full)
    n = fits.counts[chosen, number]
    wrong = 1 - fits.correct[chosen][:, case.is_valid].mean(axis=1)
    x = np.unique(n)
    errors = np.array([wrong[n == each].mean() for each in x])
    at = families.predict(forecast.CHOSEN, x / x[-1], errors[None], np.array([1.0, 2.0]))[0]
    return float(at[0] - at[1])


@dataclass(frozen=True)
class Missed:
    """How far off a forecast was, in standard deviations as it stated them."""

    name: str
    is_even: bool
    kind: str
    predicted: float
    measured: float
    on_valid: float
    on_test: float


def missed(cases: list[Case]) -> list[Missed]:
    found = []
    for case in cases:
        known = case.known()
        made = Forecast(known, seed=case.seed)
        of_class = made.class_gains([2.0] * known.n_classes)
        for factor, number, correct in case.targets:
            said = made.gain(factor) if number < 0 else of_class[number]
            on = [case.gain(correct, on_valid=each) for each in (True, False)]
            deviation = max((said.high - said.value) / forecast.Z_90, 1e-9)
            off = [abs(each - said.value) / deviation for each in on]
            kind = f"all x{factor:g}" if number < 0 else "one class x2"
            found.append(Missed(case.name, case.seed % 2 == 0, kind, said.value, on[1], *off))
            if number < 0:
                found.append(missed_level(case, made, factor, correct))
    return found


def missed_level(case: Case, made: Forecast, factor: float, correct: np.ndarray) -> Missed:
    """Return how far off the forecast of the accuracy itself was."""
    said = made.accuracy(factor)
    deviation = max((said.value - said.low) / forecast.Z_90, 1e-9)
    on = [float(correct[rows].mean()) for rows in (case.is_valid, ~case.is_valid)]
    off = [abs(each - said.value) / deviation for each in on]
    return Missed(case.name, case.seed % 2 == 0, f"accuracy x{factor:g}", said.value, on[1], *off)


def coverage(found: list[Missed], *, is_even: bool) -> list[dict[str, object]]:
    """Return by collection and kind the share of bands that held."""
    rows = []
    keys = list(dict.fromkeys((each.name, each.kind) for each in found))
    for key in [*keys, *((name, EVERY) for name in dict.fromkeys(name for name, _ in keys))]:
        some = [
            each
            for each in found
            if each.name == key[0] and is_of(each.kind, key[1]) and each.is_even == is_even
        ]
        held = [np.mean([off <= forecast.Z_90 for off in each]) for each in zip(*pairs(some), strict=True)]
        rows.append(
            {
                "collection": key[0],
                "kind": key[1],
                "n": len(some),
                "predicted": float(np.mean([each.predicted for each in some])),
                "measured": float(np.mean([each.measured for each in some])),
                "held_on_valid": float(held[0]),
                "held_on_test": float(held[1]),
            }
        )
    return rows


def is_of(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted == EVERY and not kind.startswith("accuracy"))


def pairs(some: list[Missed]) -> list[tuple[float, float]]:
    return [(each.on_valid, each.on_test) for each in some]


def needed(found: list[Missed]) -> dict[str, float]:
    """Return by collection the factor on the stated width with which 90 % of the even seeds' bands hold."""
    return {
        f"{name}, {kind}": float(
            np.quantile(
                [
                    each.on_valid
                    for each in found
                    if each.name == name and each.is_even and each.kind.startswith(kind)
                ],
                0.9,
            )
            / forecast.Z_90
        )
        for name in dict.fromkeys(each.name for each in found)
        for kind in ("all", "one class")
    }


def kept_case(whole: noisy.Collection, name: str, seed: int, folder: Path | None) -> Case:
    """Return a case that an earlier call kept in a folder, or measure it and keep it there."""
    if folder is None:
        return measured_case(whole, name, seed)
    file = folder / f"{name}-{seed}.pickle"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(measured_case(whole, name, seed)))
    return pickle.loads(file.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--cache", type=Path, help="folder of embeddings")
    parser.add_argument("--measured", type=Path, help="folder in which the fits are kept")
    parser.add_argument("--collections", nargs="+", default=list(FRACTIONS))
    given = parser.parse_args()
    cases = []
    for name in given.collections:
        whole = noisy.load(name, given.data, given.cache)
        cases += [kept_case(whole, name, seed, given.measured) for seed in range(given.seeds)]
    document = report(cases)
    exact = json.dumps({"bench": "learning_curve", "seeds": given.seeds, **document, **versions()})
    print(json.dumps(json.loads(exact, parse_float=lambda text: round(float(text), 4))))


def report(cases: list[Case]) -> dict[str, object]:
    by_family = {
        name: {
            half: family_errors([case for case in cases if case.name == name and case.seed % 2 == odd])
            for odd, half in enumerate(("even", "odd"))
        }
        for name in dict.fromkeys(case.name for case in cases)
    }
    by_model = {
        name: {
            half: class_errors([case for case in cases if case.name == name and case.seed % 2 == odd])
            for odd, half in enumerate(("even", "odd"))
        }
        for name in by_family
    }
    print("Root mean squared error of the predicted gain, on test, points")
    for name, halves in by_family.items():
        for half, table in halves.items():
            for family, by in table.items():
                print(
                    f"{name:10} {half:5} {family:9}", *(f"{key} {100 * each:.2f}" for key, each in by.items())
                )
    print("The same for one class with twice as many")
    for name, halves in by_model.items():
        for half, table in halves.items():
            print(f"{name:10} {half:5}", *(f"{key} {100 * each:.2f};" for key, each in table.items()))
    found = missed(cases)
    factors = needed(found)
    print(
        "Factor on the width with which 90 % hold (even seeds)", {k: round(v, 2) for k, v in factors.items()}
    )
    rows = coverage(found, is_even=False)
    print("Share of bands that held (odd seeds)")
    for row in rows:
        print(
            f"{row['collection']:10} {row['kind']:13} n {row['n']:4} predicted {100 * row['predicted']:+.2f}"
            f" measured {100 * row['measured']:+.2f} held on valid {row['held_on_valid']:.3f}"
            f" on test {row['held_on_test']:.3f}"
        )
    return {"families": by_family, "class_models": by_model, "needed": factors, "held": rows}


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), "numpy": version("numpy"), "scipy": version("scipy")}


if __name__ == "__main__":
    main()

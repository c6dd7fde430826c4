"""How often intervals of few groups of near duplicates hold the truth, and how wide they are, by formula.

`bench/design_effects.py [--part reported] [--rounds 1000]`. Each formula computes shares and differences of
two runs on the same draws. The formula in use, its prior and its leverage were chosen with `--part choosing`,
whose groups have other sizes and shares than those reported. All draws of a design are computed at once; that
the formula in use is the one of the product is checked on the first draws.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from peakid.evaluate.comparing.grouped import difference_interval
from peakid.evaluate.intervals import Z_95
from peakid.evaluate.trust.grouped import MOST_LEVERAGE, PRIOR_VARIANCE, share_interval

SIZES = {
    "choosing": {"1": [1], "1-3": [1, 1, 1, 1, 2, 3], "1-6": [1, 2, 3, 4, 6], "1 or 10": [1] * 9 + [10]},
    "reported": {
        "1": [1],
        "2": [2],
        "1 or 4": [1, 1, 4],
        "mixed": [1] * 5 + [2, 2, 3, 5, 15],
        "1 or 20": [1] * 19 + [20],
    },
}
ALIKE = {"choosing": (0.0, 0.5, 0.95, 1.0), "reported": (0.0, 0.3, 0.8, 1.0)}
RIGHT = {"choosing": (0.7, 0.9, 0.97), "reported": (0.6, 0.85, 0.95)}
ONLY = {  # Share that only run a, and only run b, predicts right.
    "choosing": ((0.05, 0.05), (0.03, 0.10), (0.15, 0.15)),
    "reported": ((0.02, 0.02), (0.05, 0.12), (0.25, 0.15)),
}
GROUPS = {"choosing": (8, 15, 30, 100, 400), "reported": (10, 20, 50, 150, 600)}
Bounds = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Draws:
    """R draws of G groups: their sizes, sums of values and sums of squared values, each of shape (R, G)."""

    sizes: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    @property
    def n(self) -> np.ndarray:
        return self.sizes.sum(axis=1)

    @property
    def mean(self) -> np.ndarray:
        return self.sums.sum(axis=1) / self.n

    @property
    def residuals(self) -> np.ndarray:
        """Sums of the deviations from the mean."""
        return self.sums - self.sizes * self.mean[:, None]

    @property
    def deviations(self) -> np.ndarray:
        """Sums of the squared deviations from the mean."""
        return self.deviations_from(self.mean)

    def deviations_from(self, value: np.ndarray) -> np.ndarray:
        """Return the sums of the squared deviations from a value of each draw."""
        return self.squares - 2 * value[:, None] * self.sums + self.sizes * value[:, None] ** 2


def shrunk(
    draws: Draws, *, prior: float, is_observed: bool = True, has_leverage: bool = True, towards: float = 1.0
) -> np.ndarray:
    """Return the design effects of a correlation that is drawn towards another one.

    Args:
        is_observed: Weigh the pairs by the variance of the images of groups of several, not by that of all.
    """
    pairs, n = draws.sizes * (draws.sizes - 1), draws.n
    n_pairs, total = pairs.sum(axis=1), draws.deviations.sum(axis=1)
    share = np.minimum(draws.sizes / n[:, None], MOST_LEVERAGE) if has_leverage else 0.0
    agreeing = (draws.residuals**2 / (1 - share)).sum(axis=1) - total
    variance = total / n
    own_mean = ((draws.sizes - 1) * draws.sums).sum(axis=1) / np.maximum(n_pairs, 1)
    around = ((draws.sizes - 1) * draws.deviations_from(own_mean)).sum(axis=1)
    inside = around if is_observed else variance * n_pairs
    evidence = n_pairs * inside / np.maximum((pairs**2).sum(axis=1), 1)
    correlation = np.where(total > 1e-9, agreeing / np.maximum(variance * n_pairs, 1e-12), 0.0)
    correlation = (evidence * correlation + prior * towards) / (evidence + prior)
    return 1 + np.where(total > 1e-9, np.clip(correlation, 0, 1), towards) * n_pairs / n


def wilson(share: np.ndarray, n: np.ndarray, z: np.ndarray | float = Z_95) -> Bounds:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


def between_groups(draws: Draws) -> Bounds:
    """Return Wilson's interval for the variance between groups, with HC3 and Student's quantile."""
    n, share = draws.n, draws.mean
    squares = draws.sizes.astype(float) ** 2
    freedom = np.maximum(1, squares.sum(axis=1) ** 2 / (squares**2).sum(axis=1) - 1)
    is_single = n == draws.sizes.shape[1]
    leverage = np.minimum(draws.sizes / n[:, None], MOST_LEVERAGE)
    residuals = np.where(is_single[:, None], draws.residuals, draws.residuals / (1 - leverage))
    variance = (residuals**2).sum(axis=1) / n**2
    known = np.minimum(n, share * (1 - share) / np.maximum(variance, 1e-12))
    effective = np.where(share * (1 - share) > 1e-9, known, n**2 / squares.sum(axis=1))
    return wilson(share, effective, np.where(is_single, Z_95, student.ppf(0.975, freedom)))


def agresti_min(draws: Draws, effect: np.ndarray) -> Bounds:
    n, both, change = (each / effect for each in (draws.n, draws.squares.sum(axis=1), draws.sums.sum(axis=1)))
    half = Z_95 * np.sqrt(both + 1 - change**2 / (n + 2)) / (n + 2)
    middle = change / (n + 2)
    return np.maximum(-1, middle - half), np.minimum(1, middle + half)


def tango(draws: Draws, effect: np.ndarray) -> Bounds:
    """Return the score interval of Tango (1998) for the effective number of images, by bisection."""
    n, both, change = (each / effect for each in (draws.n, draws.squares.sum(axis=1), draws.sums.sum(axis=1)))
    only_a = (both - change) / 2

    def score(d: np.ndarray) -> np.ndarray:
        b, c = (2 * n - change) * d - both, -only_a * d * (1 - d)
        share = (np.sqrt(np.maximum(b**2 - 8 * n * c, 0)) - b) / (4 * n)
        return (change - n * d) / np.sqrt(np.maximum(n * (2 * share + d * (1 - d)), 1e-12))

    found = []
    for side in (-1, 1):
        inner, outer = change / n, np.full(len(n), float(side))
        for _ in range(40):
            middle = (inner + outer) / 2
            is_inside = np.abs(score(middle)) <= Z_95
            inner, outer = np.where(is_inside, middle, inner), np.where(is_inside, outer, middle)
        found.append(outer)
    return found[0], found[1]


def bootstrap_effect(draws: Draws) -> np.ndarray:
    """Return the design effect of a bootstrap over groups, at least 1, with G / (G - 1)."""
    n, n_groups = draws.n, draws.sizes.shape[1]
    total = draws.deviations.sum(axis=1)
    between = (draws.residuals**2).sum(axis=1) * n_groups / (n_groups - 1)
    found = np.maximum(1, between / np.maximum(total, 1e-12))
    return np.where(total > 1e-9, found, (draws.sizes**2).sum(axis=1) / n)


Formula = Callable[[Draws], Bounds]
IN_USE = {"prior": PRIOR_VARIANCE}
SHRUNK: dict[str, dict[str, float | bool]] = {
    "in use": IN_USE,
    "without leverage": {"prior": PRIOR_VARIANCE, "has_leverage": False},
    "prior 0.02": {"prior": 0.02},
    "prior 0.2": {"prior": 0.2},
    "evidence from all images, prior 0.2": {"prior": 0.2, "is_observed": False, "has_leverage": False},
    "towards 0.5": {"prior": PRIOR_VARIANCE, "towards": 0.5},
}
SHARES: dict[str, Formula] = {
    "as if independent": lambda draws: wilson(draws.mean, draws.n),
    "variance between groups, HC3, Student": between_groups,
    **{
        name: lambda draws, kind=kind: wilson(draws.mean, draws.n / shrunk(draws, **kind))
        for name, kind in SHRUNK.items()
    },
}
DIFFERENCES: dict[str, Formula] = {
    "as if independent": lambda draws: agresti_min(draws, np.ones(len(draws.n))),
    "variance of a bootstrap over groups": lambda draws: agresti_min(draws, bootstrap_effect(draws)),
    **{
        name: lambda draws, kind=kind: agresti_min(draws, shrunk(draws, **kind))
        for name, kind in SHRUNK.items()
    },
    "in use, score interval of Tango": lambda draws: tango(draws, shrunk(draws, **IN_USE)),
}


def designs(part: str, seed: int, rounds: int) -> Iterator[tuple[str, tuple, float, Draws]]:
    """Yield the kind of each design, what it is, the truth and its draws."""
    rng = np.random.default_rng(seed)
    for n_groups in GROUPS[part]:
        for name, sizes in SIZES[part].items():
            for alike in ALIKE[part] if name != "1" else (0.0,):
                for right in RIGHT[part]:
                    draws = _draws(rng, rounds, n_groups, sizes, alike, [0.0, right, 1 - right])
                    yield "share", (n_groups, name, alike, right), right, draws
                for only_a, only_b in ONLY[part]:
                    p = [only_a, only_b, 1 - only_a - only_b]
                    draws = _draws(rng, rounds, n_groups, sizes, alike, p)
                    yield "difference", (n_groups, name, alike, (only_a, only_b)), only_b - only_a, draws


def _draws(
    rng: np.random.Generator, rounds: int, n_groups: int, sizes: list[int], alike: float, p: list[float]
) -> Draws:
    """Draw images whose value is -1, 1 or 0; `alike` of a group take the value of the group."""
    drawn, most = rng.choice(sizes, size=(rounds, n_groups)), max(sizes)
    values = np.array([-1, 1, 0])
    own = values[rng.choice(3, size=(rounds, n_groups, most), p=p)]
    shared = values[rng.choice(3, size=(rounds, n_groups), p=p)]
    value = np.where(rng.random(own.shape) < alike, shared[:, :, None], own)
    value *= np.arange(most) < drawn[:, :, None]
    return Draws(drawn, value.sum(axis=2), np.abs(value).sum(axis=2))


def check(kind: str, draws: Draws, n_checked: int = 3) -> None:
    """Compare the formula in use with the product on the first draws.

    Raises:
        RuntimeError: If they differ, because the product has another formula now.
    """
    low, high = (SHARES if kind == "share" else DIFFERENCES)["in use"](draws)
    for row in range(n_checked):
        groups = np.repeat(np.arange(draws.sizes.shape[1]), draws.sizes[row])
        n_up, n_down = ((draws.squares + sign * draws.sums)[row] // 2 for sign in (1, -1))
        place = np.arange(len(groups)) - np.searchsorted(groups, groups)
        is_up, is_down = place < n_up[groups], place >= (draws.sizes[row] - n_down)[groups]
        found = (
            share_interval(is_up, groups) if kind == "share" else difference_interval(is_down, is_up, groups)
        )
        if not np.allclose(found, (low[row], high[row]), atol=1e-9):
            raise RuntimeError(f"The product gives {found}, this bench {low[row], high[row]}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["choosing", "reported"], default="reported")
    parser.add_argument("--rounds", type=int, default=1000)
    options = parser.parse_args()
    rows: list[dict] = []
    for kind, design, truth, draws in designs(options.part, 1 + (options.part == "reported"), options.rounds):
        check(kind, draws)
        what = f"{kind}, single images" if design[1] == "1" else kind
        for name, formula in (SHARES if kind == "share" else DIFFERENCES).items():
            low, high = formula(draws)
            held = float(((low - 1e-9 <= truth) & (truth <= high + 1e-9)).mean())
            rows.append({"kind": what, "formula": name, "design": design, "held": held,
                         "width": float((high - low).mean())})  # fmt: skip
    print("kind formula | designs within .93 to .97, least, 5 % point, mean, most, mean width")
    for kind, name in dict.fromkeys((row["kind"], row["formula"]) for row in rows):
        same = [row for row in rows if (row["kind"], row["formula"]) == (kind, name)]
        held = np.array([row["held"] for row in same])
        width = np.mean([row["width"] for row in same])
        within = f"{((held >= 0.93) & (held <= 0.97)).sum()} of {len(held)}"
        points = " ".join(
            f"{each:.3f}" for each in (held.min(), np.quantile(held, 0.05), held.mean(), held.max())
        )
        print(f"{kind:26} {name:38} | {within:10} {points} {width:.3f}")
    shown = [row for row in rows if row["formula"] == "in use" and "single" not in row["kind"]]
    worst = sorted(shown, key=lambda row: row["held"])
    print(
        json.dumps(
            {"part": options.part, "rounds": options.rounds, "lowest": worst[:6], "highest": worst[-6:]}
        )
    )


if __name__ == "__main__":
    main()

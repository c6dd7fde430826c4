"""Coverage of the intervals of a comparison with near duplicates, and of those of several seeds.

`bench/compare.py [--rounds 1000]`. Odd seeds were used to choose the interval, even seeds are reported. Each
line is one design: groups of near duplicates, how alike the outcomes in a group are, and how often only one
run is right.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from peakid.evaluate.comparing import bought, grouped, needed, several
from peakid.evaluate.intervals import mcnemar, paired_difference

SIZES = {"1-3": [1, 1, 1, 1, 2, 3], "1-6": [1, 2, 3, 4, 6], "1 or 10": [1] * 9 + [10]}
SHARES = ((0.05, 0.05), (0.03, 0.10), (0.15, 0.15))


def outcomes(
    rng: np.random.Generator, n_groups: int, sizes: list[int], shares: tuple[float, float], alike: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw which images each run predicts right, and their groups."""
    groups = np.repeat(np.arange(n_groups), rng.choice(sizes, size=n_groups))
    p = [*shares, 1 - sum(shares)]
    own, shared = rng.choice(3, size=len(groups), p=p), rng.choice(3, size=n_groups, p=p)
    drawn = np.where(rng.random(len(groups)) < alike, shared[groups], own)
    return drawn != 1, drawn != 0, groups  # 0: only a is right, 1: only b, 2: both.


def percentiles(values: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Return the percentile interval of 300 bootstrap samples of groups, for comparison."""
    sizes, sums = np.bincount(groups), np.bincount(groups, weights=values)
    drawn = rng.integers(len(sizes), size=(300, len(sizes)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def coverage(seed: int, rounds: int) -> Iterator[dict[str, object]]:
    """Yield, for each design, the share of intervals that cover the true difference."""
    rng = np.random.default_rng(seed)
    for n_groups in (30, 100, 400):
        for name, sizes in SIZES.items():
            for alike in (0.0, 0.5, 0.95):
                for shares in SHARES:
                    truth, held, n_resampled = shares[1] - shares[0], np.zeros(3), 0
                    width = 0.0
                    for number in range(rounds):
                        of_a, of_b, groups = outcomes(rng, n_groups, sizes, shares, alike)
                        change = of_b.astype(float) - of_a
                        is_resampled = number % 10 == 0  # The percentiles take most of the time.
                        n_resampled += is_resampled
                        found = (
                            grouped.difference_interval(of_a, of_b, groups),
                            percentiles(change, groups, rng) if is_resampled else (2.0, 2.0),
                            paired_difference(len(change), int((change < 0).sum()), int((change > 0).sum())),
                        )
                        held += [low <= truth <= high for low, high in found]
                        width += (found[0][1] - found[0][0]) / rounds
                    ours, bootstrap, plain = (held / (rounds, n_resampled, rounds)).tolist()
                    yield {
                        "groups": n_groups,
                        "sizes": name,
                        "alike": alike,
                        "shares": shares,
                        "ours": ours,
                        "width": width,
                        "percentiles": bootstrap,
                        "as if independent": plain,
                    }


def power(seed: int, rounds: int) -> Iterator[dict[str, object]]:
    """Yield, for each design, how often the number of images that is advised settles the comparison."""
    rng = np.random.default_rng(seed)
    for shares in ((0.01, 0.04), (0.03, 0.06), (0.05, 0.10), (0.10, 0.16)):
        n_images = needed.images(sum(shares), shares[1] - shares[0]) or 0
        drawn = rng.multinomial(n_images, [*shares, 1 - sum(shares)], size=rounds)
        bounds = [paired_difference(n_images, int(a), int(b)) for a, b, _ in drawn]
        settled = float(np.mean([low > 0 or high < 0 for low, high in bounds]))
        exact = float(np.mean([mcnemar(int(a), int(b)) < 0.05 for a, b, _ in drawn]))
        yield {"shares": shares, "images": n_images, "interval": settled, "exact test": exact}


def seeds_covered(seed: int, rounds: int) -> Iterator[dict[str, object]]:
    """Yield the coverage of the interval of three seeds, by the spread between seeds."""
    rng = np.random.default_rng(seed)
    for n_images in (100, 300):
        for spread in (0.0, 0.01, 0.03):
            n_held = 0
            for _ in range(rounds):
                drawn = rng.choice(3, size=n_images, p=[0.06, 0.10, 0.84])
                without, with_them = np.tile(drawn != 1, (3, 1)), np.tile(drawn != 0, (3, 1))
                for row, shift in enumerate(rng.normal(0, spread, size=3)):
                    hit = (rng.random(n_images) < abs(shift)) & (drawn == 2)
                    with_them[row], without[row] = (
                        np.where(hit, shift > 0, with_them[row]),
                        np.where(hit, shift < 0, without[row]),
                    )
                low, high = bought.of(without, with_them, np.arange(n_images)).interval
                n_held += low <= 0.04 <= high
            yield {"images": n_images, "spread": spread, "covered": n_held / rounds}


def false_alarms(seed: int, rounds: int) -> dict[str, float]:
    """Return how often equal runs are called different, on 100 groups of 1 to 6 alike images."""
    rng = np.random.default_rng(seed)
    exchanged, q_values = [], []
    for _ in range(rounds):
        of_a, of_b, groups = outcomes(rng, 100, SIZES["1-6"], (0.08, 0.08), 0.95)
        exchanged.append(grouped.exchange_p(of_a, of_b, groups) < 0.05)
        rights = (rng.random((4, 100)) < 0.8)[:, groups]
        q_values.append(several.cochran_q(rights, groups).p < 0.05)
    return {"exchange_p": float(np.mean(exchanged)), "cochran_q": float(np.mean(q_values))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2)
    chosen = parser.parse_args()
    rows = list(coverage(chosen.seed, chosen.rounds))
    print("groups sizes    alike  ours  percentiles  independent (least and most of three designs)")
    for key in dict.fromkeys((row["groups"], row["sizes"], row["alike"]) for row in rows):
        same = [row for row in rows if (row["groups"], row["sizes"], row["alike"]) == key]
        spans = [
            f"{min(float(row[name]) for row in same):.3f}-{max(float(row[name]) for row in same):.3f}"
            for name in ("ours", "percentiles", "as if independent")
        ]
        print(f"{key[0]:6} {key[1]:8} {key[2]:5} ", "  ".join(spans))
    powers, seeds = list(power(chosen.seed, chosen.rounds)), list(seeds_covered(chosen.seed, chosen.rounds))
    alarms = false_alarms(chosen.seed, chosen.rounds)
    for each in (*powers, *seeds, alarms):
        print(each)
    libraries = {name: version(name) for name in ("numpy", "scipy")} | {"python": platform.python_version()}
    document = {"coverage": rows, "power": powers, "seeds": seeds, "false_alarms": alarms}
    print(json.dumps(document | {"rounds": chosen.rounds, "versions": libraries}))


if __name__ == "__main__":
    main()

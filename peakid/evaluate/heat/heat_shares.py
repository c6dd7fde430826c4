"""Where the heat of a class is: the share on the border and elsewhere, against what an even map would have.

A model that looks at the border, the sky or one corner has often learned a shortcut: a frame, a caption, a
watermark. Only trusted maps count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from peakid.evaluate.distributions import t_above, t_quantile

GRID = 32  # Cells per side of a stored map.
ALPHA = 0.05  # Of the adjusted p-values.
MIN_MAPS = 5  # Independent maps of a class: with fewer, an interval says nothing.

Region = Literal[
    "border",          # The outer eighth at each side.
    "outside centre",  # All but the middle half of the width and the height.
    "top",             # The upper third, where the sky is.
    "bottom",          # The lower third.
    "top left",        # The corners, a quarter of the width and the height each.
    "top right",
    "bottom left",
    "bottom right",
]  # fmt: skip


def _mask(rows: slice, columns: slice, *, is_outside: bool = False) -> np.ndarray:
    mask = np.full((GRID, GRID), is_outside)
    mask[rows, columns] = not is_outside
    return mask


_ALL, _EIGHTH, _QUARTER, _THIRD = slice(None), GRID // 8, GRID // 4, round(GRID / 3)
REGIONS: Mapping[Region, np.ndarray] = {
    "border": _mask(slice(_EIGHTH, -_EIGHTH), slice(_EIGHTH, -_EIGHTH), is_outside=True),
    "outside centre": _mask(slice(_QUARTER, -_QUARTER), slice(_QUARTER, -_QUARTER), is_outside=True),
    "top": _mask(slice(_THIRD), _ALL),
    "bottom": _mask(slice(-_THIRD, None), _ALL),
    "top left": _mask(slice(_QUARTER), slice(_QUARTER)),
    "top right": _mask(slice(_QUARTER), slice(-_QUARTER, None)),
    "bottom left": _mask(slice(-_QUARTER, None), slice(_QUARTER)),
    "bottom right": _mask(slice(-_QUARTER, None), slice(-_QUARTER, None)),
}


@dataclass(frozen=True)
class HeatShare:
    """The share of the heat of one class in one region.

    Attributes:
        n: Groups of near duplicates that have trusted maps of the class; each counts once.
        share: The mean share of the heat in the region, in 0..1.
        interval: Its 95 % interval; see `_compared`.
        even: The share of an even map: that of the area.
        p: One-sided, that the share is no more than that of an even map; adjusted for all classes and
            regions by Holm's method.
    """

    class_index: int
    region: Region
    n: int
    share: float
    interval: tuple[float, float]
    even: float
    p: float

    @property
    def is_shortcut(self) -> bool:
        """Whether the class has significantly more heat there than an even map."""
        return self.p <= ALPHA


def shares_of(heat: np.ndarray) -> dict[Region, float]:
    """Return the share of a map's heat, (GRID, GRID), in each region; that of the area for an empty map."""
    total = float(heat.sum(dtype=np.float64))
    return {
        region: float(heat[mask].sum(dtype=np.float64)) / total if total else float(mask.mean())
        for region, mask in REGIONS.items()
    }


def of_classes(heat: Sequence[np.ndarray], classes: Sequence[int], groups: Sequence[int]) -> list[HeatShare]:
    """Return the shares of every class with at least `MIN_MAPS` groups, the most suspicious first.

    Args:
        heat: M trusted maps of shape (GRID, GRID).
        classes: The class that each explains.
        groups: Near duplicates have the same number: their mean counts as one map.
    """
    found: list[HeatShare] = []
    for class_index in sorted(set(classes)):
        rows = [n for n, each in enumerate(classes) if each == class_index]
        shares = [shares_of(heat[n]) for n in rows]
        for region, mask in REGIONS.items():
            values = _by_group([each[region] for each in shares], [groups[n] for n in rows])
            if len(values) >= MIN_MAPS:
                found.append(_compared(class_index, region, values, float(mask.mean())))
    return sorted(_adjusted(found), key=lambda each: (each.p, each.even - each.share))


def _by_group(values: Sequence[float], groups: Sequence[int]) -> np.ndarray:
    members: dict[int, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(value)
    return np.array([np.mean(each) for each in members.values()])


def _compared(class_index: int, region: Region, values: np.ndarray, even: float) -> HeatShare:
    """Compare the shares of independent maps with that of an even map, by Student's t.

    A few maps may be alike by chance, and their spread says too little. So the interval counts one more map
    with all of its heat in the region and one with none, as Agresti and Coull do for shares that are counted;
    the test counts one more with none.
    """
    mean, error = _mean(np.append(values, (0.0, 1.0)))
    half = t_quantile(0.975, len(values) + 1) * error
    against, its_error = _mean(np.append(values, 0.0))
    p = t_above((against - even) / its_error, len(values)) if its_error > 0 else 1.0
    interval = (max(0.0, mean - half), min(1.0, mean + half))
    return HeatShare(class_index, region, len(values), float(values.mean()), interval, even, p)


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _adjusted(found: Sequence[HeatShare]) -> list[HeatShare]:
    """Adjust the p-values by Holm's method: the probability of any false finding stays at most `ALPHA`."""
    ordered = sorted(found, key=lambda each: each.p)
    adjusted, largest = [], 0.0
    for rank, each in enumerate(ordered):
        largest = max(largest, min(1.0, each.p * (len(ordered) - rank)))
        values = (each.class_index, each.region, each.n, each.share, each.interval, each.even)
        adjusted.append(HeatShare(*values, largest))
    return adjusted

"""One property of the images of a split, as the slices that its values make: what a search looks through."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from peakid.evaluate.slices import binning

PropertyKey = Literal[
    "source",      # Where an image was found first.
    "year",        # Of the date in its EXIF data.
    "size",        # The square root of its number of pixels.
    "sharpness",   # Low = blurred.
    "brightness",  # Mean grey value, 0..1.
    "reviewer",    # Who confirmed its label.
    "reviewed",    # Whether a person confirmed its label.
    "cluster",     # Of the embeddings: images that look alike.
    "tag",         # An image can have several.
    "class",       # The given label.
]  # fmt: skip
N_BINS = 4  # Of a measure: more would need more images in each.
IMAGES_A_BIN = 15  # Fewer images make fewer bins, of about this size.
MOST_VALUES = 20  # Of a property that is a word; the images of rarer values are one more slice.
UNKNOWN, OTHER = "unknown", "another value"


@dataclass(frozen=True)
class Property:
    """Slices of N images by one property.

    Attributes:
        key: As in `--by`: `source`.
        title: As on the page: `Source`.
        values: The names of its V values.
        members: bool of shape (V, N): which images have a value. Of tags, an image can have several.
        edges: The inner edges of the ranges of a measure; () for other properties.
    """

    key: str
    title: str
    values: tuple[str, ...]
    members: np.ndarray
    edges: tuple[float, ...] = ()


def of_words(key: str, title: str, words: Sequence[str]) -> Property:
    """Return the slices of a property that is a word, the most frequent first; '' is unknown."""
    counted = sorted(Counter(words).items(), key=lambda each: (-each[1], each[0]))
    rank = {name: n for n, (name, _) in enumerate(counted)}
    codes = np.fromiter((rank[each] for each in words), dtype=np.int64, count=len(words))
    values = [name or UNKNOWN for name, _ in counted[:MOST_VALUES]]
    members = [codes == n for n in range(len(values))]
    if len(counted) > MOST_VALUES:
        members.append(codes >= MOST_VALUES)
        values.append(OTHER)
    return Property(key, title, tuple(values), np.array(members, dtype=bool).reshape(-1, len(words)))


def of_numbers(key: str, title: str, numbers: np.ndarray, unit: str = "") -> Property:
    """Return the slices of a measure, cut at its quantiles; images with NaN are a slice of their own.

    Args:
        numbers: float64 of shape (N,).
    """
    known = np.isfinite(numbers)
    n_known = int(known.sum())
    n_bins = max(2, min(N_BINS, n_known // IMAGES_A_BIN))
    inner = binning.edges(numbers[known], n_bins) if n_known else np.zeros(0)
    bins = np.where(known, np.searchsorted(inner, numbers, side="right"), -1)
    names = binning.names(inner, unit) if n_known else []
    members = [bins == n for n in range(len(names))]
    if n_known < len(numbers):
        names, members = [*names, UNKNOWN], [*members, ~known]
    stacked = np.array(members, dtype=bool).reshape(-1, len(numbers))
    return Property(key, title, tuple(names), stacked, tuple(float(each) for each in inner))


def of_years(key: str, title: str, years: np.ndarray) -> Property:
    """Return a slice for each year; of many years, ranges. NaN is unknown."""
    known = np.isfinite(years)
    found = np.unique(years[known])
    if len(found) > MOST_VALUES // 2:
        return _with_whole_years(of_numbers(key, title, years))
    names = [f"{year:.0f}" for year in found]
    members = [years == year for year in found]
    if not known.all():
        names, members = [*names, UNKNOWN], [*members, ~known]
    return Property(key, title, tuple(names), np.array(members, dtype=bool).reshape(-1, len(years)))


def crossed(a: Property, b: Property) -> Property:
    """Return the slices of images that have a value of `a` and one of `b`; empty ones are left out."""
    pairs = [(i, j) for i in range(len(a.values)) for j in range(len(b.values))]
    members = {(i, j): a.members[i] & b.members[j] for i, j in pairs}
    kept = [pair for pair in pairs if members[pair].any()]
    stacked = np.array([members[pair] for pair in kept], dtype=bool).reshape(-1, a.members.shape[1])
    values = tuple(f"{a.values[i]}, {b.values[j]}" for i, j in kept)
    return Property(f"{a.key},{b.key}", f"{a.title} and {b.title.lower()}", values, stacked)


def _with_whole_years(found: Property) -> Property:
    """Name ranges of years by their first and last year: `before 2010`, `2010 to 2014`, `2015 and later`."""
    first = [round(edge) for edge in found.edges]
    between = [
        f"{low}" if high - low == 1 else f"{low} to {high - 1}" for low, high in itertools.pairwise(first)
    ]
    names = [f"before {first[0]}", *between, f"{first[-1]} and later"] if first else [binning.ONE_BIN]
    unknown = [UNKNOWN] if UNKNOWN in found.values else []
    return Property(found.key, found.title, (*names, *unknown), found.members, found.edges)

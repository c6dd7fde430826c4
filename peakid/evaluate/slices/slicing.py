"""Score a run on slices of its images, and find the slices that are worse than chance and classes explain."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.slices import properties, search, within_class
from peakid.evaluate.slices.properties import KEYS, Missing
from peakid.evaluate.slices.property import Property, PropertyKey, crossed
from peakid.evaluate.slices.within_class import Counts, Difference
from peakid.evaluate.trust import grouped
from peakid.evaluate.trust.grouped import Groups
from peakid.store.workspace import Workspace

HIDDEN = ("key", "error_ids", "examples")  # Of a slice, in its JSON document.
N_EXAMPLES = 6  # Errors of a slice that are shown beside it.


@dataclass(frozen=True)
class Slice:
    """The images with one value of a property, and how the model does on them. Shares are 0..1.

    Attributes:
        n_groups: Images of which near duplicates count once.
        interval: 95 %, of the accuracy; near duplicates count once, as often as they agree.
        balanced_accuracy: The mean recall of the classes that it has.
        expected_accuracy: What it would be if each of its classes were as accurate as in the whole split.
        difference: Accuracy minus that of the other images of the same classes; None where there are none.
            Near duplicates count once.
        crude_difference: The same without regard to classes.
        p_value: Of having so many errors by chance, corrected for all slices of the search; None where it was
            not tested: too few images, or a class.
        error_ids: Of the images predicted wrong, the most confident first.
        examples: Digests of the first of them.
    """

    key: str
    title: str
    value: str
    n_images: int
    n_groups: int
    n_errors: int
    accuracy: float
    interval: tuple[float, float]
    balanced_accuracy: float | None
    expected_accuracy: float | None
    difference: Difference | None
    crude_difference: Difference | None
    p_value: float | None
    error_ids: np.ndarray = field(repr=False, compare=False)
    examples: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Return whether it has more errors than chance and its classes explain."""
        return self.p_value is not None and self.p_value <= search.LARGEST_P

    @property
    def compared(self) -> Difference | None:
        """Return the difference to show: of a class, which has no other images of it, the crude one."""
        return self.crude_difference if self.key == "class" else self.difference

    @property
    def is_of_hard_classes(self) -> bool:
        """Return whether it looks worse than the rest only because of its classes."""
        crude, within = self.crude_difference, self.difference
        return (
            not self.is_worse
            and crude is not None
            and crude.interval[1] < 0
            and within is not None
            and within.interval[1] >= 0
        )


@dataclass(frozen=True)
class SlicedProperty:
    """The slices by one property, in its order. `edges`: the inner edges of the ranges of a measure."""

    key: str
    title: str
    edges: tuple[float, ...]
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class SliceReport:
    """All slices of a run on one split.

    Attributes:
        n_tested: Slices that the p-values are corrected for.
    """

    run_id: int
    split: str
    n_images: int
    accuracy: float
    interval: tuple[float, float]
    properties: tuple[SlicedProperty, ...]
    missing: tuple[Missing, ...]
    n_tested: int
    n_shuffles: int

    @property
    def worst(self) -> list[Slice]:
        """Return the slices that are worse than chance and classes explain, the surest first."""
        return sorted(
            (each for every in self.properties for each in every.slices if each.is_worse),
            key=lambda each: (each.p_value, each.difference.value if each.difference else 0.0),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        return {
            "run_id": self.run_id,
            "split": self.split,
            "n_images": self.n_images,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "n_tested": self.n_tested,
            "n_shuffles": self.n_shuffles,
            "worst": [_document(each) for each in self.worst],
            "properties": [
                {
                    "property": each.key,
                    "title": each.title,
                    "edges": list(each.edges),
                    "slices": [_document(one) for one in each.slices],
                }
                for each in self.properties
            ],
            "missing": [{"property": each.key, "reason": each.reason} for each in self.missing],
        }


def slices(
    workspace: Workspace,
    images: ScoredImages,
    *,
    by: Sequence[str] = KEYS,
    cross: Sequence[str] = (),
    n_shuffles: int | None = None,
) -> SliceReport:
    """Slice the images of a split by properties, and test all slices together. It counts no look at test.

    Args:
        images: At least one.
        by: The properties, from `KEYS`.
        cross: Two properties whose combinations are slices as well, or none.

    Raises:
        BadInput: If there is no such property.
    """
    wanted = properties.checked_keys(by)
    pair = properties.checked_keys(cross)
    found, missing = properties.load(workspace, images, [key for key in KEYS if key in {*wanted, *pair}])
    of_key = {each.key: each for each in found}
    chosen = [each for each in found if each.key in wanted]
    if len(pair) == 2 and all(key in of_key for key in pair):
        chosen.append(crossed(*(of_key[key] for key in pair)))
    return of(images, chosen, missing, n_shuffles=n_shuffles)


def of(
    images: ScoredImages,
    found: Sequence[Property],
    missing: Sequence[Missing] = (),
    *,
    n_shuffles: int | None = None,
) -> SliceReport:
    """Score the slices of these properties, and test all but the classes."""
    by_class: PropertyKey = "class"
    tested = [each for each in found if each.key != by_class]
    _, first = np.unique(images.groups, return_index=True)  # Near duplicates count once in a test.
    rows = np.sort(first)
    members = [each.members[:, rows] for each in tested]
    stacked = np.concatenate(members) if members else np.zeros((0, len(rows)), dtype=bool)
    is_wrong, classes = ~images.is_right[rows], images.given[rows]
    searched = search.search(is_wrong, classes, stacked, n_shuffles=n_shuffles)
    scored = _Scored.of(images, rows)
    p_values = iter(searched.p_values.tolist())
    sliced = [
        SlicedProperty(
            each.key,
            each.title,
            each.edges,
            tuple(
                scored.slice(each, n, next(p_values) if each.key != by_class else np.nan)
                for n in range(len(each.values))
            ),
        )
        for each in found
    ]
    n_right = int(images.is_right.sum())
    return SliceReport(
        images.run_id,
        images.split,
        len(images),
        n_right / len(images),
        grouped.accuracy_interval(images),
        tuple(sliced),
        tuple(missing),
        searched.n_tested,
        searched.n_shuffles,
    )


@dataclass(frozen=True)
class _Scored:
    """What all slices are counted from.

    Attributes:
        answers: int64 of shape (N,): two times the number of the given class, plus 1 where it is right.
        rows: The first image of each group, for comparisons.
    """

    images: ScoredImages
    answers: np.ndarray
    rows: np.ndarray
    everything: Counts
    firsts: Counts

    @classmethod
    def of(cls, images: ScoredImages, rows: np.ndarray) -> "_Scored":
        answers = 2 * images.given.astype(np.int64) + images.is_right
        n_classes = len(images.class_names)
        everything, firsts = (within_class.count(each, n_classes) for each in (answers, answers[rows]))
        return cls(images, answers, rows, everything, firsts)

    def slice(self, found: Property, number: int, p_value: float) -> Slice:
        images, member = self.images, found.members[number]
        inside = within_class.count(self.answers[member], len(images.class_names))
        groups = Groups.of(images.groups[member])
        inner = inside
        if len(self.rows) < len(images):
            inner = within_class.count(self.answers[self.rows[member[self.rows]]], len(images.class_names))
        outer = self.firsts.without(inner)
        n_images, n_right = int(inside.n_images.sum()), int(inside.n_right.sum())
        errors = np.flatnonzero(member & ~images.is_right)
        errors = errors[np.argsort(-images.confidence[errors], kind="stable")]
        accuracy = n_right / n_images if n_images else 0.0
        return Slice(
            key=found.key,
            title=found.title,
            value=found.values[number],
            n_images=n_images,
            n_groups=groups.n_groups,
            n_errors=n_images - n_right,
            accuracy=accuracy,
            interval=grouped.share_interval(images.is_right[member], groups),
            balanced_accuracy=within_class.balanced_accuracy(inside),
            expected_accuracy=within_class.expected_accuracy(inside, self.everything),
            difference=within_class.difference(inner, outer),
            crude_difference=within_class.difference(inner.pooled(), outer.pooled()),
            p_value=None if np.isnan(p_value) else p_value,
            error_ids=images.image_ids[errors],
            examples=tuple(images.digests[each] for each in errors[:N_EXAMPLES]),
        )


def _document(each: Slice) -> dict[str, Any]:
    document = {name: value for name, value in vars(each).items() if name not in HIDDEN}
    document["property"] = each.key
    document["interval"] = list(each.interval)
    for name in ("difference", "crude_difference"):
        found: Difference | None = document[name]
        document[name] = asdict(found) | {"interval": list(found.interval)} if found else None
    return document | {"is_worse": each.is_worse, "is_of_hard_classes": each.is_of_hard_classes}

"""The difference of two runs on the same images, in all and for each class, with intervals and p-values."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from peakid.evaluate.comparing import grouped, several
from peakid.evaluate.comparing.common_images import CommonImages
from peakid.evaluate.trust.grouped import design_effect

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Difference:
    """Accuracy of run b minus accuracy of run a on `n_images`.

    Attributes:
        n_only_a: Images that only run a predicts correctly, `n_only_b` those that only run b does.
        interval: Of 95 %, lower and upper bound in -1..1.
        p: Of McNemar's exact test, where runs are exchanged within a group of near duplicates together.
        p_corrected: Corrected by Holm for the number of comparisons made together.
        effect: The design effect of near duplicates; 1 without them.
    """

    a: int
    b: int
    n_images: int
    accuracy_a: float
    accuracy_b: float
    n_only_a: int
    n_only_b: int
    interval: tuple[float, float]
    p: float
    p_corrected: float
    effect: float = 1.0

    @property
    def difference(self) -> float:
        # Of the counts: that of two shares would be rounded otherwise than the number of images needed says.
        return (self.n_only_b - self.n_only_a) / max(1, self.n_images)

    @property
    def is_real(self) -> bool:
        """Whether the difference is significant at the 5 % level, corrected for the number of comparisons."""
        return self.p_corrected < SIGNIFICANCE


@dataclass(frozen=True)
class ClassChange:
    """The change of the recall of one class from run a to run b."""

    class_name: str
    change: Difference


def between(images: CommonImages, a: int, b: int, *, chosen: np.ndarray | None = None) -> Difference:
    """Compare two of the runs; the p-value is corrected for nothing.

    Args:
        a: The place of a run in `images.run_ids`, as `b`.
        chosen: The images to compare them on: bool of shape (N,), or places. None = all.
    """
    is_right = images.is_right if chosen is None else images.is_right[:, chosen]
    groups = images.groups if chosen is None else images.groups[chosen]
    of_a, of_b = is_right[a], is_right[b]
    p = grouped.exchange_p(of_a, of_b, groups)
    n_images = len(groups)
    return Difference(
        a=images.run_ids[a],
        b=images.run_ids[b],
        n_images=n_images,
        accuracy_a=float(of_a.mean()) if n_images else 0.0,
        accuracy_b=float(of_b.mean()) if n_images else 0.0,
        n_only_a=int((of_a & ~of_b).sum()),
        n_only_b=int((of_b & ~of_a).sum()),
        interval=grouped.difference_interval(of_a, of_b, groups),
        p=p,
        p_corrected=p,
        effect=design_effect(of_b.astype(float) - of_a, groups),
    )


def all_pairs(images: CommonImages) -> list[Difference]:
    """Compare each run with each later one, with p-values corrected for their number."""
    found = [between(images, a, b) for a, b in itertools.combinations(range(len(images.run_ids)), 2)]
    corrected = several.holm([each.p for each in found])
    return [replace(each, p_corrected=p) for each, p in zip(found, corrected, strict=True)]


def by_class(images: CommonImages, a: int, b: int) -> list[ClassChange]:
    """Compare the recall of each class that has images, with p-values corrected for the number of classes.

    Args:
        a: The place of a run in `images.run_ids`, as `b`.
    """
    order = np.argsort(images.newest, kind="stable")  # One pass over the images, not one for each class.
    ends = np.searchsorted(images.newest[order], np.arange(len(images.class_names) + 1))
    found = [
        (name, between(images, a, b, chosen=order[start:end]))
        for name, (start, end) in zip(images.class_names, itertools.pairwise(ends), strict=True)
        if end > start
    ]
    corrected = several.holm([each.p for _, each in found])
    return [
        ClassChange(name, replace(each, p_corrected=p))
        for (name, each), p in zip(found, corrected, strict=True)
    ]

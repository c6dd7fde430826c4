"""Groups of classes that the model cannot tell apart, and the score if each group were one class.

Nothing here merges: a person decides whether the difference between two classes matters.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from peakid.evaluate import score_text
from peakid.evaluate.distributions import beta_binomial, binomial
from peakid.evaluate.errors.per_class import LEVEL, holm
from peakid.evaluate.figures import Figures
from peakid.evaluate.intervals import paired_difference, wilson

LEAST_CONFUSED = 0.1  # Of the images of two classes. Below it most are told apart, however certain that is.
# Errors added to each class before their shares are estimated. With 3, errors spread by chance, evenly or
# with preferences, gave a proposal in at most 5 % of simulated matrices from 6 classes on; with 1, two
# planted classes of three were found half as often.
EVENLY = 3.0
NOTHING = "No classes are taken for each other more often than chance explains."
FEWEST_CLASSES = 2  # That must be left: with one class there is nothing to predict.


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes that are taken for each other more often than chance explains.

    Attributes:
        first, second: Positions of the classes, `first` < `second`.
        n_confused: Images of one that are predicted as the other, of `n_images` of both predicted as either.
        p: How often errors spread by chance would be so many here; corrected for all pairs of classes.
    """

    first: int
    second: int
    n_confused: int
    n_images: int
    p: float


@dataclass(frozen=True)
class Confusion:
    """Images of one class that are predicted as another."""

    given_label: str
    predicted_label: str
    n: int


@dataclass(frozen=True)
class MergeProposal:
    """A group of classes, and the score before and after counting them as one class.

    The predictions stay as they are: two names of the group count as the same. A model that is trained on the
    merged class may do better or worse.

    Attributes:
        class_names: The largest class first.
        n_given: Images of each of these classes, in the same order.
        p: Of the least certain pair that the group is made of.
        confusions: Those that vanish, the most frequent first.
        accuracy_before, accuracy_after: Of all `n_images` images, in 0..1, with 95 % intervals.
        gain_interval: 95 % interval of the difference, from the images that change.
        n_classes_after: Classes that are left.
    """

    class_names: tuple[str, ...]
    n_given: tuple[int, ...]
    p: float
    confusions: tuple[Confusion, ...]
    n_images: int
    accuracy_before: float
    accuracy_before_interval: tuple[float, float]
    accuracy_after: float
    accuracy_after_interval: tuple[float, float]
    gain_interval: tuple[float, float]
    n_classes_after: int

    @property
    def n_vanishing(self) -> int:
        """Errors that are none any more when the classes are one."""
        return sum(each.n for each in self.confusions)

    @property
    def sentence(self) -> str:
        """Say which classes, how many errors are between them, and how certain that is."""
        *first, last = self.class_names
        n_errors = self.n_images - round(self.accuracy_before * self.n_images)
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        return (
            f"{', '.join(first)} and {last} are taken for each other in {self.n_vanishing:,} of {n_errors:,}"
            f" errors, more than chance explains ({p})"
        )

    @property
    def before(self) -> str:
        """Return the accuracy as it is, with interval and number of images."""
        return score_text.score(self.accuracy_before, self.accuracy_before_interval, self.n_images)

    @property
    def after(self) -> str:
        """Return the accuracy if the group were one class, with interval and number of images."""
        return score_text.score(self.accuracy_after, self.accuracy_after_interval, self.n_images)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"n_vanishing": self.n_vanishing}


def of_figures(figures: Figures) -> list[MergeProposal]:
    """Return the groups of classes that a run cannot tell apart, from its stored figures."""
    scored = figures.scored
    return proposals(scored.class_names, scored.confusion, figures.one_per_group, scored.accuracy_interval)


def proposals(
    class_names: Sequence[str],
    matrix: np.ndarray,
    one_per_group: np.ndarray,
    interval: tuple[float, float],
    *,
    level: float = LEVEL,
) -> list[MergeProposal]:
    """Return the groups of classes that the model cannot tell apart, the one with the most errors first.

    Args:
        matrix: int64 of shape (K, K), row = given label, column = predicted label: what the scores count.
        one_per_group: The same with near duplicates counted once, for the test of chance.
        interval: Of the accuracy as it is.
        level: How often anything may be proposed where errors are spread by chance.
    """
    pairs = confused_pairs(one_per_group, level=level)
    single = int(one_per_group.sum()) / max(1, int(matrix.sum()))
    found = [
        _proposal(class_names, matrix, group, pairs, interval, single)
        for group in _groups(pairs, len(matrix))
    ]
    return sorted(found, key=lambda each: (-each.n_vanishing, each.class_names))


def confused_pairs(matrix: np.ndarray, *, level: float = LEVEL) -> list[ConfusedPair]:
    """Return the pairs of classes that the model cannot tell apart, the most certain first.

    A pair is returned if both are true:

    - At least LEAST_CONFUSED of its images are predicted as the other class of the pair.
    - They are more than chance explains, at `level` for all K (K - 1) / 2 pairs together (Holm's method).
      Chance means both that the errors of a class are spread evenly over the others, and that they are spread
      as the errors of the remaining classes are: a class that is predicted for everything is not a confusion
      of two classes.

    Args:
        matrix: int64 of shape (K, K), row = given label, column = predicted label.
        level: How often any pair may be returned where errors are spread by chance.
    """
    n_classes = len(matrix)
    if n_classes <= FEWEST_CLASSES:
        return []
    errors = matrix - np.diag(np.diag(matrix))
    candidates = _candidates(matrix)
    p = np.array([_p_value(errors, i, j) for i, j in candidates])
    corrected = holm(p, n_tests=n_classes * (n_classes - 1) // 2)
    return [
        ConfusedPair(
            *candidates[n],
            int(errors[candidates[n]] + errors[candidates[n][::-1]]),
            _n_either(matrix, *candidates[n]),
            float(corrected[n]),
        )
        for n in np.argsort(corrected, kind="stable")
        if corrected[n] <= level
    ]


def _candidates(matrix: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of which so many images are confused that merging them would matter."""
    confused = np.triu(matrix + matrix.T, 1)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(confused > 0)]
    return [pair for pair in pairs if confused[pair] >= LEAST_CONFUSED * _n_either(matrix, *pair)]


def _n_either(matrix: np.ndarray, i: int, j: int) -> int:
    """Return the number of images of two classes that are predicted as one of the two."""
    return int(matrix[np.ix_([i, j], [i, j])].sum())


def _p_value(errors: np.ndarray, i: int, j: int) -> float:
    """Return how often errors spread by chance are as many between two classes as they are.

    The larger of two: errors spread evenly over the other classes, and spread as those of the other classes.
    """
    n_found = int(errors[i, j] + errors[j, i])
    evenly = 1 / (len(errors) - 1)
    by_even = [binomial(int(errors[n].sum()), evenly) for n in (i, j)]
    by_others = [_as_others(errors, *cell) for cell in ((i, j), (j, i))]
    return max(
        float(min(1.0, np.convolve(first, second)[n_found:].sum()))  # Of the sum of two independent counts.
        for first, second in (by_even, by_others)
    )


def _as_others(errors: np.ndarray, given: int, predicted: int) -> np.ndarray:
    """Return the probability of 0, 1, ... errors of a class that go to another one as those of the rest do.

    Float64 of shape (n + 1,) for n errors of the class. Shares that are known from few errors of the other
    classes are uncertain: the count is beta-binomial. The class that adds the most is left out: it may be a
    third one that looks the same.
    """
    others = np.delete(errors, given, axis=0)  # (K - 1, K)
    weights = others.sum(axis=0) - others.max(axis=0) + EVENLY  # (K,)
    weights[given] = 0
    to, elsewhere = weights[predicted], weights.sum() - weights[predicted]
    return beta_binomial(int(errors[given].sum()), to, elsewhere)


def _groups(pairs: Sequence[ConfusedPair], n_classes: int) -> list[tuple[int, ...]]:
    """Join the pairs to groups, the most certain first, as long as enough classes are left."""
    group_of = {n: frozenset([n]) for n in range(n_classes)}
    for pair in pairs:
        a, b = group_of[pair.first], group_of[pair.second]
        if a != b and len(set(group_of.values())) > FEWEST_CLASSES:
            group_of.update(dict.fromkeys(a | b, a | b))
    return [tuple(sorted(group)) for group in dict.fromkeys(group_of.values()) if len(group) > 1]


def _proposal(
    class_names: Sequence[str],
    matrix: np.ndarray,
    group: tuple[int, ...],
    pairs: Sequence[ConfusedPair],
    interval: tuple[float, float],
    single: float,
) -> MergeProposal:
    """Return what joining a group would change.

    Args:
        interval: Of the accuracy as it is.
        single: Share of the images that are left where near duplicates count once, for the other intervals.
    """
    totals = matrix.sum(axis=1)
    members = sorted(group, key=lambda n: (-int(totals[n]), n))
    cells = [(i, j) for i in members for j in members if i != j and matrix[i, j]]
    cells.sort(key=lambda cell: -int(matrix[cell]))
    confusions = tuple(Confusion(class_names[i], class_names[j], int(matrix[i, j])) for i, j in cells)
    n_images, n_right = int(matrix.sum()), int(np.trace(matrix))
    n_vanishing = sum(each.n for each in confusions)
    n_after = n_right + n_vanishing
    return MergeProposal(
        class_names=tuple(class_names[n] for n in members),
        n_given=tuple(int(totals[n]) for n in members),
        p=max(each.p for each in pairs if each.first in group and each.second in group),
        confusions=confusions,
        n_images=n_images,
        accuracy_before=n_right / n_images,
        accuracy_before_interval=interval,
        accuracy_after=n_after / n_images,
        accuracy_after_interval=wilson(n_after * single, n_images * single),
        gain_interval=paired_difference(n_images * single, 0, n_vanishing * single),
        n_classes_after=len(matrix) - len(group) + 1,
    )

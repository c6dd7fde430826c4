"""Choose the one thing that the Evaluate page says first: one sentence and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from peakid.evaluate import score_text
from peakid.evaluate.errors import confusion
from peakid.evaluate.figures import SURE, Figures
from peakid.evaluate.report import CV

FindingKind = Literal[
    "leak",           # Near duplicates are in several splits: the score is too high.
    "too_few",        # So few images that the interval of the accuracy says nothing.
    "collapsed",      # Every image is predicted as one class.
    "no_better",      # The accuracy is below that of always predicting the most frequent class.
    "class_missing",  # The split has no image of a class.
    "no_test",        # The snapshot has no test split.
    "confusion",      # One confusion is a large share of the errors, and its labels are not confirmed.
    "doubtful",       # Errors whose label no person confirmed and the model contradicts.
    "errors",         # Errors whose labels are not confirmed.
    "changed",        # Labels changed since the training.
    "show_test",      # Nothing is left to judge, and the test score was not shown.
    "export",         # Nothing is left to judge or to show.
    "compare",        # The same for imported predictions, which have no model.
]  # fmt: skip

Target = Literal["snapshots", "class", "confusion", "images", "train", "test", "models", "compare"]

WIDEST = 0.6  # Of an interval that still says something.
LEAST_IMAGES = 3  # Of a confusion that is named.
LEAST_SHARE = 0.2  # Of the errors.
N_WORST = 20  # Errors to review at once.


@dataclass(frozen=True)
class Surroundings:
    """What is known beside the figures of a run.

    Attributes:
        splits: Images of its snapshot by split.
        n_leaks: Groups of near duplicates of the snapshot in several splits.
        is_imported: Whether its predictions were imported, so that there is no model.
    """

    splits: Mapping[str, int]
    n_leaks: int
    is_imported: bool = False


@dataclass(frozen=True)
class Finding:
    """One sentence and one button.

    Attributes:
        target: Where the button leads.
        confused: Given and predicted class, for the target `confusion`.
        class_name: For the target `class`.
        image_ids: For the target `images`.
    """

    kind: FindingKind
    sentence: str
    button: str
    target: Target
    confused: tuple[str, str] | None = None
    class_name: str = ""
    image_ids: tuple[int, ...] = field(default=())


def choose(figures: Figures, around: Surroundings) -> Finding:
    """Return what matters most: first what makes the score meaningless, then errors, then the next step."""
    return (
        _invalid(figures, around)
        or _incomplete(figures, around)
        or _confusion(figures)
        or _errors(figures)
        or _next(figures, around)
    )


def _invalid(figures: Figures, around: Surroundings) -> Finding | None:
    scored = figures.scored
    if around.n_leaks and scored.split != "cv":  # Folds keep near duplicates together, whatever the splits.
        groups, are = ("1 group", "is") if around.n_leaks == 1 else (f"{around.n_leaks:,} groups", "are")
        sentence = f"{groups} of near duplicates {are} in several splits: the score is too high."
        return Finding("leak", sentence, "Freeze a snapshot without leaks", "snapshots")
    low, high = scored.accuracy_interval
    if high - low > WIDEST:
        measured = "Only 1 image is" if scored.n_images == 1 else f"Only {scored.n_images:,} images are"
        sentence = f"{measured} scored: the accuracy can be anything from {score_text.percent(low)} to"
        return Finding(
            "too_few",
            f"{sentence} {score_text.percent(high)}.",
            "Freeze a snapshot with more images",
            "snapshots",
        )
    n_predicted = scored.confusion.sum(axis=0)  # (K,)
    if np.count_nonzero(n_predicted) == 1 and np.count_nonzero(scored.confusion.sum(axis=1)) > 1:
        name = scored.class_names[int(n_predicted.argmax())]
        sentence = f"The model predicts {name} for every image: it learned nothing."
        return _untrained("collapsed", sentence, around)
    if scored.accuracy < scored.majority_accuracy:
        always = f"{scored.majority_class} ({score_text.percent(scored.majority_accuracy)})"
        sentence = f"The accuracy is below that of always predicting {always}: the model learned too little."
        return _untrained("no_better", sentence, around)
    return None


def _untrained(kind: FindingKind, sentence: str, around: Surroundings) -> Finding:
    if around.is_imported:
        return Finding(kind, sentence, "Compare it with another run", "compare")
    return Finding(kind, sentence, "Train again", "train")


def _incomplete(figures: Figures, around: Surroundings) -> Finding | None:
    scored = figures.scored
    missing = [each.class_name for each in scored.per_class if not each.support]
    if missing:
        others = f" and {len(missing) - 1:,} other classes" if len(missing) > 1 else ""
        have = "have" if others else "has"
        sentence = f"{missing[0]}{others} {have} no image in this split: nothing is known about how well"
        return Finding(
            "class_missing",
            f"{sentence} {'they are' if others else 'it is'} recognised.",
            f"See the images of {missing[0]}",
            "class",
            class_name=missing[0],
        )
    if scored.split != CV and not around.splits.get("test"):
        sentence = "The snapshot has no test split: there is no score to report after choosing by this one."
        return Finding("no_test", sentence, "Freeze a snapshot with a test split", "snapshots")
    return None


def _confusion(figures: Figures) -> Finding | None:
    """Return the most frequent confusion with labels to judge, if it is a large share of the errors."""
    scored = figures.scored
    for given, predicted in confusion.most_frequent(scored.confusion, N_WORST):
        n = int(scored.confusion[given, predicted])
        if n < LEAST_IMAGES or n < LEAST_SHARE * figures.n_errors:
            return None
        if figures.unconfirmed[given, predicted]:
            names = scored.class_names[given], scored.class_names[predicted]
            sentence = f"{n:,} of {figures.n_errors:,} errors are {names[0]} taken for {names[1]}."
            return Finding("confusion", sentence, f"Review these {n:,}", "confusion", confused=names)
    return None


def _errors(figures: Figures) -> Finding | None:
    if figures.n_doubtful:
        shown = figures.doubtful_ids
        n, n_all = figures.n_doubtful, figures.n_errors
        of = "1 error has" if n_all == 1 else f"{n:,} of {n_all:,} errors {'has' if n == 1 else 'have'}"
        sentence = f"{of} an unconfirmed label that the model contradicts with {100 * SURE:.0f} % or more."
        return Finding("doubtful", sentence, _review(len(shown)), "images", image_ids=shown)
    is_open = [not confirmed for confirmed in figures.worst.is_confirmed]
    ids = tuple(each for each, left in zip(figures.worst.image_ids, is_open, strict=True) if left)[:N_WORST]
    if ids:
        n, n_open = figures.n_errors, int(figures.unconfirmed.sum())
        wrong = "1 image is wrong" if n == 1 else f"{n:,} images are wrong and no confusion stands out"
        left = "its label" if n == 1 else "their labels" if n_open == n else f"{n_open:,} of their labels"
        sentence = f"{wrong}; no person confirmed {left}."
        return Finding("errors", sentence, _review(len(ids), "worst "), "images", image_ids=ids)
    return None


def _review(n: int, which: str = "") -> str:
    return "Review it" if n == 1 else f"Review the {which}{n:,}" if which else f"Review these {n:,}"


def _next(figures: Figures, around: Surroundings) -> Finding:
    scored = figures.scored
    judged = "All errors were judged" if figures.n_errors else f"No error on {scored.n_images:,} images"
    if figures.unconfirmed.any():
        judged = f"The worst {len(figures.worst):,} errors were judged"
    if scored.n_changed and not around.is_imported:
        labels = "1 label" if scored.n_changed == 1 else f"{scored.n_changed:,} labels"
        sentence = f"{judged}. {labels} changed since the training."
        return Finding("changed", sentence, "Train again with them", "train")
    if scored.split == "valid" and not scored.n_test_looks:
        sentence = f"{judged}. The test score of this run was not shown yet."
        return Finding("show_test", sentence, "Go to the test score", "test")
    if around.is_imported:
        return Finding(
            "compare", f"{judged}. These predictions were imported.", "Compare them with a run", "compare"
        )
    return Finding("export", f"{judged}. The model can be used.", "Export the model", "models")

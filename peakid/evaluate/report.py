"""Evaluate a run on one split: scores with n, interval and baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from peakid import near_names, printable
from peakid.errors import BadInput
from peakid.evaluate import baselines, run_scores, score_text, scored_images
from peakid.evaluate.errors import per_class
from peakid.evaluate.errors.per_class import ClassScore
from peakid.evaluate.intervals import mcnemar
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import calibration, grouped
from peakid.records import Prediction, Run
from peakid.remedies import action
from peakid.run_records import MeasuredScore
from peakid.store import comparisons, run_predictions, runs
from peakid.store.workspace import Workspace

EvaluatedSplit = Literal[
    "train",  # What the model was trained on.
    "valid",  # For choosing.
    "test",   # For reporting; every look is counted.
    "cv",     # All images, each predicted by a model of a fold that was not trained on it.
]  # fmt: skip

SPLITS: tuple[EvaluatedSplit, ...] = ("train", "valid", "test")
CV: EvaluatedSplit = "cv"
TOP_N = 5
_INTERVALS = ("precision_interval", "recall_interval")  # Of a class.
_PART_ROWS = 65_536  # Rows of probabilities that are looked at together.


@dataclass(frozen=True)
class TtaEffect:
    """The effect of test-time augmentation.

    Attributes:
        n_views: Views averaged in addition to the plain image.
        plain_accuracy: Accuracy without test-time augmentation.
        n_only_views: Images that are predicted correctly only with test-time augmentation.
        n_only_plain: Images that are predicted correctly only without it.
        mcnemar_p: Exact p-value of McNemar's test.
    """

    n_views: int
    plain_accuracy: float
    n_only_views: int
    n_only_plain: int
    mcnemar_p: float


@dataclass(frozen=True)
class EvaluationReport:
    """The scores of a run on one split, against the labels at the time of training.

    Shares are 0..1 and high = good, except `ece` (0 = calibrated).

    Attributes:
        accuracy_interval: 95 %; near duplicates count once, as often as they agree.
        confusion: int64 of shape (K, K), row = given label, column = predicted label, ordered as
            `class_names`.
        n_changed: Images whose label has changed since.
        n_test_looks: Looks at the test score, including this one if the split is test.
        n_either: Images that also show the predicted class. They count as correct, also in `confusion`.
        n_compared: Images of the snapshot that had been compared with all others when it was frozen, and
            `n_not_compared` those that had not. None = not known.
        tta: None for plain predictions; otherwise all scores are those of averaged predictions.
    """

    run_id: int
    split: EvaluatedSplit
    n_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    top5_accuracy: float | None
    ece: float
    chance_accuracy: float
    majority_class: str
    majority_accuracy: float
    class_names: list[str]
    per_class: list[ClassScore]
    confusion: np.ndarray
    n_unreviewed: int
    n_changed: int
    n_test_looks: int
    n_either: int
    warnings: list[str]
    tta: TtaEffect | None = None
    n_compared: int | None = None
    n_not_compared: int | None = None

    @property
    def measured(self) -> MeasuredScore:
        """Return the accuracy as it is kept with the run."""
        return MeasuredScore(self.accuracy, self.accuracy_interval, self.n_images)

    def to_json(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        document = {
            name: value
            for name, value in vars(self).items()
            if name not in ("class_names", "per_class", "confusion")
        }
        document["tta"] = asdict(self.tta) if self.tta else None
        document["accuracy_interval"] = list(self.accuracy_interval)
        document["per_class"] = [
            asdict(score) | {name: list(getattr(score, name)) for name in _INTERVALS}
            for score in self.per_class
        ]
        return document | {"confusion": {"class_names": self.class_names, "counts": self.confusion.tolist()}}


def from_json(document: Mapping[str, Any]) -> EvaluationReport:
    """Return the report of which `to_json` made a document.

    Raises:
        KeyError, TypeError, ValueError: If it is not one.
    """
    values = dict(document)
    matrix = values.pop("confusion")
    scores = [
        replace(ClassScore(**each), **{name: tuple(each[name]) for name in _INTERVALS})
        for each in values.pop("per_class")
    ]
    tta = values.pop("tta")
    low, high = values.pop("accuracy_interval")
    return EvaluationReport(
        **values,
        accuracy_interval=(low, high),
        class_names=list(matrix["class_names"]),
        per_class=scores,
        confusion=np.array(matrix["counts"], dtype=np.int64),
        tta=TtaEffect(**tta) if tta else None,
    )


def evaluate(
    workspace: Workspace, run_id: int, *, split: str = "valid", with_tta: bool = False, actor: str
) -> EvaluationReport:
    """Score a run on one of its splits.

    Looks at test are counted, because a test score that was used for choosing is biased.

    Args:
        split: One of `EvaluatedSplit`.
        with_tta: Score the predictions averaged over views of each image, if they were computed.

    Raises:
        NotFound: If there is no such run.
        BadInput: If there is no such split, or no predictions for it.
    """
    scored_split = checked_split(run_id, split)
    run = runs.show(workspace, run_id)
    images = checked_images(workspace, run, scored_split, with_tta=with_tta)
    plain = checked_images(workspace, run, scored_split) if with_tta else None
    scored = of_images(workspace, run, images, plain=plain)
    if not with_tta:
        run_scores.keep(workspace, run, split, scored.measured)
    return (
        replace(scored, n_test_looks=runs.look_at_test(workspace, run_id, actor))
        if split == "test"
        else scored
    )


def of_images(
    workspace: Workspace, run: Run, images: ScoredImages, *, plain: ScoredImages | None = None
) -> EvaluationReport:
    """Score images that are loaded, without counting a look at test.

    Args:
        images: At least one.
        plain: The same without test-time augmentation, where `images` have it.
    """
    compared = comparisons.of_snapshot(workspace, run.snapshot_id)
    accepted = np.where(images.is_right, images.predicted, images.given)  # (N,): also shown counts as given.
    matrix = _confusion(accepted, images.predicted, len(run.class_names))
    majority_class, majority_accuracy = baselines.majority(matrix.sum(axis=1), run.class_names)
    n_right, n_images = int(images.is_right.sum()), len(images)
    interval = grouped.accuracy_interval(images)
    return EvaluationReport(
        run_id=run.run_id,
        split=checked_split(run.run_id, images.split),
        n_images=n_images,
        accuracy=n_right / n_images,
        accuracy_interval=interval,
        top5_accuracy=_top5_accuracy(images, accepted),
        ece=calibration.ece(images.confidence, images.is_right),
        chance_accuracy=baselines.chance(len(run.class_names)),
        majority_class=majority_class,
        majority_accuracy=majority_accuracy,
        class_names=run.class_names,
        per_class=per_class.scores(matrix, run.class_names),
        confusion=matrix,
        n_unreviewed=int((~images.is_reviewed).sum()),
        n_changed=int(images.has_changed.sum()),
        n_test_looks=run.n_test_looks,
        n_either=int((images.also_shows & (images.predicted != images.given)).sum()),
        warnings=[
            *_warnings(matrix, run.class_names, interval, majority_class, majority_accuracy),
            *([compared.warning] if compared.warning else []),
        ],
        n_compared=compared.n_compared,
        n_not_compared=compared.n_missing,
        tta=None if plain is None else _effect(workspace, images, plain),
    )


def checked_split(run_id: int, split: str) -> EvaluatedSplit:
    """Return a split that a run can be evaluated on.

    Raises:
        BadInput: If there is no such split.
    """
    for each in (*SPLITS, CV):
        if split == each:
            return each
    raise BadInput(
        f"Run {run_id} cannot be evaluated on {split!r}: there is no such split.",
        near_names.remedy(split, (*SPLITS, CV), f"Use one of: {', '.join(SPLITS)}, {CV}."),
    )


def checked_images(workspace: Workspace, run: Run, split: str, *, with_tta: bool = False) -> ScoredImages:
    """Return the images of a run's split with its predictions, at least one.

    Raises:
        BadInput: If there is no such split, or no predictions for it, averaged ones if they are asked for.
        RunDamaged: If a file of its probabilities cannot be read.
    """
    checked_split(run.run_id, split)
    if not run_predictions.has_rows(workspace, run.run_id, split):
        raise _without_predictions(run, split)
    if with_tta and run_predictions.n_views(workspace, run.run_id, split) is None:
        raise _without_tta(workspace, run, split)
    images = scored_images.load(workspace, run, split, with_tta=with_tta)
    if not len(images):
        raise BadInput(
            f"Every image of {split} that run {run.run_id} predicts was forgotten.",
            "Choose another split or run.",
            action("list_runs"),
        )
    return images


def checked_predictions(workspace: Workspace, run: Run, split: str) -> list[Prediction]:
    """Return a run's predictions for a split.

    Raises:
        BadInput: If there is no such split, or no predictions for it.
    """
    checked_split(run.run_id, split)
    predictions = run_predictions.rows(workspace, run.run_id, split)
    if not predictions:
        raise _without_predictions(run, split)
    return predictions


def _without_predictions(run: Run, split: str) -> BadInput:
    if run.is_imported:
        return BadInput(
            f"The imported predictions of run {run.run_id} have no image of {split}.",
            "Choose another split, or import predictions for it.",
            action("list_runs"),
        )
    if run.state != "done":
        return BadInput(
            f"Run {run.run_id} is {run.state} and has no predictions to evaluate.",
            "Choose a finished run, or train again.",
            action("list_runs"),
            action("train"),
        )
    if split == CV:
        return BadInput(
            f"Run {run.run_id} was not cross-validated: it has no predictions for cv.",
            "Train with folds.",
            action("set_recipe", key="folds", value=5),
        )
    if run.recipe.get("folds"):
        return BadInput(
            f"Run {run.run_id} was cross-validated over all images: it has no predictions for {split}.",
            "Evaluate it on cv.",
            action("evaluate", run_id=run.run_id, split=CV),
        )
    return BadInput(
        f"Run {run.run_id} has no predictions for {split}: its snapshot {run.snapshot_digest[:12]} has no"
        " image in it.",
        f"Freeze a snapshot with a share for {split}, and train again.",
        action("create_snapshot"),
    )


def _without_tta(workspace: Workspace, run: Run, split: str) -> BadInput:
    if split == CV:
        return BadInput(
            f"Run {run.run_id} was cross-validated and keeps no model for test-time augmentation.",
            "Evaluate it without test-time augmentation.",
            action("evaluate", run_id=run.run_id, split=CV),
        )
    if split == "train":
        return BadInput(
            "Test-time augmentation is computed for valid and test, not for train.",
            "Evaluate it on valid.",
            action("evaluate", run_id=run.run_id, split="valid"),
        )
    if split == "valid" and run_predictions.has_pred_probs(workspace, run.run_id, run_predictions.REFIT):
        return BadInput(
            f"The model of run {run.run_id} was refitted on its validation images: averaged predictions for"
            " them would be no score.",
            "Evaluate it on test, or without test-time augmentation.",
            action("evaluate", run_id=run.run_id, split="valid"),
        )
    return BadInput(
        f"Test-time augmentation of run {run.run_id} was not computed yet for {split}.",
        "Compute it first.",
        action("score_with_tta", run_id=run.run_id),
    )


def _effect(workspace: Workspace, averaged: ScoredImages, plain: ScoredImages) -> TtaEffect:
    """Say what averaging changed, image by image."""
    n_only_views = int((averaged.is_right & ~plain.is_right).sum())
    n_only_plain = int((plain.is_right & ~averaged.is_right).sum())
    n_views = run_predictions.n_views(workspace, averaged.run_id, averaged.split) or 0
    return TtaEffect(
        n_views, float(plain.is_right.mean()), n_only_views, n_only_plain, mcnemar(n_only_plain, n_only_views)
    )


def _confusion(given: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the counts of (given, predicted), both int of shape (N,): int64 of shape (K, K)."""
    cells = given.astype(np.int64) * n_classes + predicted
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def _top5_accuracy(images: ScoredImages, accepted: np.ndarray) -> float | None:
    """Return the share of images with the accepted label among the top 5.

    None for up to 5 classes, and where the probabilities of the other classes are not known.

    Args:
        accepted: int of shape (N,): the given label, or the predicted one where the image also shows it.
    """
    if len(images.class_names) <= TOP_N or not images.has_all_probabilities:
        return None
    n_first = 0
    for at in range(0, len(images), _PART_ROWS):
        part, label = (
            np.asarray(images.pred_probs[at : at + _PART_ROWS]),
            accepted[at : at + _PART_ROWS, None],
        )
        own = np.take_along_axis(part, label, axis=1)  # (n, 1)
        # Of equal probabilities, those of earlier classes come first.
        before = (part > own) | ((part == own) & (np.arange(part.shape[1]) < label))
        n_first += int((before.sum(axis=1) < TOP_N).sum())
    return n_first / len(images)


def _warnings(
    matrix: np.ndarray,
    class_names: Sequence[str],
    interval: tuple[float, float],
    majority_class: str,
    majority_accuracy: float,
) -> list[str]:
    found = []
    n_predicted = matrix.sum(axis=0)  # (K,)
    if np.count_nonzero(n_predicted) == 1 and np.count_nonzero(matrix.sum(axis=1)) > 1:
        # Happens with one learning rate for all layers after unfreezing.
        predicted = class_names[int(n_predicted.argmax())]
        found.append(f"The model has collapsed: it predicts {predicted!r} for every image.")
    elif interval[0] <= majority_accuracy:
        accuracy = score_text.percent(majority_accuracy)
        found.append(
            f"Not significantly better than always predicting {majority_class!r} (accuracy {accuracy})."
        )
    missing = [name for name, support in zip(class_names, matrix.sum(axis=1), strict=True) if support == 0]
    if missing:
        found.append(f"This split has no image of {printable.name_list(missing)}.")
    return found

"""Evaluate a run on one split: scores with n, interval and baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from peakid import near_names
from peakid.curate import classes
from peakid.errors import BadInput
from peakid.evaluate import baselines, score_text
from peakid.evaluate.errors import confusion, per_class
from peakid.evaluate.errors.per_class import ClassScore
from peakid.evaluate.intervals import mcnemar, wilson
from peakid.evaluate.trust import calibration
from peakid.records import Prediction, Run
from peakid.remedies import action
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
            asdict(score) | {"recall_interval": list(score.recall_interval)} for score in self.per_class
        ]
        return document | {"confusion": {"class_names": self.class_names, "counts": self.confusion.tolist()}}


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
    compared = comparisons.of_snapshot(workspace, run.snapshot_id)
    plain = checked_predictions(workspace, run, split)
    averaged = _checked_tta(workspace, run, split) if with_tta else {}
    predictions, n_either = _either_accepted(workspace, run_id, _averaged(run, plain, averaged))
    given = [each.given_label for each in predictions]
    is_right = np.array([each.given_label == each.predicted_label for each in predictions])  # (N,)
    matrix = confusion.counts(given, [each.predicted_label for each in predictions], run.class_names)
    majority_class, majority_accuracy = baselines.majority(given)
    n_right, n_images = int(is_right.sum()), len(predictions)
    interval = wilson(n_right, n_images)
    n_unreviewed, n_changed = _newest_judgements(workspace, run_id, split)
    top5_accuracy = _top5_accuracy(workspace, run, split, predictions, averaged)
    return EvaluationReport(
        run_id=run_id,
        split=scored_split,
        n_images=n_images,
        accuracy=n_right / n_images,
        accuracy_interval=interval,
        top5_accuracy=top5_accuracy,
        ece=calibration.ece(np.array([each.confidence for each in predictions]), is_right),
        chance_accuracy=baselines.chance(len(run.class_names)),
        majority_class=majority_class,
        majority_accuracy=majority_accuracy,
        class_names=run.class_names,
        per_class=per_class.scores(matrix, run.class_names),
        confusion=matrix,
        n_unreviewed=n_unreviewed,
        n_changed=n_changed,
        n_test_looks=runs.look_at_test(workspace, run_id, actor) if split == "test" else run.n_test_looks,
        n_either=n_either,
        warnings=[
            *_warnings(matrix, run.class_names, interval, majority_class, majority_accuracy),
            *([compared.warning] if compared.warning else []),
        ],
        n_compared=compared.n_compared,
        n_not_compared=compared.n_missing,
        tta=_effect(workspace, run_id, split, is_right, plain) if averaged else None,
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


def checked_predictions(workspace: Workspace, run: Run, split: str) -> list[Prediction]:
    """Return a run's predictions for a split.

    Raises:
        BadInput: If there is no such split, or no predictions for it.
    """
    checked_split(run.run_id, split)
    predictions = run_predictions.rows(workspace, run.run_id, split)
    if predictions:
        return predictions
    if run.state != "done":
        raise BadInput(
            f"Run {run.run_id} is {run.state} and has no predictions to evaluate.",
            "Choose a finished run, or train again.",
            action("list_runs"),
            action("train"),
        )
    if split == CV:
        raise BadInput(
            f"Run {run.run_id} was not cross-validated: it has no predictions for cv.",
            "Train with folds.",
            action("set_recipe", key="folds", value=5),
        )
    if run.recipe.get("folds"):
        raise BadInput(
            f"Run {run.run_id} was cross-validated over all images: it has no predictions for {split}.",
            "Evaluate it on cv.",
            action("evaluate", run_id=run.run_id, split=CV),
        )
    raise BadInput(
        f"Run {run.run_id} has no predictions for {split}: its snapshot {run.snapshot_digest[:12]} has no"
        " image in it.",
        f"Freeze a snapshot with a share for {split}, and train again.",
        action("create_snapshot"),
    )


def _checked_tta(workspace: Workspace, run: Run, split: str) -> dict[str, np.ndarray]:
    """Return a run's averaged probabilities, (K,) by digest.

    Raises:
        BadInput: If they were not computed.
    """
    if found := run_predictions.tta(workspace, run.run_id, split):
        return found
    if split == CV:
        raise BadInput(
            f"Run {run.run_id} was cross-validated and keeps no model for test-time augmentation.",
            "Evaluate it without test-time augmentation.",
            action("evaluate", run_id=run.run_id, split=CV),
        )
    if split == "train":
        raise BadInput(
            "Test-time augmentation is computed for valid and test, not for train.",
            "Evaluate it on valid.",
            action("evaluate", run_id=run.run_id, split="valid"),
        )
    if split == "valid" and run_predictions.has_pred_probs(workspace, run.run_id, run_predictions.REFIT):
        raise BadInput(
            f"The model of run {run.run_id} was refitted on its validation images: averaged predictions for"
            " them would be no score.",
            "Evaluate it on test, or without test-time augmentation.",
            action("evaluate", run_id=run.run_id, split="valid"),
        )
    raise BadInput(
        f"Test-time augmentation of run {run.run_id} was not computed yet for {split}.",
        "Compute it first.",
        action("score_with_tta", run_id=run.run_id),
    )


def _averaged(
    run: Run, predictions: Sequence[Prediction], averaged: Mapping[str, np.ndarray]
) -> list[Prediction]:
    """Replace predictions by the averaged ones, where there are any; forgotten images have none."""
    return [
        replace(each, predicted_label=run.class_names[int(row.argmax())], confidence=float(row.max()))
        if (row := averaged.get(each.digest)) is not None
        else each
        for each in predictions
    ]


def _effect(
    workspace: Workspace, run_id: int, split: str, is_right: np.ndarray, plain: Sequence[Prediction]
) -> TtaEffect:
    accepted, _ = _either_accepted(workspace, run_id, plain)
    was_right = np.array([each.given_label == each.predicted_label for each in accepted])  # (N,)
    n_only_views, n_only_plain = int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum())
    n_views = run_predictions.n_views(workspace, run_id, split) or 0
    return TtaEffect(
        n_views, float(was_right.mean()), n_only_views, n_only_plain, mcnemar(n_only_plain, n_only_views)
    )


def _either_accepted(
    workspace: Workspace, run_id: int, predictions: Sequence[Prediction]
) -> tuple[list[Prediction], int]:
    """Replace the given label by the predicted one where the image also shows that class.

    Returns:
        The predictions, and the number of replaced labels.
    """
    shown = {
        (row["digest"], row["name"])
        for row in workspace.query(
            "SELECT i.digest, c.name FROM also_shows a"
            " JOIN prediction p ON p.image_id = a.image_id AND p.run_id = ?"
            " JOIN image i ON i.id = a.image_id JOIN class c ON c.id = a.class_id",
            (run_id,),
        )
    }
    if not shown:
        return list(predictions), 0
    current = classes.current_names(workspace)  # The run may know a class by an earlier name.
    is_other = [
        each.predicted_label != each.given_label and (each.digest, current.get(each.predicted_label)) in shown
        for each in predictions
    ]
    accepted = [
        replace(each, given_label=each.predicted_label) if other else each
        for each, other in zip(predictions, is_other, strict=True)
    ]
    return accepted, sum(is_other)


def _top5_accuracy(
    workspace: Workspace,
    run: Run,
    split: str,
    predictions: Sequence[Prediction],
    averaged: Mapping[str, np.ndarray],
) -> float | None:
    """Return the share of images with the given label among the top 5; None for up to 5 classes."""
    if len(run.class_names) <= TOP_N:
        return None
    digests, pred_probs = run_predictions.pred_probs(workspace, run.run_id, split)
    if averaged:
        pred_probs = np.array(
            [averaged.get(digest, row) for digest, row in zip(digests, pred_probs, strict=True)]
        )  # (N, K)
    column = {name: i for i, name in enumerate(run.class_names)}
    given = {each.digest: column[each.given_label] for each in predictions}
    first = np.argsort(-pred_probs, axis=1, kind="stable")[:, :TOP_N]  # (N, 5)
    return float((first == np.array([given[digest] for digest in digests])[:, None]).any(axis=1).mean())


def _newest_judgements(workspace: Workspace, run_id: int, split: str) -> tuple[int, int]:
    """Return the numbers of images whose label no person has confirmed, and whose label has changed since."""
    row = workspace.query(
        "SELECT COALESCE(SUM(NOT s.is_reviewed), 0) AS n_unreviewed,"
        " COALESCE(SUM(s.verdict <> 'label' OR c.name IS NOT p.given_label), 0) AS n_changed"
        " FROM prediction p JOIN image_state s ON s.image_id = p.image_id"
        " LEFT JOIN class c ON c.id = s.class_id"
        " WHERE p.run_id = ? AND p.split = ?",
        (run_id, split),
    )[0]
    return row["n_unreviewed"], row["n_changed"]


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
        found.append(f"This split has no image of {', '.join(repr(name) for name in missing)}.")
    return found

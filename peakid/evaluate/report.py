"""One report on one run and one split: every figure with its n, its interval and what it must beat."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from peakid.curate import classes
from peakid.errors import BadInput
from peakid.evaluate import baselines, calibration, confusion, per_class
from peakid.evaluate.intervals import mcnemar, wilson
from peakid.evaluate.per_class import ClassScore
from peakid.records import Prediction, Run
from peakid.store import runs
from peakid.store.workspace import Workspace

SPLITS = ("train", "valid", "test")
CV = "cv"  # Every image, each predicted by a model that never saw it.
TOP_N = 5


@dataclass(frozen=True)
class TtaEffect:
    """What test-time augmentation changed: the plain accuracy, and how many images only one of the two has right.

    Attributes:
        n_views: Averaged beside the plain image.
        mcnemar_p: McNemar's exact p-value: how often equal scores would differ so much.
    """

    n_views: int
    plain_accuracy: float
    n_only_views: int
    n_only_plain: int
    mcnemar_p: float


@dataclass(frozen=True)
class EvaluationReport:
    """How a run did on one split, against the labels it was scored with.

    Shares are 0..1 and high = good, but for `ece` (0 = honest). `confusion` is int64 of shape (K, K), row =
    given label, column = predicted label, in the order of `class_names`. `n_changed` images were judged anew
    since. `n_test_looks` counts this look, too, where the split is test. `n_either` images also show the class that was
    answered: those answers are right, and stand in the matrix as given. `tta` is None for plain answers; where it is not, every figure
    is that of the averaged ones.
    """

    run_id: int
    split: str
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

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command line prints it."""
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

    Looking at test is counted, so that a score which was chosen by looking can be told from one that was not.

    Args:
        split: valid to choose by, test to report, train to see what was learned by heart, cv for a cross-validated run.
        with_tta: Score the answers averaged over views of each image, where they were computed; the plain accuracy stands beside it.

    Raises:
        NotFound: If there is no such run.
        BadInput: If it has no predictions for that split, or none with views.
    """
    run = runs.show(workspace, run_id)
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
        split=split,
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
        warnings=_warnings(matrix, run.class_names, interval, majority_class, majority_accuracy),
        tta=_effect(workspace, run_id, split, is_right, plain) if averaged else None,
    )


def checked_predictions(workspace: Workspace, run: Run, split: str) -> list[Prediction]:
    """Return a run's predictions for a split.

    Raises:
        BadInput: If there are none, saying why.
    """
    if split not in (*SPLITS, CV):
        raise BadInput(
            f"Run {run.run_id} cannot be evaluated on {split!r}: there is no such split.",
            f"Use one of: {', '.join(SPLITS)}, {CV}.",
        )
    predictions = runs.predictions(workspace, run.run_id, split)
    if predictions:
        return predictions
    if run.state != "done":
        raise BadInput(
            f"Run {run.run_id} is {run.state} and has no predictions to evaluate.",
            "Choose a finished run, or train again.",
        )
    if split == CV:
        raise BadInput(
            f"Run {run.run_id} was not cross-validated: it has no predictions for cv.",
            "Train with --set folds=5.",
        )
    if run.recipe.get("folds"):
        raise BadInput(
            f"Run {run.run_id} was cross-validated over all images: it has no predictions for {split}.",
            "Use --split cv.",
        )
    raise BadInput(
        f"Run {run.run_id} has no predictions for {split}: its snapshot {run.snapshot_digest[:12]} holds no image there.",
        "Freeze a snapshot with a share for it, and train again.",
    )


def _checked_tta(workspace: Workspace, run: Run, split: str) -> dict[str, np.ndarray]:
    """Return a run's averaged probabilities, (K,) by digest.

    Raises:
        BadInput: If they were not computed, saying how they are.
    """
    if found := runs.tta(workspace, run.run_id, split):
        return found
    if split == CV:
        raise BadInput(
            f"Run {run.run_id} was cross-validated and keeps no model that could look at views.",
            "Leave --tta out.",
        )
    if split == "train":
        raise BadInput(
            "Test-time augmentation is computed for valid and test, not for train.", "Use --split valid."
        )
    raise BadInput(
        f"Test-time augmentation of run {run.run_id} was not computed yet for {split}.",
        f"Compute it with: peakid tta {run.run_id} --wait",
    )


def _averaged(
    run: Run, predictions: Sequence[Prediction], answered: Mapping[str, np.ndarray]
) -> list[Prediction]:
    """Put the averaged answers in the place of the plain ones; an image removed for good since has none and keeps its own."""
    return [
        replace(each, predicted_label=run.class_names[int(row.argmax())], confidence=float(row.max()))
        if (row := answered.get(each.digest)) is not None
        else each
        for each in predictions
    ]


def _effect(
    workspace: Workspace, run_id: int, split: str, is_right: np.ndarray, plain: Sequence[Prediction]
) -> TtaEffect:
    was_right = np.array(
        [each.given_label == each.predicted_label for each in _either_accepted(workspace, run_id, plain)[0]]
    )  # (N,)
    n_only_views, n_only_plain = int((is_right & ~was_right).sum()), int((was_right & ~is_right).sum())
    n_views = runs.n_views(workspace, run_id, split) or 0
    return TtaEffect(
        n_views, float(was_right.mean()), n_only_views, n_only_plain, mcnemar(n_only_plain, n_only_views)
    )


def _either_accepted(
    workspace: Workspace, run_id: int, predictions: Sequence[Prediction]
) -> tuple[list[Prediction], int]:
    """Let the answer stand for the label where a person said that the image shows that class, too."""
    shown = {
        (row["digest"], row["name"])
        for row in workspace.query(
            "SELECT i.digest, c.name FROM also_shows a JOIN prediction p ON p.image_id = a.image_id AND p.run_id = ?"
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
    """Return how often the given label is among the five most probable; None where there are five classes or fewer."""
    if len(run.class_names) <= TOP_N:
        return None
    digests, pred_probs = runs.pred_probs(workspace, run.run_id, split)
    if averaged:
        pred_probs = np.array(
            [averaged.get(digest, row) for digest, row in zip(digests, pred_probs, strict=True)]
        )  # (N, K)
    column = {name: i for i, name in enumerate(run.class_names)}
    given = {each.digest: column[each.given_label] for each in predictions}
    first = np.argsort(-pred_probs, axis=1, kind="stable")[:, :TOP_N]  # (N, 5)
    return float((first == np.array([given[digest] for digest in digests])[:, None]).any(axis=1).mean())


def _newest_judgements(workspace: Workspace, run_id: int, split: str) -> tuple[int, int]:
    """Count images whose label no person has confirmed, and images whose judgement is another one by now."""
    row = workspace.query(
        "SELECT COALESCE(SUM(NOT s.is_reviewed), 0) AS n_unreviewed,"
        " COALESCE(SUM(s.verdict <> 'label' OR c.name IS NOT p.given_label), 0) AS n_changed"
        " FROM prediction p JOIN image_state s ON s.image_id = p.image_id LEFT JOIN class c ON c.id = s.class_id"
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
    told = []
    n_predicted = matrix.sum(axis=0)  # (K,)
    if np.count_nonzero(n_predicted) == 1 and np.count_nonzero(matrix.sum(axis=1)) > 1:
        # Flat learning rates after unfreezing do this.
        told.append(
            f"The model has collapsed: it answers {class_names[int(n_predicted.argmax())]!r} to every image."
        )
    elif interval[0] <= majority_accuracy:
        told.append(
            f"Not proven better than always answering {majority_class!r}, which is right {majority_accuracy:.0%} of the time."
        )
    bare = [name for name, support in zip(class_names, matrix.sum(axis=1), strict=True) if support == 0]
    if bare:
        told.append(f"No image of {', '.join(repr(name) for name in bare)} is scored here.")
    return told

"""List how good every label is: by the live head, or by the predictions of one run."""

from dataclasses import dataclass

import numpy as np

from peakid import printable
from peakid.curate.queues import suggested
from peakid.errors import NotFound
from peakid.records import Split
from peakid.store import run_predictions, runs
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace
from peakid.suggest import run_evidence

HIDDEN = "test image: the suggestion is hidden until you judge it"
_SPLITS: tuple[Split | str, ...] = ("cv", "valid", "test")
_SMALLEST = 1e-12  # A probability that was rounded to 0.


@dataclass(frozen=True)
class LabelIssue:
    """How good the label of one image is.

    Attributes:
        suggested_label: The most likely other class; None for a test image that was not judged yet.
        label_quality: 0..1, 0 = surely wrong, 1 = surely right.
        is_issue: A person should look at it, and has not confirmed it yet.
    """

    digest: str
    path: str
    given_label: str
    suggested_label: str | None
    label_quality: float
    is_issue: bool
    why: str


def by_head(workspace: Workspace, *, limit: int | None = None) -> list[LabelIssue]:
    """Return every labelled image that the live head has scored, lowest quality first."""
    rows = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, c.name AS given, {suggested.SUGGESTED_NAME} AS suggested,"
        f" g.label_quality, g.is_issue, s.is_reviewed, {_WHY} AS why, {_IS_HIDDEN} AS is_hidden"
        " FROM suggestion g INDEXED BY suggestion_quality JOIN image_state s ON s.image_id = g.image_id"
        " JOIN image i ON i.id = g.image_id JOIN class c ON c.id = s.class_id"
        " WHERE g.label_quality IS NOT NULL AND s.verdict = 'label' AND s.class_id = g.given_class_id"
        " ORDER BY g.label_quality, g.image_id LIMIT :limit",
        {"seed": suggested.seed_of_splits(workspace), "limit": -1 if limit is None else limit},
    )
    return [
        LabelIssue(
            row["digest"],
            row["path"],
            row["given"],
            None if row["is_hidden"] else row["suggested"],
            row["label_quality"],
            bool(row["is_issue"] and not row["is_reviewed"]),
            HIDDEN if row["is_hidden"] else row["why"],
        )
        for row in rows
    ]


_IS_HIDDEN = f"({suggested.SPLIT} = 'test' AND s.is_reviewed = 0)"
_WHY = (
    f"CASE WHEN g.is_issue THEN {suggested.LOOKS_LIKE}"
    " WHEN g.suggested_class_id = g.given_class_id THEN 'looks like its label ('"
    f" || {suggested.CONFIDENCE} || ')' ELSE 'looks like its label; next is ' || {suggested.SUGGESTED_NAME}"
    f" || ' (' || {suggested.CONFIDENCE} || ')' END"
)


def by_run(workspace: Workspace, run_id: int, *, limit: int | None = None) -> list[LabelIssue]:
    """Return the labels of images that a run was not trained on, by its predictions, lowest quality first.

    Labels are compared with the classes as they are now: a run may know them by earlier names.

    Raises:
        NotFound: If there is no such run, it has no predictions for other images than it was trained on, or
            its classes are one by now.
    """
    names, places = run_evidence.present_classes(workspace, runs.show(workspace, run_id).class_names)
    if len(names) == 1:
        raise NotFound(
            f"Run {run_id} knows one class, {names[0]!r}: it can doubt no label.",
            "Choose another run, or none for the live head.",
        )
    found: list[LabelIssue] = []
    for split in _SPLITS:
        if run_predictions.has_pred_probs(workspace, run_id, split):
            digests, probabilities = run_predictions.pred_probs(workspace, run_id, split)
            present = run_evidence.added_up(probabilities, places)
            found += _scored(workspace, run_id, digests, present, names)
    if not found:
        raise NotFound(
            f"Run {run_id} has no predictions for images that it was not trained on.",
            "Choose another run, or none for the live head.",
        )
    return sorted(found, key=lambda each: (each.label_quality, each.digest))[:limit]


def _scored(
    workspace: Workspace, run_id: int, digests: list[str], probabilities: np.ndarray, names: list[str]
) -> list[LabelIssue]:
    """Score the labels that these images have now.

    Args:
        probabilities: float64 of shape (N, K), columns in the order of `names`.
    """
    rows = {
        row["digest"]: row
        for row in workspace.query(
            f"SELECT i.digest, {FIRST_PATH} AS path, c.name AS given, {_IS_HIDDEN} AS is_hidden"
            " FROM prediction p JOIN image i ON i.id = p.image_id JOIN image_state s ON s.image_id = i.id"
            " JOIN class c ON c.id = s.class_id"
            " WHERE p.run_id = :run_id AND p.is_out_of_sample = 1 AND s.verdict = 'label'",
            {"run_id": run_id, "seed": suggested.seed_of_splits(workspace)},
        )
    }
    column_of = {name: column for column, name in enumerate(names)}
    found = []
    for digest, shares in zip(digests, probabilities, strict=True):
        row = rows.get(digest)
        column = None if row is None else column_of.get(row["given"])
        if row is None or column is None:
            continue
        others = np.delete(shares, column)
        best = int(np.delete(np.arange(len(names)), column)[others.argmax()])
        own, other = max(shares[column], _SMALLEST), max(others.max(), _SMALLEST)
        is_hidden = bool(row["is_hidden"])
        why = (
            f"run {run_id} predicts {names[best]} ({printable.percent(other)})"
            if other > own
            else "the run agrees with its label"
        )
        found.append(
            LabelIssue(
                digest,
                row["path"],
                row["given"],
                None if is_hidden else names[best],
                float(own / (own + other)),  # The margin of log-probabilities as a share.
                bool(other > own),
                HIDDEN if is_hidden else why,
            )
        )
    return found

"""What speaks for and against the label of one error: the nearest training images of both classes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from peakid import printable
from peakid.curate.queues import run_errors
from peakid.curate.queues.filters import SqlValue
from peakid.embed import near_classes
from peakid.embed.index.among import Among
from peakid.embed.near_classes import NearClass
from peakid.errors import NotFound
from peakid.remedies import action
from peakid.store.workspace import Workspace

HIDDEN = "This is a test image: the prediction is hidden until you judge it."


@dataclass(frozen=True)
class ErrorEvidence:
    """What a person can look at before judging an error.

    Attributes:
        is_hidden: A test image that was not judged yet; then there is nothing else but the sentence.
        near: The predicted class first (role "trained-predicted"), then the given one ("trained-given");
            empty without embeddings.
    """

    digest: str
    is_hidden: bool
    sentences: tuple[str, ...]
    near: tuple[NearClass, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(workspace: Workspace, digest: str, *, queue: str) -> ErrorEvidence:
    """Return what speaks for and against the label of an error.

    Args:
        digest: Complete.
        queue: `errors:RUN:SPLIT`: a judgement there shows what is hidden of a test image.

    Raises:
        NotFound: If the run has no prediction for such an image.
    """
    run_id, split = run_errors.run_of(queue) or (-1, "")
    row = workspace.one(
        "SELECT p.image_id, p.split, p.given_label, p.predicted_label, p.confidence, s.judged_in,"
        " s.is_reviewed, s.actor, r.snapshot_id FROM image i JOIN prediction p ON p.image_id = i.id"
        " JOIN image_state s ON s.image_id = i.id JOIN run r ON r.id = p.run_id"
        " WHERE i.digest = ? AND p.run_id = ? AND p.split = ?",
        (digest, run_id, split),
    )
    if row is None:
        raise NotFound(
            f"Run {run_id} has no prediction for an image {digest[:16]}.",
            "Take the digest from the list of its errors.",
            action("open_queue", queue="all"),
        )
    if row["split"] == "test" and row["judged_in"] != queue:
        return ErrorEvidence(digest, True, (HIDDEN,))
    roles = {row["predicted_label"]: "trained-predicted", row["given_label"]: "trained-given"}
    of_run = {"run": run_id, "snapshot": row["snapshot_id"], "split": split, "id": row["image_id"]}
    found = [_nearest(workspace, of_run, *each) for each in roles.items()]
    sentences = [f"Run {run_id} predicts {row['predicted_label']} ({printable.percent(row['confidence'])})."]
    sentences += _train_duplicates(workspace, of_run)
    if row["is_reviewed"]:
        sentences.append(f"{row['actor'].partition(':')[2]} has given or confirmed its label.")
    return ErrorEvidence(digest, False, tuple(sentences), tuple(each for each in found if each))


def _nearest(
    workspace: Workspace, of_run: Mapping[str, SqlValue], class_name: str, role: str
) -> NearClass | None:
    """Return the nearest training images of a class; None where the image has no embedding."""
    trained = Among(
        f"SELECT m.image_id FROM snapshot_item m WHERE m.snapshot_id = :snapshot AND {_IS_TRAINED}"
        " AND m.label = :label",
        {**of_run, "label": class_name},
    )
    return near_classes.nearest(workspace, int(str(of_run["id"])), trained, class_name=class_name, role=role)


# In cross-validation, images of a group have the same fold; those of other groups train the other folds.
_IS_TRAINED = (
    "(CASE WHEN :split = 'cv' THEN m.group_key <> (SELECT own.group_key FROM snapshot_item own"
    " WHERE own.snapshot_id = :snapshot AND own.image_id = :id) AND EXISTS (SELECT 1 FROM prediction q"
    " WHERE q.run_id = :run AND q.image_id = m.image_id) ELSE m.split = 'train' END)"
)
_ONE, _SEVERAL = "A near duplicate is a training image", "Near duplicates are training images"
_ONE_CV = "A near duplicate in another group may be a training image of its fold,"
_SEVERAL_CV = "Near duplicates in other groups may be training images of its fold,"


def _train_duplicates(workspace: Workspace, of_run: Mapping[str, object]) -> list[str]:
    """Say that the model was trained on a near duplicate, and with which labels."""
    rows = workspace.query(
        "SELECT m.label, COUNT(*) AS n FROM (SELECT image_b_id AS other FROM duplicate_pair"
        " WHERE image_a_id = :id UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = :id) d"
        " JOIN snapshot_item m ON m.snapshot_id = :snapshot AND m.image_id = d.other"
        f" WHERE {_IS_TRAINED} AND COALESCE((SELECT j.verdict FROM pair_judgement j"
        " WHERE j.image_a_id = MIN(:id, d.other) AND j.image_b_id = MAX(:id, d.other)"
        " ORDER BY j.id DESC LIMIT 1), 'open') <> 'different' GROUP BY m.label ORDER BY n DESC, m.label",
        of_run,
    )
    one, several = (_ONE_CV, _SEVERAL_CV) if of_run["split"] == "cv" else (_ONE, _SEVERAL)
    return [f"{one if row['n'] == 1 else several} labelled {row['label']}." for row in rows]

"""What speaks for and against a label: the nearest images of both classes, and other evidence."""

from dataclasses import asdict, dataclass
from typing import Any

from peakid import printable
from peakid.curate.queues import queue_plans, suggested
from peakid.embed import near_classes
from peakid.embed.index.among import Among
from peakid.embed.near_classes import NearClass
from peakid.errors import NotFound
from peakid.remedies import action
from peakid.store.workspace import Workspace

HIDDEN = "This is a test image: the suggestion is hidden until you judge it."


@dataclass(frozen=True)
class Why:
    """What speaks for and against a label.

    Attributes:
        is_hidden: A test image that was not judged yet; then there is nothing else but the sentence.
        sentences: What other sources say, one each.
        near: The suggested class first, then that of the label.
    """

    digest: str
    is_hidden: bool
    sentences: tuple[str, ...]
    near: tuple[NearClass, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(workspace: Workspace, digest: str, *, queue: str = suggested.LABEL_ISSUES) -> Why:
    """Return what speaks for and against the label of an image.

    Args:
        digest: Complete.
        queue: Where it is looked at: a judgement there shows what is hidden of a test image.

    Raises:
        NotFound: If there is no such image.
    """
    row = workspace.one(
        "SELECT s.image_id, s.actor, CASE WHEN s.verdict = 'label' THEN c.name END AS label,"
        " (SELECT n.name FROM class n WHERE n.id = g.suggested_class_id) AS suggested, g.confidence"
        " FROM image i JOIN image_state s ON s.image_id = i.id LEFT JOIN class c ON c.id = s.class_id"
        " LEFT JOIN suggestion g ON g.image_id = i.id WHERE i.digest = ?",
        (digest,),
    )
    if row is None:
        raise NotFound(
            f"No image has the digest {digest[:16]}.",
            "Take the digest from the queue of all images.",
            action("open_queue", queue="all"),
        )
    if suggested.is_hidden(workspace, row["image_id"], queue):
        return Why(digest, True, (HIDDEN,))
    roles = {name: role for role in ("suggested", "label") if (name := row[role])}
    near = [_nearest(workspace, row["image_id"], *each) for each in roles.items()]
    sentences = _sentences(workspace, row["image_id"], row["label"])
    return Why(digest, False, sentences, tuple(each for each in near if each))


def _nearest(workspace: Workspace, image_id: int, class_name: str, role: str) -> NearClass | None:
    """Return the nearest images of a class, without those of the same picture."""
    labelled = Among(_OF_CLASS, {"name": class_name, "image_id": image_id})
    return near_classes.nearest(workspace, image_id, labelled, class_name=class_name, role=role)


# Near duplicates of the image say nothing new about it.
_OF_CLASS = (
    "SELECT s.image_id FROM image_state s WHERE s.class_id = (SELECT id FROM class WHERE name = :name)"
    " AND s.verdict = 'label' AND s.image_id <> :image_id AND s.image_id NOT IN"
    " (SELECT image_b_id FROM duplicate_pair WHERE image_a_id = :image_id"
    " UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = :image_id)"
)


def _sentences(workspace: Workspace, image_id: int, label: str | None) -> tuple[str, ...]:
    """Return what runs, near duplicates, origins and the log say about an image."""
    return (
        *_of_run(workspace, image_id),
        *_of_duplicates(workspace, image_id),
        *_of_origins(workspace, image_id, label),
        *_of_log(workspace, image_id),
    )


def _of_run(workspace: Workspace, image_id: int) -> list[str]:
    row = workspace.one(
        "SELECT run_id, predicted_label, confidence FROM prediction WHERE run_id = ? AND image_id = ?"
        " AND is_out_of_sample = 1",
        (queue_plans.newest_run(workspace), image_id),
    )
    if row is None:
        return []
    return [
        f"Run {row['run_id']} predicts {row['predicted_label']} ({printable.percent(row['confidence'])})."
    ]


def _of_duplicates(workspace: Workspace, image_id: int) -> list[str]:
    rows = workspace.query(
        "SELECT c.name, COUNT(*) AS n FROM"
        " (SELECT image_b_id AS other FROM duplicate_pair WHERE image_a_id = :id"
        " UNION SELECT image_a_id FROM duplicate_pair WHERE image_b_id = :id) d"
        " JOIN image_state s ON s.image_id = d.other JOIN class c ON c.id = s.class_id"
        " WHERE s.verdict = 'label' GROUP BY c.name ORDER BY n DESC, c.name",
        {"id": image_id},
    )
    texts = {True: "A duplicate is labelled {name}.", False: "{n} duplicates are labelled {name}."}
    return [texts[row["n"] == 1].format(name=row["name"], n=row["n"]) for row in rows]


def _of_origins(workspace: Workspace, image_id: int, label: str | None) -> list[str]:
    rows = workspace.query(
        "SELECT DISTINCT label FROM origin WHERE image_id = ? AND label IS NOT NULL ORDER BY label",
        (image_id,),
    )
    return [f"It was imported as {row['label']}." for row in rows if len(rows) > 1 or row["label"] != label]


def _of_log(workspace: Workspace, image_id: int) -> list[str]:
    row = workspace.one("SELECT actor, is_reviewed FROM image_state WHERE image_id = ?", (image_id,))
    if row is None or row["actor"] is None:
        return []
    kind, _, name = row["actor"].partition(":")
    if kind == "import":
        return [f"Its label comes from an imported {name}; no person has confirmed it."]
    return [f"{name} has given or confirmed its label."] if row["is_reviewed"] else []

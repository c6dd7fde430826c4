"""Random samples that a person judges to measure an error rate: of labels, and of accepted suggestions."""

import hashlib
import json
from collections.abc import Mapping

from peakid.clean_text import whole_number
from peakid.curate.queues.filters import SqlValue
from peakid.curate.queues.segments import Segment
from peakid.errors import NotFound
from peakid.remedies import action
from peakid.store.workspace import Workspace

AUDIT = "audit"
STEP_SAMPLE_SIZE = 50  # Images: of 50 without an error, fewer than 7 % are wrong.
MOST_LABELS = 10_000  # Of the sample of labels.
_LABELS = "labels"
_NOT_REVIEWED = "s.verdict = 'label' AND s.is_reviewed = 0"
_IN_SAMPLE = f"(({_NOT_REVIEWED}) OR s.judged_in GLOB 'audit:labels:*')"
# Digests are random: the images that follow any start are a random sample, which stays the same.
_START = hashlib.sha256(b"audit of labels").hexdigest()


def labels_queue(n_images: int) -> str:
    """Return the name of the queue of a random sample of labels that no person has reviewed.

    A larger sample has all images of a smaller one.
    """
    return f"{AUDIT}:{_LABELS}:{n_images}"


def step_queue(step_id: int) -> str:
    """Return the name of the queue of a random sample of the labels that one step gave."""
    return f"{AUDIT}:{step_id}"


def audited_step(queue: str) -> int | None:
    """Return the step whose labels a queue samples, None for another queue."""
    kind, _, rest = queue.partition(":")
    return whole_number(rest) if kind == AUDIT else None


def is_of_labels(queue: str) -> bool:
    """Return whether a queue is a random sample of labels."""
    return queue.startswith(labels_queue(0)[:-1])


def segments(workspace: Workspace, queue: str) -> list[Segment]:
    """Return the segments of an audit: its images that are not judged yet, in the order of their digests.

    Raises:
        NotFound: If there is no such audit.
    """
    step_id = audited_step(queue)
    if step_id is not None:
        return [_of_step(workspace, queue, step_id)]
    n_images = whole_number(queue.rpartition(":")[2]) if is_of_labels(queue) else None
    if not n_images or n_images > MOST_LABELS:
        raise NotFound(
            f"There is no queue {queue!r}.",
            f"Write audit:STEP, or audit:labels:N with 1 to {MOST_LABELS:,} images.",
            action("open_queue", queue=labels_queue(100)),
        )
    return _of_labels(workspace, n_images)


def sample_of_step(workspace: Workspace, step_id: int) -> list[int]:
    """Return the ids of the images of a random sample of a step: the same ones whenever it is asked.

    Forgotten images are left out.
    """
    start = hashlib.sha256(f"audit of step {step_id}".encode()).hexdigest()
    rows = workspace.query(
        "SELECT i.id FROM decision d JOIN image i ON i.id = d.image_id"
        " JOIN image_state s ON s.image_id = i.id"
        " WHERE d.step_id = ? ORDER BY i.digest < ?, i.digest LIMIT ?",
        (step_id, start, STEP_SAMPLE_SIZE),
    )
    return [row["id"] for row in rows]


def _of_step(workspace: Workspace, queue: str, step_id: int) -> Segment:
    sample = json.dumps(sample_of_step(workspace, step_id))
    where = f"i.id IN (SELECT value FROM json_each(:sample)) AND {_NOT_REVIEWED}"
    return _segment("random sample of the accepted labels", where, {"sample": sample})


def _of_labels(workspace: Workspace, n_images: int) -> list[Segment]:
    """Take the images whose digests follow a fixed start, and continue from the smallest digest."""
    found: list[Segment] = []
    for bound in (f">= '{_START}'", f"< '{_START}'"):
        row = workspace.query(
            "SELECT COUNT(*) AS n, COALESCE(MIN(digest), 'x') AS first, COALESCE(MAX(digest), '') AS last"
            " FROM (SELECT i.digest FROM image i CROSS JOIN image_state s ON s.image_id = i.id"
            f" WHERE i.digest {bound} AND {_IN_SAMPLE} ORDER BY i.digest LIMIT :n)",
            {"n": n_images},
        )[0]
        where = f"i.digest BETWEEN :first AND :last AND {_NOT_REVIEWED}"
        found.append(_segment("random sample of labels", where, {"first": row["first"], "last": row["last"]}))
        n_images -= row["n"]
    return found


def _segment(reason: str, where: str, parameters: Mapping[str, SqlValue]) -> Segment:
    return Segment("image i", "i.id", where, f"'{reason}'", key=("i.digest",), parameters=parameters)

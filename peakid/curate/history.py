"""Read the log: who judged what, when, and on what basis; a person's pace; the log as CSV."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from peakid.curate import decisions
from peakid.curate.remarks import RemarkKind
from peakid.errors import BadInput
from peakid.records import PairVerdict, StepKind, Verdict
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace

LONGEST_GAP_S = 60.0  # A longer gap between two judgements is a break.


@dataclass(frozen=True)
class Change:
    """One decision with the state before it. `basis` is what its actor was shown (queue, view, why)."""

    decision_id: int
    step_id: int
    kind: StepKind
    digest: str
    path: str
    actor: str
    decided_at: str
    from_verdict: Verdict
    from_label: str | None
    from_reason: str
    verdict: Verdict
    label: str | None
    reason: str
    basis: Mapping[str, object]
    undoes: int | None


@dataclass(frozen=True)
class StepRemark:
    """A tag, a note or a further class that one step set or removed on some images.

    Attributes:
        name: The tag, the class, or the text of the note.
        digest: Of the first of these images, as `path`.
    """

    kind: RemarkKind
    name: str
    is_on: bool
    n_images: int
    digest: str
    path: str


@dataclass(frozen=True)
class HistoryStep:
    """One step: a keystroke, a bulk action, an import, an undo.

    Attributes:
        n_images: Images that it judged, or whose tags, note or further classes it changed.
        n_judged: Images that it judged.
        first: Its first decision (about the requested image, if any), None if it judged no image.
        n_pairs: Pairs of near duplicates that it judged.
        merges: (class, target class) of the classes that it merged.
        n_undone: Steps that it undid together.
        remarks: What it changed besides labels.
        pair_verdict: What it said of its pairs, None where it judged none.
        pair_paths: The images of its pairs.
        original: The step that an undo or a redo is about, None for other steps.
        is_taking_back: Whether it takes `original` back. An undo of an undo does it again.
    """

    step_id: int
    kind: StepKind
    actor: str
    made_at: str
    n_images: int
    is_undone: bool
    first: Change | None
    n_pairs: int
    merges: list[tuple[str, str | None]]
    n_undone: int
    n_judged: int = 0
    remarks: tuple[StepRemark, ...] = ()
    pair_verdict: PairVerdict | None = None
    pair_paths: tuple[str, ...] = ()
    original: "HistoryStep | None" = None
    is_taking_back: bool = False


@dataclass(frozen=True)
class Pace:
    """How many images one person judged, and how fast; for that person alone.

    Attributes:
        per_hour: Images by hour of the day, 24 numbers, in the caller's time zone.
        images_a_minute: Judgements of single images without breaks; gaps over a minute are breaks. None
            before the second judgement.
    """

    n_today: int
    n_week: int
    per_hour: list[int]
    images_a_minute: float | None


def page(
    workspace: Workspace,
    *,
    by: str | None = None,
    class_name: str | None = None,
    digest: str | None = None,
    before: int | None = None,
    limit: int = 20,
) -> list[HistoryStep]:
    """Return steps, newest first.

    Args:
        by: Only steps of this actor (`human:NAME`, `import:SOURCE`).
        class_name: Only steps that gave this class to an image.
        digest: Only steps that judged this image.
        before: Only steps with a smaller id: the key of the next page.
    """
    values = {"by": by, "class_name": class_name, "digest": digest, "before": before, "limit": limit}
    conditions = [sql for name, sql in _CONDITIONS.items() if values[name] is not None]
    if class_name is not None and by is None and digest is None:
        sql = _STEPS_OF_CLASS
    else:
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT s.id FROM step s {where} ORDER BY s.id DESC LIMIT :limit"
    return [_step(workspace, row["id"], digest) for row in workspace.query(sql, values)]


def step(workspace: Workspace, step_id: int) -> HistoryStep:
    """Return one step of the log, which must exist."""
    return _step(workspace, step_id, None)


_CLASS_ID = "(SELECT id FROM class WHERE name = :class_name)"
_IMAGE_ID = "(SELECT id FROM image WHERE digest = :digest)"
_CONDITIONS = {
    "by": "s.actor = :by",
    "class_name": f"EXISTS (SELECT 1 FROM decision WHERE step_id = s.id AND class_id = {_CLASS_ID})",
    "digest": f"s.id IN (SELECT step_id FROM decision WHERE image_id = {_IMAGE_ID})",
    "before": "s.id < :before",
}
# Goes from step to step down the index (class_id, step_id), so that neither an import of a million labels nor
# a rare class makes it slow.
_NEXT_OF_CLASS = f"SELECT MAX(step_id) FROM decision WHERE class_id = {_CLASS_ID} AND step_id <"
_STEPS_OF_CLASS = (
    f"WITH RECURSIVE each(id) AS ({_NEXT_OF_CLASS} COALESCE(:before, 1 << 62) UNION ALL"
    f" SELECT ({_NEXT_OF_CLASS} each.id) FROM each WHERE each.id IS NOT NULL)"
    " SELECT id FROM each WHERE id IS NOT NULL LIMIT :limit"
)


def of_image(workspace: Workspace, digest: str) -> list[Change]:
    """Return all decisions about one image, newest first, also of an image that was forgotten."""
    return _changes(
        workspace, "d.image_id = (SELECT id FROM image WHERE digest = ?)", digest, "ORDER BY d.id DESC"
    )


def actors(workspace: Workspace) -> list[str]:
    """Return the actors in the log, sorted. Takes one index lookup for each actor."""
    rows = workspace.query(
        "WITH RECURSIVE each(actor) AS (SELECT MIN(actor) FROM step UNION ALL"
        " SELECT (SELECT MIN(actor) FROM step WHERE actor > each.actor) FROM each"
        " WHERE each.actor IS NOT NULL)"
        " SELECT actor FROM each WHERE actor IS NOT NULL"
    )
    return [row["actor"] for row in rows]


def pace(workspace: Workspace, actor: str, *, at: datetime) -> Pace:
    """Count the images that `actor` judged today and in the seven days up to `at`, and the speed.

    Args:
        at: Now, with the time zone in which days and hours are counted.
    """
    rows = workspace.query(
        "SELECT s.made_at, COUNT(d.id) AS n FROM step s JOIN decision d ON d.step_id = s.id"
        " WHERE s.actor = ? AND s.made_at >= ? AND s.kind = 'decide'"
        " AND NOT EXISTS (SELECT 1 FROM class_merge g WHERE g.step_id = s.id)"
        " AND NOT EXISTS (SELECT 1 FROM accepted_step a WHERE a.step_id = s.id) GROUP BY s.id ORDER BY s.id",
        (actor, utc(at - timedelta(days=7))),
    )
    made = [(datetime.fromisoformat(row["made_at"]).astimezone(at.tzinfo), row["n"]) for row in rows]
    today = [(moment, n) for moment, n in made if moment.date() == at.date()]
    per_hour = [sum(n for moment, n in today if moment.hour == hour) for hour in range(24)]
    return Pace(
        sum(per_hour),
        sum(n for _, n in made),
        per_hour,
        _images_a_minute([moment for moment, n in made if n == 1]),
    )


def write_csv(workspace: Workspace, file: Path) -> int:
    """Write the whole log as CSV, oldest decision first. Return the number of rows.

    Raises:
        BadInput: If the file cannot be written.
    """
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(_CSV_COLUMNS)
            n, after = 0, 0
            while rows := _changes(workspace, "d.id > ?", after, "ORDER BY d.id LIMIT 1000"):
                writer.writerows(_csv_row(row) for row in rows)
                n, after = n + len(rows), rows[-1].decision_id
    except OSError as error:
        raise BadInput(
            f"The log cannot be written to {file}: {error.strerror or error}.",
            "Choose a file in a folder that can be written.",
        ) from error
    return n


_CSV_COLUMNS = [
    *(
        "decision_id",
        "step_id",
        "kind",
        "decided_at",
        "actor",
        "digest",
        "path",
        "from_verdict",
        "from_label",
    ),
    *("verdict", "label", "reason", "undoes", "queue"),
]


def _csv_row(change: Change) -> list[object]:
    values = {**vars(change), "queue": change.basis.get("queue", "")}
    return [values[name] for name in _CSV_COLUMNS]


def utc(moment: datetime) -> str:
    """Write a moment as in the database: ISO 8601 in UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


_CHANGE = (
    "SELECT d.id AS decision_id, d.step_id, t.kind, i.digest, d.actor, d.decided_at, d.verdict,"
    " c.name AS label, d.reason, d.basis, d.undoes,"
    f" {FIRST_PATH} AS path,"
    " COALESCE(p.verdict, 'clear') AS from_verdict, pc.name AS from_label,"
    " COALESCE(p.reason, '') AS from_reason"
    " FROM decision d JOIN step t ON t.id = d.step_id JOIN image i ON i.id = d.image_id"
    " LEFT JOIN class c ON c.id = d.class_id LEFT JOIN decision p ON p.id ="
    " (SELECT MAX(id) FROM decision b WHERE b.image_id = d.image_id AND b.id < d.id)"
    " LEFT JOIN class pc ON pc.id = p.class_id"
)


def _changes(workspace: Workspace, where: str, value: object, order: str) -> list[Change]:
    rows = workspace.query(f"{_CHANGE} WHERE {where} {order}", (value,))
    return [Change(**{**dict(row), "basis": json.loads(row["basis"])}) for row in rows]


def _step(workspace: Workspace, step_id: int, digest: str | None) -> HistoryStep:
    found = _alone(workspace, step_id, digest)
    if found.kind not in ("undo", "redo"):
        return found
    n_reversals, original = _original(workspace, step_id)
    about = found if original == step_id else _alone(workspace, original, None)
    # A step that undid several has no single step that it is about.
    is_odd = (n_reversals + bool(about.n_undone)) % 2 == 1
    return replace(found, original=about, is_taking_back=is_odd)


def _original(workspace: Workspace, step_id: int) -> tuple[int, int]:
    """Follow undos and redos to the step that they are about; return how many there are, and its id."""
    n = 0
    while row := workspace.one(
        "SELECT undoes_step_id AS id FROM step WHERE id = ? AND undoes_step_id IS NOT NULL", (step_id,)
    ):
        n, step_id = n + 1, row["id"]
    return n, step_id


def _alone(workspace: Workspace, step_id: int, digest: str | None) -> HistoryStep:
    """Return what one step wrote, without the step that it reverses."""
    row = workspace.query(
        f"SELECT s.*, ({decisions.IS_UNDONE}) AS is_undone,"
        " (SELECT COUNT(*) FROM decision WHERE step_id = s.id) AS n_judged,"
        " (SELECT COUNT(DISTINCT image_id) FROM remark r WHERE r.step_id = s.id AND NOT EXISTS"
        "  (SELECT 1 FROM decision d WHERE d.step_id = s.id AND d.image_id = r.image_id)) AS n_remarked,"
        " (SELECT COUNT(*) FROM pair_judgement WHERE step_id = s.id) AS n_pairs,"
        " (SELECT MAX(verdict) FROM pair_judgement WHERE step_id = s.id) AS pair_verdict,"
        " (SELECT COUNT(*) FROM step_taken_back WHERE step_id = s.id) AS n_undone,"
        " (SELECT MIN(d.id) FROM decision d WHERE d.step_id = s.id AND (:digest IS NULL"
        "  OR d.image_id = (SELECT id FROM image WHERE digest = :digest))) AS first_id"
        " FROM step s WHERE s.id = :step_id",
        {"step_id": step_id, "digest": digest},
    )[0]
    first = _changes(workspace, "d.id = ?", row["first_id"], "") if row["first_id"] else []
    merges = workspace.query(
        "SELECT c.name, m.name AS target FROM class_merge g JOIN class c ON c.id = g.class_id"
        " LEFT JOIN class m ON m.id = g.merged_into_id WHERE g.step_id = ? ORDER BY g.id",
        (step_id,),
    )
    return HistoryStep(
        step_id=step_id,
        kind=row["kind"],
        actor=row["actor"],
        made_at=row["made_at"],
        n_images=row["n_judged"] + row["n_remarked"],
        is_undone=bool(row["is_undone"]),
        first=first[0] if first else None,
        n_pairs=row["n_pairs"],
        merges=[(each["name"], each["target"]) for each in merges],
        n_undone=row["n_undone"],
        n_judged=row["n_judged"],
        remarks=_remarks(workspace, step_id),
        pair_verdict=row["pair_verdict"],
        pair_paths=_pair_paths(workspace, step_id) if row["n_pairs"] else (),
    )


def _remarks(workspace: Workspace, step_id: int) -> tuple[StepRemark, ...]:
    rows = workspace.query(
        "SELECT r.kind, COALESCE(c.name, r.value) AS name, r.is_on, COUNT(*) AS n_images, i.digest,"
        f" {FIRST_PATH} AS path, MIN(r.id) FROM remark r JOIN image i ON i.id = r.image_id"
        " LEFT JOIN class c ON c.id = r.class_id WHERE r.step_id = ?"
        " GROUP BY r.kind, name, r.is_on ORDER BY MIN(r.id)",
        (step_id,),
    )
    names = ("kind", "name", "n_images", "digest", "path")
    return tuple(StepRemark(**{name: row[name] for name in names}, is_on=bool(row["is_on"])) for row in rows)


def _pair_paths(workspace: Workspace, step_id: int) -> tuple[str, ...]:
    rows = workspace.query(
        f"SELECT {FIRST_PATH} AS path FROM image i WHERE i.id IN"
        " (SELECT image_a_id FROM pair_judgement WHERE step_id = :step_id"
        "  UNION SELECT image_b_id FROM pair_judgement WHERE step_id = :step_id) ORDER BY i.id",
        {"step_id": step_id},
    )
    return tuple(row["path"] or "a forgotten image" for row in rows)


def _images_a_minute(moments: Sequence[datetime]) -> float | None:
    gaps = [(b - a).total_seconds() for a, b in pairwise(moments)]
    working = [gap for gap in gaps if gap <= LONGEST_GAP_S]
    return 60 * len(working) / sum(working) if sum(working) > 0 else None

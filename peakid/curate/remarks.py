"""What people say of an image beside its label: free tags, a note, and other classes that it also shows."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from peakid.errors import BadInput, NotFound
from peakid.records import StepResult
from peakid.store import decision_log
from peakid.store.workspace import Workspace, now

RemarkKind = Literal[
    "tag",   # A free word, to find images again by.
    "note",  # What a person wrote about the image; the newest one holds.
    "also",  # Another class that the image shows beside its label.
]  # fmt: skip
LONGEST_TAG = 60  # Letters; more is a note.
LONGEST_NOTE = 2_000


@dataclass(frozen=True)
class _Remark:
    """One matter and what is said of it. An image has one note, and any number of tags and further classes."""

    image_id: int
    kind: RemarkKind
    value: str = ""
    class_id: int | None = None
    is_on: bool = True

    @property
    def same_matter(self) -> tuple[str, tuple[object, ...]]:
        """Answer the condition on `remark` that finds every row about this matter."""
        found, parameters = "image_id = ? AND kind = ?", (self.image_id, self.kind)
        if self.kind == "tag":
            return f"{found} AND value = ?", (*parameters, self.value)
        return (
            (f"{found} AND class_id = ?", (*parameters, self.class_id))
            if self.kind == "also"
            else (found, parameters)
        )


def tag(
    workspace: Workspace,
    digests: Sequence[str],
    name: str,
    *,
    is_on: bool = True,
    actor: str,
    event_id: str = "",
) -> StepResult:
    """Put a tag on images, or take it off, as one step that undo takes back.

    Args:
        digests: Full ones. Images that have the tag already (or have it not) are passed over.
        event_id: Names the act: delivering it twice writes it once.

    Raises:
        BadInput: If the tag is empty, too long or no one line.
        NotFound: If a digest is unknown.
    """
    clean = name.strip()
    if not clean or not clean.isprintable() or len(clean) > LONGEST_TAG:
        raise BadInput(
            f"{name[:80]!r} cannot be a tag.", f"Use 1 to {LONGEST_TAG} printable letters in one line."
        )
    with workspace.transaction() as connection:
        wanted = [_Remark(_image_id(connection, digest), "tag", clean, is_on=is_on) for digest in digests]
        return _append_step(connection, wanted, actor=actor, event_id=event_id)


def note(workspace: Workspace, digest: str, text: str, *, actor: str, event_id: str = "") -> StepResult:
    """Write the note of an image anew; an empty text takes it off.

    Raises:
        BadInput: If the text is too long.
        NotFound: If the digest is unknown.
    """
    clean = text.strip()
    if len(clean) > LONGEST_NOTE:
        raise BadInput(f"A note of {len(clean):,} letters is too long.", f"Use up to {LONGEST_NOTE:,}.")
    with workspace.transaction() as connection:
        wanted = [_Remark(_image_id(connection, digest), "note", clean, is_on=bool(clean))]
        return _append_step(connection, wanted, actor=actor, event_id=event_id)


def also(
    workspace: Workspace, digest: str, class_name: str, *, is_on: bool = True, actor: str, event_id: str = ""
) -> StepResult:
    """Say that an image shows another class beside its label: it is then kept out of snapshots unless asked for.

    Raises:
        NotFound: If the digest or the class is unknown.
        BadInput: If it is the image's label, or the class is retired.
    """
    with workspace.transaction() as connection:
        image_id = _image_id(connection, digest)
        row = connection.execute("SELECT id, is_retired FROM class WHERE name = ?", (class_name,)).fetchone()
        if row is None:
            raise NotFound(
                f"There is no class {class_name!r}.", f"Add it first with: peakid classes add {class_name!r}"
            )
        is_label = connection.execute(
            "SELECT 1 FROM image_state WHERE image_id = ? AND class_id = ?", (image_id, row["id"])
        ).fetchone()
        if is_on and (is_label or row["is_retired"]):
            why = "is the label of this image already" if is_label else "is retired"
            raise BadInput(
                f"The class {class_name!r} {why}.", "Name another class that the image shows, too."
            )
        return _append_step(
            connection,
            [_Remark(image_id, "also", class_id=row["id"], is_on=is_on)],
            actor=actor,
            event_id=event_id,
        )


def tags(workspace: Workspace) -> dict[str, int]:
    """Count the images of every tag, by name."""
    return {
        row["tag"]: row["n"]
        for row in workspace.query("SELECT tag, COUNT(*) AS n FROM image_tag GROUP BY tag ORDER BY tag")
    }


def names(workspace: Workspace) -> list[str]:
    """Answer the tags in use by name. Each is one step in the index, however many images carry it."""
    rows = workspace.query(
        "WITH RECURSIVE known(tag) AS (SELECT MIN(tag) FROM image_tag UNION ALL"
        " SELECT (SELECT MIN(tag) FROM image_tag WHERE tag > known.tag) FROM known WHERE known.tag IS NOT NULL)"
        " SELECT tag FROM known WHERE tag IS NOT NULL"
    )
    return [row["tag"] for row in rows]


def reverse(
    connection: sqlite3.Connection, step_ids: Sequence[int], new_step_id: int, *, actor: str
) -> tuple[list[str], list[str]]:
    """Append to `new_step_id` what held of each matter before `step_ids`; what was said otherwise since stays.

    Returns:
        The digests of what was taken back, and of what somebody changed since.
    """
    marks = ", ".join("?" * len(step_ids))
    rows = connection.execute(
        f"SELECT * FROM remark WHERE step_id IN ({marks}) ORDER BY id", list(step_ids)
    ).fetchall()
    spans = {_remark(row).same_matter: (row["id"], row["id"]) for row in reversed(rows)}
    spans = {_remark(row).same_matter: (spans[_remark(row).same_matter][0], row["id"]) for row in rows}
    taken_back, conflicts = [], []
    for (where, parameters), (first_id, last_id) in spans.items():
        last = _newest(connection, "id = ?", (last_id,))
        if (
            last is None or _newest(connection, where, parameters) != last
        ):  # By what it says: an undo of a later remark restates this one.
            conflicts.append(int(str(parameters[0])))
            continue
        before = _newest(connection, f"{where} AND id < ?", (*parameters, first_id))
        _append(connection, new_step_id, before or replace(last, is_on=False), actor=actor)
        taken_back.append(last.image_id)
    return _digests(connection, taken_back), _digests(connection, conflicts)


def is_known(connection: sqlite3.Connection, event_id: str) -> bool:
    """Tell whether an act of this name was written down before."""
    return (
        bool(event_id)
        and connection.execute("SELECT 1 FROM remark WHERE event_id = ?", (event_id,)).fetchone() is not None
    )


def has_step(connection: sqlite3.Connection, step_id: int) -> bool:
    return connection.execute("SELECT 1 FROM remark WHERE step_id = ?", (step_id,)).fetchone() is not None


def _append_step(
    connection: sqlite3.Connection, wanted: Sequence[_Remark], *, actor: str, event_id: str
) -> StepResult:
    fresh = (
        [] if is_known(connection, event_id) else [each for each in wanted if not _holds(connection, each)]
    )
    if not fresh:
        return StepResult(None, [])
    step_id = decision_log.new_step(connection, actor=actor, kind="decide")
    for number, each in enumerate(fresh):  # One row of the act carries its name.
        _append(connection, step_id, each, actor=actor, event_id="" if number else event_id)
    return StepResult(step_id, [], remarked=_digests(connection, [each.image_id for each in fresh]))


def _append(
    connection: sqlite3.Connection, step_id: int, remark: _Remark, *, actor: str, event_id: str = ""
) -> None:
    connection.execute(
        "INSERT INTO remark (event_id, step_id, image_id, kind, value, class_id, is_on, actor, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event_id or None,
            step_id,
            remark.image_id,
            remark.kind,
            remark.value,
            remark.class_id,
            int(remark.is_on),
            actor,
            now(),
        ),
    )


def _holds(connection: sqlite3.Connection, wanted: _Remark) -> bool:
    newest = _newest(connection, *wanted.same_matter)
    return newest == wanted or (newest is None and not wanted.is_on)


def _newest(connection: sqlite3.Connection, where: str, parameters: Sequence[object]) -> _Remark | None:
    """Answer the newest remark that a condition finds."""
    row = connection.execute(
        f"SELECT * FROM remark WHERE {where} ORDER BY id DESC LIMIT 1", parameters
    ).fetchone()
    return None if row is None else _remark(row)


def _remark(row: sqlite3.Row) -> _Remark:
    return _Remark(row["image_id"], row["kind"], row["value"], row["class_id"], bool(row["is_on"]))


def _image_id(connection: sqlite3.Connection, digest: str) -> int:
    row = connection.execute("SELECT id FROM image WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        raise NotFound(f"No image has the digest {digest[:16]}.", "See digests with: peakid queue all")
    return row["id"]


def _digests(connection: sqlite3.Connection, image_ids: Sequence[int]) -> list[str]:
    return [
        connection.execute("SELECT digest FROM image WHERE id = ?", (image_id,)).fetchone()[0]
        for image_id in image_ids
    ]

"""Judge images: decide, undo, redo, and read the log of decisions."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import get_args

from peakid import near_names
from peakid.curate import class_merges, remarks, step_events
from peakid.curate.duplicates import pair_judgements
from peakid.curate.queues import model_ranked
from peakid.errors import BadInput, NotFound, NothingToUndo
from peakid.records import Choice, Decision, StepKind, StepResult, StepRow, Verdict
from peakid.remedies import action
from peakid.store import decision_log
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace

_DECISION_COLUMNS = (
    "d.id AS decision_id, d.step_id, i.digest, d.verdict, c.name AS label, d.reason, d.actor, d.decided_at,"
    f" d.undoes, {FIRST_PATH} AS path"
)
IS_UNDONE = step_events.IS_UNDONE
_DECISION_TABLES = "decision d JOIN image i ON i.id = d.image_id LEFT JOIN class c ON c.id = d.class_id"


@dataclass(frozen=True)
class _State:
    """The judgement of one image at one moment."""

    verdict: Verdict = "clear"
    class_id: int | None = None
    reason: str = ""
    is_reviewed: bool = False


def decide(workspace: Workspace, choices: Sequence[Choice], *, actor: str, event_id: str = "") -> StepResult:
    """Append one step with a decision for every choice, or nothing at all.

    All choices are checked before the first is written. A choice whose `event_id` is already in the log
    is skipped. A choice based on an outdated decision is not written: its digest is in `conflicts`, so that
    the actor can look at the image again.

    Args:
        choices: Full digests. `label` is needed for the verdict "label"; exclude and flag keep the label.
        actor: `human:NAME`, `import:SOURCE` or `model:RUN`.
        event_id: Identifies an action on several images; the same action delivered twice is written once.

    Raises:
        NotFound: If a digest or a class is unknown. Decisions never add classes.
        BadInput: If a verdict is unknown, or lacks its label or reason.
    """
    with workspace.transaction() as connection:
        if step_events.is_known(connection, event_id):
            return StepResult(None, [])
        fresh = [choice for choice in choices if not step_events.is_known(connection, choice.event_id)]
        images = {choice.digest: _image_id(connection, choice.digest) for choice in fresh}
        targets = [_checked(connection, choice, images[choice.digest]) for choice in fresh]
        current = [_is_current(connection, choice, images[choice.digest], actor) for choice in fresh]
        conflicts = [
            choice.digest for choice, is_current in zip(fresh, current, strict=True) if not is_current
        ]
        standing = current_decisions(connection, conflicts)
        if not any(current):
            return StepResult(None, [], conflicts, standing)
        step_id = decision_log.new_step(connection, actor=actor, kind="decide", event_id=event_id)
        # Looked up once for all choices: finding the newest run for every image made large steps slow.
        mark = model_ranked.Marker(workspace, connection)
        for choice, target, is_current in zip(fresh, targets, current, strict=True):
            if is_current:
                image_id = images[choice.digest]
                basis = mark.basis(image_id, choice.basis)
                _append_choice(connection, step_id, image_id, choice, target, basis=basis, actor=actor)
        return StepResult(step_id, of_step(connection, step_id), conflicts, standing)


def undo(workspace: Workspace, *, actor: str, step_id: int | None = None, event_id: str = "") -> StepResult:
    """Undo the actor's newest step by appending decisions that restore the state before it.

    Images that somebody judged after that step keep the later judgement and are listed in `conflicts`.

    Args:
        step_id: Undo this step instead of the actor's newest one. An import can only be undone by its id.
        event_id: Identifies the action; the same undo delivered twice undoes one step, not two.

    Raises:
        NothingToUndo: If there is no such step, or it is already undone.
    """
    with workspace.transaction() as connection:
        if step_events.is_known(connection, event_id):
            return StepResult(None, [])
        if step_id is None:
            row = connection.execute(
                "SELECT MAX(id) AS id FROM step s WHERE actor = ? AND kind IN ('decide', 'redo')"
                f" AND NOT ({IS_UNDONE})",
                (actor,),
            ).fetchone()
            step_id = row["id"]
        if step_id is None:
            raise NothingToUndo(
                f"{actor} has no step left to undo.", "Look at the history.", action("show_log")
            )
        return _reverse(connection, step_id, actor=actor, kind="undo", event_id=event_id)


def redo(workspace: Workspace, *, actor: str, step_id: int | None = None, event_id: str = "") -> StepResult:
    """Reverse the actor's newest undo, unless they have decided something since.

    Args:
        step_id: Reverse this undo instead, whatever was decided since.
        event_id: As for `undo`.

    Raises:
        NothingToUndo: If the actor has undone nothing since their newest decision.
    """
    with workspace.transaction() as connection:
        if step_events.is_known(connection, event_id):
            return StepResult(None, [])
        if step_id is not None:
            return _reverse(connection, step_id, actor=actor, kind="redo", event_id=event_id)
        row = connection.execute(
            f"SELECT MAX(id) AS id FROM step s WHERE actor = :actor AND kind = 'undo' AND NOT ({IS_UNDONE})"
            " AND id > COALESCE((SELECT MAX(id) FROM step WHERE actor = :actor AND kind = 'decide'), 0)",
            {"actor": actor},
        ).fetchone()
        if row["id"] is None:
            raise NothingToUndo(
                f"{actor} has nothing to redo.", "Redo works right after an undo, before a new decision."
            )
        return _reverse(connection, row["id"], actor=actor, kind="redo", event_id=event_id)


def is_known_event(workspace: Workspace, event_id: str) -> bool:
    """Return whether the action with this id is already in the log."""
    return step_events.is_known(workspace.connection(), event_id)


def log(
    workspace: Workspace, *, limit: int = 50, digest: str | None = None, before: int | None = None
) -> list[Decision]:
    """Return the decisions about all images or about one, newest first.

    Args:
        before: Only decisions with a smaller id: the key of the next page.
    """
    sql = f"SELECT {_DECISION_COLUMNS} FROM {_DECISION_TABLES} WHERE (:before IS NULL OR d.id < :before)"
    if digest is not None:
        sql += " AND d.image_id = (SELECT id FROM image WHERE digest = :digest)"
    rows = workspace.query(
        f"{sql} ORDER BY d.id DESC LIMIT :limit", {"before": before, "digest": digest, "limit": limit}
    )
    return [_decision(row) for row in rows]


def steps(workspace: Workspace, *, limit: int = 20) -> list[StepRow]:
    """Return the steps, newest first. An import of a thousand labels is one step, and so is one keystroke."""
    rows = workspace.query(
        "SELECT s.id AS own_step_id, s.kind, s.actor AS step_actor, s.made_at,"
        f" (SELECT COUNT(*) FROM decision n WHERE n.step_id = s.id) AS n_images, {_DECISION_COLUMNS}"
        f" FROM step s JOIN {_DECISION_TABLES}"
        " WHERE d.id = (SELECT MIN(id) FROM decision WHERE step_id = s.id) ORDER BY s.id DESC LIMIT ?",
        (limit,),
    )
    names = [field.name for field in fields(Decision)]
    return [
        StepRow(
            row["own_step_id"],
            row["kind"],
            row["step_actor"],
            row["made_at"],
            row["n_images"],
            Decision(**{name: row[name] for name in names}),
        )
        for row in rows
    ]


def of_step(connection: sqlite3.Connection, step_id: int) -> list[Decision]:
    """Return the decisions of one step, in their order."""
    rows = connection.execute(
        f"SELECT {_DECISION_COLUMNS} FROM {_DECISION_TABLES} WHERE d.step_id = ? ORDER BY d.id", (step_id,)
    )
    return [_decision(row) for row in rows]


def _checked(connection: sqlite3.Connection, choice: Choice, image_id: int) -> _State:
    """Return the state that a choice leads to.

    Raises:
        BadInput: If the verdict is unknown, or lacks its label or reason.
        NotFound: If the class is unknown.
    """
    if choice.verdict not in get_args(Verdict):
        raise BadInput(
            f"Unknown verdict {choice.verdict!r}.",
            near_names.remedy(
                choice.verdict, get_args(Verdict), f"Use one of: {', '.join(get_args(Verdict))}."
            ),
        )
    if choice.verdict == "exclude" and not choice.reason:
        raise BadInput(
            f"Excluding image {choice.digest[:12]} needs a reason.",
            "Give one, such as 'not a mountain'.",
        )
    if choice.verdict == "clear":
        return _State("clear", None, choice.reason, False)
    if choice.verdict == "label" and not choice.label:
        raise BadInput(
            f"Labelling image {choice.digest[:12]} needs a class.",
            "Choose one of the classes.",
            action("list_classes"),
        )
    kept = _state(connection, image_id).class_id
    class_id = active_class_id(connection, choice.label) if choice.label else kept
    return _State(choice.verdict, class_id, choice.reason, True)


def _is_current(connection: sqlite3.Connection, choice: Choice, image_id: int, actor: str) -> bool:
    """Return whether no one else has judged the image since the actor saw it.

    The actor's own judgements are not a conflict: keys can be faster than the page. A choice with
    `base_decision_id` -1 is not checked.
    """
    newest = _newest(connection, image_id)
    if choice.base_decision_id in (-1, newest):
        return True
    row = connection.execute("SELECT actor FROM decision WHERE id = ?", (newest,)).fetchone()
    return row is not None and row["actor"] == actor


def _append_choice(
    connection: sqlite3.Connection,
    step_id: int,
    image_id: int,
    choice: Choice,
    target: _State,
    *,
    basis: Mapping[str, object],
    actor: str,
) -> None:
    decision_log.append(
        connection,
        step_id=step_id,
        image_id=image_id,
        verdict=target.verdict,
        class_id=target.class_id,
        reason=target.reason,
        # A flag asks for another look, so the image is not reviewed yet. A model's decision is not a review.
        is_reviewed=target.is_reviewed and target.verdict != "flag" and actor.startswith("human:"),
        actor=actor,
        base_decision_id=_newest(connection, image_id),
        basis=basis,
        event_id=choice.event_id,
    )


def _reverse(
    connection: sqlite3.Connection, step_id: int, *, actor: str, kind: StepKind, event_id: str
) -> StepResult:
    """Append a step that restores the state before `step_id` of every image it judged."""
    rows = connection.execute(
        "SELECT image_id, MIN(id) AS first, MAX(id) AS last FROM decision WHERE step_id = ?"
        " GROUP BY image_id ORDER BY first",
        (step_id,),
    ).fetchall()
    others = (pair_judgements, class_merges, remarks)
    if not rows and not any(module.has_step(connection, step_id) for module in others):
        raise NothingToUndo(f"Step {step_id} is not in the log.", "Look at the history.", action("show_log"))
    if connection.execute(f"SELECT 1 FROM step s WHERE s.id = ? AND ({IS_UNDONE})", (step_id,)).fetchone():
        raise NothingToUndo(f"Step {step_id} is already undone.", "Look at the history.", action("show_log"))
    new_step = decision_log.new_step(
        connection, actor=actor, kind=kind, undoes_step_id=step_id, event_id=event_id
    )
    spans = {row["image_id"]: (row["first"], row["last"]) for row in rows}
    return restore(connection, [step_id], new_step, spans, actor=actor)


def restore(
    connection: sqlite3.Connection,
    step_ids: Sequence[int],
    new_step: int,
    spans: Mapping[int, tuple[int, int]],
    *,
    actor: str,
) -> StepResult:
    """Restore images, classes, pairs and remarks to the state before `step_ids`, as part of `new_step`.

    Args:
        spans: By image id, the first and the last decision about it in those steps. An image with a newer
            decision keeps it and is listed in `conflicts`.
    """
    pair_judgements.reverse(connection, step_ids, new_step, actor=actor)
    class_merges.reverse(connection, step_ids, new_step)
    remarked, conflicts = remarks.reverse(connection, step_ids, new_step, actor=actor)
    for image_id, (first_id, last_id) in spans.items():
        if not _is_in_force(connection, image_id, last_id):
            conflicts.append(_digest(connection, image_id))
            continue
        before = _state(connection, image_id, before=first_id)
        decision_log.append(
            connection,
            step_id=new_step,
            image_id=image_id,
            verdict=before.verdict,
            class_id=before.class_id,
            reason=before.reason,
            is_reviewed=before.is_reviewed,
            actor=actor,
            base_decision_id=last_id,
            undoes=last_id,
        )
    return StepResult(
        new_step,
        of_step(connection, new_step),
        conflicts,
        current_decisions(connection, conflicts),
        remarked,
    )


def _is_in_force(connection: sqlite3.Connection, image_id: int, decision_id: int) -> bool:
    """Return whether a decision is still in force: no later one exists, or an undo has restored it."""
    newest = _newest(connection, image_id)
    if newest == decision_id:
        return True
    content = "SELECT verdict, class_id, reason, is_reviewed FROM decision WHERE id = ?"
    restored = connection.execute(f"{content} AND undoes IS NOT NULL", (newest,)).fetchone()
    original = connection.execute(content, (decision_id,)).fetchone()
    return restored is not None and tuple(restored) == tuple(original)


def _state(connection: sqlite3.Connection, image_id: int, *, before: int | None = None) -> _State:
    """Read an image's state from the log, now or as it was before the decision `before`."""
    row = connection.execute(
        "SELECT verdict, class_id, reason, is_reviewed FROM decision"
        " WHERE image_id = ? AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT 1",
        (image_id, before, before),
    ).fetchone()
    if row is None:
        return _State()
    return _State(row["verdict"], row["class_id"], row["reason"], bool(row["is_reviewed"]))


def _newest(connection: sqlite3.Connection, image_id: int) -> int | None:
    row = connection.execute("SELECT decision_id FROM image_state WHERE image_id = ?", (image_id,)).fetchone()
    return None if row is None else row[0]  # No row: the image was forgotten.


def _image_id(connection: sqlite3.Connection, digest: str) -> int:
    row = connection.execute(
        "SELECT id FROM image JOIN image_state ON image_id = id WHERE digest = ?", (digest,)
    ).fetchone()
    if row is None:
        raise NotFound(
            f"No image has the digest {digest[:16]}.",
            "Take the digest from the queue of all images.",
            action("open_queue", queue="all"),
        )
    return row["id"]


def _digest(connection: sqlite3.Connection, image_id: int) -> str:
    return connection.execute("SELECT digest FROM image WHERE id = ?", (image_id,)).fetchone()[0]


def active_class_id(connection: sqlite3.Connection, name: str) -> int:
    """Return the id of a class that images can get, by its name or a former one.

    Raises:
        NotFound: If there is none.
        BadInput: If it is retired.
    """
    class_id = decision_log.known_class_id(connection, name)
    if class_id is None:
        raise decision_log.unknown_class(connection, name, can_be_added=True)
    if connection.execute("SELECT is_retired FROM class WHERE id = ?", (class_id,)).fetchone()[0]:
        raise BadInput(
            f"The class {name!r} is retired.", "Bring it back first.", action("add_class", class_name=name)
        )
    return class_id


def current_decisions(connection: sqlite3.Connection, digests: Sequence[str]) -> dict[str, Decision]:
    """Return the decision in force by digest, for every image that has one."""
    sql = (
        f"SELECT {_DECISION_COLUMNS} FROM image_state s JOIN decision d ON d.id = s.decision_id"
        " JOIN image i ON i.id = s.image_id LEFT JOIN class c ON c.id = d.class_id WHERE i.digest = ?"
    )
    rows = [connection.execute(sql, (digest,)).fetchone() for digest in digests]
    return {row["digest"]: _decision(row) for row in rows if row is not None}


def _decision(row: sqlite3.Row) -> Decision:
    return Decision(**{key: row[key] for key in row.keys()})  # noqa: SIM118 - iterating a Row gives values

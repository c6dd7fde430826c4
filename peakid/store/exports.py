"""Exports: where each one is, its files, its stage, and how closely it predicts as the trained model does."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from peakid import files, near_names, paths
from peakid.errors import BadInput, NotFound
from peakid.records import Export, ExportStage
from peakid.remedies import action
from peakid.store.workspace import Workspace, now

CURRENT = "current"  # In place of the number of an export.


@dataclass(frozen=True)
class StageChange:
    """One change of the stage of an export."""

    export_id: int
    from_stage: ExportStage
    to_stage: ExportStage
    actor: str
    changed_at: str


def add(
    workspace: Workspace,
    *,
    run_id: int,
    path: Path,
    files: Sequence[Mapping[str, object]],
    parity: Mapping[str, Mapping[str, float]],
) -> Export:
    """Record an export whose predictions were compared with the trained model.

    Args:
        path: Its folder. A folder in the workspace is stored as a relative path, so that the workspace can
            move.
        files: `{name, format, sha256, bytes}` of each file.
        parity: `{n_images, max_abs_diff, agreement}` by format.
    """
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO export (run_id, path, files, parity, created_at) VALUES (?, ?, ?, ?, ?)",
            (run_id, _stored_path(workspace, path), _json(files), json.dumps(parity), now()),
        )
    return show(workspace, int(cursor.lastrowid or 0))


def show(workspace: Workspace, export_id: int) -> Export:
    """Return one export.

    Raises:
        NotFound: If there is no such export. The remedy lists the newest ones.
    """
    row = workspace.one("SELECT * FROM export WHERE id = ?", (export_id,))
    if row is None:
        raise _unknown(workspace, export_id)
    return _export(workspace, row)


def _unknown(workspace: Workspace, export_id: int) -> NotFound:
    ids = [str(row["id"]) for row in workspace.query("SELECT id FROM export ORDER BY id DESC LIMIT 10")]
    newest = f"There are: {', '.join(reversed(ids))}." if ids else "There is none yet."
    return NotFound(
        f"There is no export {export_id}.", newest, action("list_exports" if ids else "list_runs")
    )


def list_exports(workspace: Workspace, run_id: int | None = None) -> list[Export]:
    """List the exports of one run, or of all, newest first."""
    rows = workspace.query(
        "SELECT * FROM export WHERE run_id = ? OR ? IS NULL ORDER BY id DESC", (run_id, run_id)
    )
    return [_export(workspace, row) for row in rows]


def _export(workspace: Workspace, row: sqlite3.Row) -> Export:
    stored = row["path"]
    path = stored if Path(stored).is_absolute() else str(paths.inside(workspace.path, stored))
    return Export(
        row["id"],
        row["run_id"],
        path,
        json.loads(row["files"]),
        json.loads(row["parity"]),
        row["created_at"],
        is_foreign=bool(row["is_foreign"]),
        stage=row["stage"],
    )


def set_stage(workspace: Workspace, export_id: int, stage: ExportStage, *, actor: str) -> Export:
    """Set the stage of an export and log the change; the same stage again is no change.

    One export of a workspace is the current one. Where another export becomes it, the former one is retired:
    it was in use and was replaced, which a candidate was not. Making it current again takes that back.

    Raises:
        NotFound: If there is no such export, or a current one could not be opened (see `folder`).
        BadInput: If the stage is unknown.
    """
    stages = get_args(ExportStage)
    if stage not in stages:
        remedy = near_names.remedy(stage, stages, f"Use one of: {', '.join(stages)}.")
        raise BadInput(f"There is no stage {stage!r}.", remedy)
    if stage == "current":
        folder(show(workspace, export_id))
    with workspace.transaction() as connection:
        found = connection.execute("SELECT stage FROM export WHERE id = ?", (export_id,)).fetchone()
        if found is None:
            raise _unknown(workspace, export_id)
        before: ExportStage = found["stage"]
        former = connection.execute("SELECT id FROM export WHERE stage = 'current'").fetchone()
        if stage == "current" and before != "current" and former is not None:
            _change_stage(connection, former["id"], "current", "retired", actor)
        if before != stage:
            _change_stage(connection, export_id, before, stage, actor)
    return show(workspace, export_id)


def current(workspace: Workspace) -> Export:
    """Return the export in use.

    Raises:
        NotFound: If no export is the current one.
    """
    row = workspace.one("SELECT * FROM export WHERE stage = 'current'")
    if row is None:
        remedy = "Make one of the exports the current one."
        raise NotFound("No export is the current one.", remedy, action("list_exports"))
    return _export(workspace, row)


def stage_changes(workspace: Workspace, export_id: int | None = None) -> list[StageChange]:
    """List the changes of stages, of one export or of all, newest first."""
    rows = workspace.query(
        "SELECT export_id, from_stage, to_stage, actor, changed_at FROM export_stage_change"
        " WHERE export_id = ? OR ? IS NULL ORDER BY id DESC",
        (export_id, export_id),
    )
    return [StageChange(*row) for row in rows]


def _change_stage(
    connection: sqlite3.Connection, export_id: int, before: ExportStage, stage: ExportStage, actor: str
) -> None:
    connection.execute("UPDATE export SET stage = ? WHERE id = ?", (stage, export_id))
    connection.execute(
        "INSERT INTO export_stage_change (export_id, from_stage, to_stage, actor, changed_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (export_id, before, stage, actor, now()),
    )


def folder(export: Export) -> Path:
    """Return the folder of an export, to read its files.

    Raises:
        NotFound: If only a restored backup says that it is there.
    """
    if export.is_foreign:
        raise NotFound(
            f"Export {export.export_id} is at {export.path}, outside the workspace: only the restored backup"
            " says so.",
            "Give that folder itself if you trust it, or export the run again.",
            action("export_run", run_id=export.run_id),
        )
    return Path(export.path)


def file_path(export: Export, name: str) -> Path:
    """Return the path of one of the files of an export.

    Raises:
        NotFound: As `folder`.
        UnsafePath: If the name leads out of the folder.
    """
    return paths.inside(folder(export), name)


def _json(files: Sequence[Mapping[str, object]]) -> str:
    return json.dumps([dict(file) for file in files])


def _stored_path(workspace: Workspace, path: Path) -> str:
    path = files.expanded(path)
    return path.relative_to(workspace.path).as_posix() if path.is_relative_to(workspace.path) else str(path)

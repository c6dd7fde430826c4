"""Exports as they are kept: where each lies, its files, and the proof that it answers as the trained model did."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peakid.errors import NotFound
from peakid.records import Export
from peakid.store.workspace import Workspace, now


def add(
    workspace: Workspace,
    *,
    run_id: int,
    path: Path,
    files: Sequence[Mapping[str, Any]],
    parity: Mapping[str, Mapping[str, float]],
) -> Export:
    """Record an export that has been proven.

    Args:
        path: Its folder. Kept relative where it lies in the workspace, so that the workspace can move.
        files: `{name, format, sha256, bytes}` each.
        parity: By format, `{n_images, max_abs_diff, agreement}`.
    """
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO export (run_id, path, files, parity, created_at) VALUES (?, ?, ?, ?, ?)",
            (
                run_id,
                _kept(workspace, path),
                json.dumps([dict(file) for file in files]),
                json.dumps(parity),
                now(),
            ),
        )
    return show(workspace, int(cursor.lastrowid or 0))


def show(workspace: Workspace, export_id: int) -> Export:
    """Answer one export.

    Raises:
        NotFound: If there is no such export; the message says which there are.
    """
    row = workspace.one("SELECT * FROM export WHERE id = ?", (export_id,))
    if row is None:
        ids = [str(row["id"]) for row in workspace.query("SELECT id FROM export ORDER BY id DESC LIMIT 10")]
        remedy = (
            f"There are: {', '.join(reversed(ids))}."
            if ids
            else "There is none yet; make one with: peakid export RUN"
        )
        raise NotFound(f"There is no export {export_id}.", remedy)
    return _export(workspace, row)


def list_exports(workspace: Workspace, run_id: int | None = None) -> list[Export]:
    """List the exports of one run, or of all, newest first."""
    rows = workspace.query(
        "SELECT * FROM export WHERE run_id = ? OR ? IS NULL ORDER BY id DESC", (run_id, run_id)
    )
    return [_export(workspace, row) for row in rows]


def _export(workspace: Workspace, row: sqlite3.Row) -> Export:
    path = str(workspace.path / row["path"])  # An absolute path stays what it is.
    return Export(
        row["id"], row["run_id"], path, json.loads(row["files"]), json.loads(row["parity"]), row["created_at"]
    )


def _kept(workspace: Workspace, path: Path) -> str:
    path = path.expanduser().absolute()
    return path.relative_to(workspace.path).as_posix() if path.is_relative_to(workspace.path) else str(path)

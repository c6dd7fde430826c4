"""Exports: where each one is, its files, and how closely its predictions match the trained model."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from peakid import files, paths
from peakid.errors import NotFound
from peakid.export_records import NO_FIGURES, ExportFigures
from peakid.records import Export
from peakid.remedies import action
from peakid.store.workspace import Workspace, now

_FIGURES = TypeAdapter(ExportFigures)


def add(
    workspace: Workspace,
    *,
    run_id: int,
    path: Path,
    files: Sequence[Mapping[str, object]],
    parity: Mapping[str, Mapping[str, float]],
    figures: ExportFigures = NO_FIGURES,
) -> Export:
    """Record an export whose predictions were compared with the trained model.

    Args:
        path: Its folder. A folder in the workspace is stored as a relative path, so that the workspace can
            move.
        files: `{name, format, sha256, bytes}` of each file.
        parity: `{n_images, max_abs_diff, agreement}` by format.
        figures: How its files were checked.
    """
    with workspace.transaction() as connection:
        cursor = connection.execute(
            "INSERT INTO export (run_id, path, files, parity, figures, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                *(run_id, _stored_path(workspace, path), _json(files), json.dumps(parity)),
                *(json.dumps(asdict(figures), ensure_ascii=False), now()),
            ),
        )
    return show(workspace, int(cursor.lastrowid or 0))


def show(workspace: Workspace, export_id: int) -> Export:
    """Return one export.

    Raises:
        NotFound: If there is no such export. The remedy lists the newest ones.
    """
    row = workspace.one("SELECT * FROM export WHERE id = ?", (export_id,))
    if row is None:
        ids = [str(row["id"]) for row in workspace.query("SELECT id FROM export ORDER BY id DESC LIMIT 10")]
        newest = f"There are: {', '.join(reversed(ids))}." if ids else "There is none yet."
        raise NotFound(
            f"There is no export {export_id}.", newest, action("list_exports" if ids else "list_runs")
        )
    return _export(workspace, row)


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
        figures=_figures(row["figures"]),
    )


def _figures(stored: str) -> ExportFigures:
    """Read the column `figures`; a shape that another version wrote counts as none."""
    try:
        return _FIGURES.validate_json(stored)
    except ValidationError:
        return NO_FIGURES


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

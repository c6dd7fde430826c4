"""What a workspace holds, read without changing it: for a list, whose workspaces may be gone or damaged."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from peakid.errors import WorkspaceError
from peakid.store import connection as connections
from peakid.store import run_rows
from peakid.store.database_errors import DATABASE_NAME

_BUSY_TIMEOUT_MS = 300  # A list must not wait for a workspace that another process writes to.


@dataclass(frozen=True)
class Holdings:
    """What a workspace holds.

    Attributes:
        accuracy: Of the newest run that was trained to its end, 0..1 on `n_scored` validation images.
        accuracy_interval: Of 95 %; None where it was not measured.
        is_demo: All images are those of the demo.
        problem: Why it cannot be read, as a sentence; "" if it was read.
    """

    path: Path
    n_images: int = 0
    n_classes: int = 0
    run_id: int | None = None
    accuracy: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    n_scored: int = 0
    is_demo: bool = False
    problem: str = ""


def read(path: Path) -> Holdings:
    """Return what the workspace in a folder holds. No error is raised: `problem` says what is wrong."""
    database = path / DATABASE_NAME
    try:
        if not path.exists():
            return Holdings(path, problem="The folder is not there.")
        if not database.is_file():
            return Holdings(path, problem="There is no workspace in this folder.")
        if not os.access(database, os.R_OK):
            return Holdings(path, problem="There is no permission to read it.")
        with closing(connections.connect(database, is_read_only=True)) as connection:
            return _counted(Holdings(path), connection)
    except PermissionError:
        return Holdings(path, problem="There is no permission to open the folder.")
    except (OSError, ValueError) as error:
        return Holdings(path, problem=f"The folder cannot be opened: {error}.")
    except WorkspaceError as error:
        return Holdings(path, problem=error.message)
    except sqlite3.Error:  # A table is missing.
        return Holdings(path, problem="Another version of Peakid wrote it. Opening it says more.")


def sources(connection: sqlite3.Connection) -> set[str]:
    """Return the kinds of places that the images of a workspace came from."""
    rows = connection.execute("SELECT DISTINCT source FROM acquisition WHERE n_added > 0").fetchall()
    return {row["source"] for row in rows}


def _counted(found: Holdings, connection: connections.Connection) -> Holdings:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    n_images = connection.execute("SELECT COALESCE(SUM(n), 0) FROM state_count").fetchone()[0]
    n_classes = connection.execute("SELECT COUNT(*) FROM class WHERE is_retired = 0").fetchone()[0]
    found = replace(
        found,
        n_images=n_images,
        n_classes=n_classes,
        is_demo=sources(connection) == {"demo"} and n_images > 0,
    )
    run = connection.execute(
        "SELECT *, json_extract(recipe, '$.folds') AS folds FROM run"
        " WHERE state = 'done' AND snapshot_id IN (SELECT id FROM snapshot WHERE frozen_at <> '')"
        " ORDER BY id DESC LIMIT 1"
    ).fetchone()
    # An earlier version has no such column.
    kept = run_rows.score(run["score"]) if run and "score" in run.keys() else None  # noqa: SIM118
    if run and kept:
        measured = {"accuracy": kept.accuracy, "accuracy_interval": kept.interval, "n_scored": kept.n_images}
        return replace(found, run_id=run["id"], **measured)
    accuracy = _accuracy(run["metrics"]) if run else None
    if accuracy is None:
        return found
    n_scored = connection.execute(
        "SELECT COUNT(*) FROM snapshot_item WHERE snapshot_id = ? AND (? OR split = 'valid')",
        (run["snapshot_id"], bool(run["folds"])),
    ).fetchone()[0]
    return replace(found, run_id=run["id"], accuracy=accuracy, n_scored=n_scored)


def _accuracy(text: str) -> float | None:
    try:
        value = json.loads(text).get("accuracy")
    except (ValueError, AttributeError):
        return None
    return value if isinstance(value, float | int) and 0 <= value <= 1 else None

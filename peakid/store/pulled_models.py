"""Models pulled from a hub: no run of this workspace made them, and nothing here proved what they predict."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peakid import paths
from peakid.errors import NotFound
from peakid.store.workspace import Workspace, now

PREFIX = "hub:"  # Before the name of a repository, where a command takes an export.


@dataclass(frozen=True)
class ModelFile:
    """One file, as it was pulled."""

    name: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True)
class PulledModel:
    """One revision of a repository, as it was pulled.

    Attributes:
        path: Its folder, absolute.
        class_names: According to its card; they need not be classes of the workspace.
        n_golden: Drawn pictures for which it answered here as where it was made; 0 = it came without.
        golden_difference: The largest difference of a probability among them, 0..1.
    """

    model_id: int
    endpoint: str
    repository: str
    revision: str
    url: str
    path: str
    files: tuple[ModelFile, ...]
    class_names: tuple[str, ...]
    n_golden: int
    golden_difference: float
    actor: str
    pulled_at: str


def add(
    workspace: Workspace,
    *,
    endpoint: str,
    repository: str,
    revision: str,
    url: str,
    folder: Path,
    files: Sequence[ModelFile],
    class_names: Sequence[str],
    n_golden: int = 0,
    golden_difference: float = 0.0,
    actor: str,
) -> PulledModel:
    """Record a pulled model, in place of an earlier pull of the same revision.

    Args:
        folder: In the workspace.
    """
    path = folder.relative_to(workspace.path).as_posix()
    listed = [{"name": each.name, "sha256": each.sha256, "bytes": each.n_bytes} for each in files]
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM pulled_model WHERE path = ?", (path,))
        cursor = connection.execute(
            "INSERT INTO pulled_model (endpoint, repository, revision, url, path, files, class_names,"
            " n_golden, golden_difference, actor, pulled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(endpoint, repository, revision, url, path),
                *(json.dumps(listed), json.dumps(list(class_names), ensure_ascii=False)),
                *(n_golden, golden_difference, actor, now()),
            ),
        )
    row = workspace.one("SELECT * FROM pulled_model WHERE id = ?", (int(cursor.lastrowid or 0),))
    if row is None:
        raise NotFound(f"The model {repository} was removed while it was pulled.", "Pull it again.")
    return _model(workspace, row)


def list_models(workspace: Workspace) -> list[PulledModel]:
    """List the pulled models, newest first."""
    return [_model(workspace, row) for row in workspace.query("SELECT * FROM pulled_model ORDER BY id DESC")]


def find(workspace: Workspace, repository: str) -> PulledModel:
    """Return the newest pull of a repository.

    Raises:
        NotFound: If it was not pulled. The remedy lists those that were.
    """
    models = list_models(workspace)
    found = next((each for each in models if each.repository == repository), None)
    if found is None:
        names = sorted({each.repository for each in models})
        remedy = f"There are: {', '.join(names[:10])}." if names else "Pull it first."
        raise NotFound(f"The model {repository!r} was not pulled into this workspace.", remedy)
    return found


def _model(workspace: Workspace, row: sqlite3.Row) -> PulledModel:
    listed = json.loads(row["files"])
    return PulledModel(
        model_id=row["id"],
        endpoint=row["endpoint"],
        repository=row["repository"],
        revision=row["revision"],
        url=row["url"],
        path=str(paths.inside(workspace.path, row["path"])),
        files=tuple(ModelFile(each["name"], each["sha256"], each["bytes"]) for each in listed),
        class_names=tuple(json.loads(row["class_names"])),
        n_golden=row["n_golden"],
        golden_difference=row["golden_difference"],
        actor=row["actor"],
        pulled_at=row["pulled_at"],
    )

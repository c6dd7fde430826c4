"""Remove what can be made again from a workspace, and on request what only a resume or an import needs.

Nothing that a running or waiting job uses is touched.
"""

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peakid import files, near_names, paths
from peakid.errors import BadInput, WorkspaceInUse
from peakid.keep import disk_space
from peakid.keep.disk_space import ON_REQUEST, REMAKABLE, Space, SpaceKind
from peakid.recipe import run_files
from peakid.records import Report, no_report
from peakid.store import activity, database_errors, images
from peakid.store.workspace import Workspace

KINDS: tuple[SpaceKind, ...] = (*REMAKABLE, *ON_REQUEST)
IN_THE_MAKING_S = 60.0  # A younger file may still be written, by a page for example.


@dataclass(frozen=True)
class Cleaning:
    """What a cleaning removes, or would remove, and what it leaves. A kind without files is left out.

    Attributes:
        kept: Files of the chosen kinds that jobs use, or that could not be made again or removed.
        on_request: Further kinds, which are removed only if they are named.
        is_dry_run: Nothing was removed.
    """

    removed: tuple[Space, ...]
    kept: tuple[Space, ...]
    on_request: tuple[Space, ...]
    is_dry_run: bool

    @property
    def n_bytes(self) -> int:
        """The size of what is removed."""
        return sum(each.n_bytes for each in self.removed)


@dataclass(frozen=True)
class _Use:
    """What jobs use: whether any is running, the running and waiting ones, their runs and their files."""

    is_any_running: bool
    jobs: frozenset[str]
    runs: frozenset[str]
    files: frozenset[str]


def plan(workspace: Workspace, kinds: Sequence[str] = ()) -> Cleaning:
    """Return what `clean` would remove; arguments and errors as there."""
    return _cleaned(workspace, _checked(kinds), report=no_report, is_dry_run=True)


def clean(workspace: Workspace, kinds: Sequence[str] = (), *, report: Report = no_report) -> Cleaning:
    """Remove files by kind. While they are removed, no job starts.

    Args:
        kinds: Of `KINDS`; none stands for all that can be made again (`REMAKABLE`).

    Raises:
        BadInput: If there is no such kind.
        WorkspaceNotWritable: If the workspace can only be read.
    """
    if workspace.is_read_only:
        raise database_errors.read_only(workspace.path)
    return _cleaned(workspace, _checked(kinds), report=report, is_dry_run=False)


def _checked(kinds: Sequence[str]) -> list[SpaceKind]:
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        remedy = near_names.remedy(unknown[0], KINDS, f"Choose from {', '.join(KINDS)}.")
        raise BadInput(f"There is nothing of the kind {unknown[0]!r}.", remedy)
    return [kind for kind in KINDS if kind in (kinds or REMAKABLE)]


def _cleaned(
    workspace: Workspace, kinds: Sequence[SpaceKind], *, report: Report, is_dry_run: bool
) -> Cleaning:
    removed, kept = [], []
    with _use(workspace) as use:
        for step, kind in enumerate(kinds, start=1):
            free, used = _divided(workspace, kind, use, is_dry_run=is_dry_run)
            removed += [free] if free.n_files else []
            kept += [used] if used.n_files else []
            report("Cleaning", step, len(kinds), disk_space.TITLES[kind])
    others = [
        disk_space.space_of(kind, disk_space.files_of(workspace, kind))
        for kind in ON_REQUEST
        if kind not in kinds
    ]
    return Cleaning(tuple(removed), tuple(kept), tuple(each for each in others if each.n_files), is_dry_run)


def _divided(workspace: Workspace, kind: SpaceKind, use: _Use, *, is_dry_run: bool) -> tuple[Space, Space]:
    """Return the size of what is removed of a kind, and of what stays."""
    free, used = [], []
    for part, is_free in _parts(workspace, kind, use):
        space = disk_space.space_of(kind, disk_space.below(part) if part.is_dir() else [part])
        is_removed = is_free and (is_dry_run or _is_removed(part))
        (free if is_removed else used).append(space)
    return disk_space.total(kind, free), disk_space.total(kind, used)


def _parts(workspace: Workspace, kind: SpaceKind, use: _Use) -> Iterator[tuple[Path, bool]]:
    """Yield the files and folders of a kind, each with whether it can be removed."""
    match kind:
        case "pixels":
            for part in disk_space.caches(workspace):
                yield part, not (files.is_used(part) if part.is_dir() else use.is_any_running)
        case "previews":
            for part in sorted(disk_space.previews_dir(workspace).glob("*")):
                yield part, part.name not in use.jobs
        case "uploads":
            for part in sorted(workspace.uploads_dir.glob("*")):
                is_read = any(paths.is_below(Path(each), part) or each == str(part) for each in use.files)
                yield part, not is_read and _is_old(part)
        case _:
            for part in list(disk_space.files_of(workspace, kind)):
                yield part, _is_free(workspace, kind, part, use)


def _is_free(workspace: Workspace, kind: SpaceKind, file: Path, use: _Use) -> bool:
    match kind:
        case "thumbnails":
            return not use.is_any_running and _can_be_drawn(workspace, file.stem)
        case "unfinished":
            return not use.is_any_running and _is_old(file)
        case "embeddings":
            return not use.is_any_running
        case "checkpoints":
            return file.relative_to(workspace.runs_dir).parts[0] not in use.runs
        case _:
            return True


def _can_be_drawn(workspace: Workspace, digest: str) -> bool:
    """Return whether a thumbnail can be drawn again: not if it is all that is left of its image."""
    return not paths.is_digest(digest) or images.has_bytes(workspace, digest)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > IN_THE_MAKING_S
    except OSError:
        return False


def _is_removed(part: Path) -> bool:
    """Remove a file or a folder; return whether it is gone."""
    if part.is_dir():
        return files.remove_unless_used(part)
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)
        if part.parent.name.startswith(run_files.FOLD):
            part.parent.rmdir()  # It raises as long as it has other files.
    return not part.exists()


@contextlib.contextmanager
def _use(workspace: Workspace) -> Generator[_Use]:
    """Yield what jobs use, and let none start meanwhile; one that waits is started afterwards."""
    with contextlib.ExitStack() as stack:
        is_any_running = False
        try:
            if not workspace.is_read_only:
                stack.enter_context(activity.excluded(workspace.path))
        except WorkspaceInUse:
            is_any_running = True
        rows = workspace.query(
            "SELECT job.id, run.id AS run_id, json_extract(job.arguments, '$.path') AS path FROM job"
            " LEFT JOIN run ON run.job_id = job.id WHERE job.state IN ('queued', 'running')"
        )
        yield _Use(
            is_any_running,
            jobs=frozenset(str(row["id"]) for row in rows),
            runs=frozenset(str(row["run_id"]) for row in rows if row["run_id"] is not None),
            files=frozenset(row["path"] for row in rows if row["path"]),
        )

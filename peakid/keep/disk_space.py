"""What of a workspace can be made again or serves only a resume, by kind, with its size."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from peakid import files
from peakid.recipe import run_files
from peakid.store import checkpoints, runs
from peakid.store.workspace import DATABASE_NAME, FOLDERS, Workspace

SpaceKind = Literal[
    "pixels",            # Images decoded for training, and other caches.
    "previews",          # Images as a model receives them, drawn by an estimate.
    "embeddings",        # Feature vectors of images.
    "thumbnails",        # Of images whose bytes are there.
    "used_checkpoints",  # Of runs that ended and will not continue.
    "unfinished",        # What killed processes left of files that they were writing.
    "checkpoints",       # Of runs that a resumed job continues.
    "uploads",           # Uploaded files that no import has read to its end.
    "old_databases",     # Copies of the database from before an update of Peakid.
    "others",            # Further files in the folder, such as the drawings of the demo.
]  # fmt: skip

REMAKABLE: tuple[SpaceKind, ...] = ("pixels", "previews", "thumbnails", "used_checkpoints", "unfinished")
"""Removed unless other kinds are named: nothing is lost with them but time."""

ON_REQUEST: tuple[SpaceKind, ...] = ("embeddings", "checkpoints", "uploads", "old_databases")
"""Removed only if they are named."""

TITLES: Mapping[SpaceKind, str] = {
    "pixels": "images decoded for training",
    "previews": "images drawn by estimates",
    "embeddings": "embeddings of images",
    "thumbnails": "thumbnails",
    "used_checkpoints": "checkpoints of runs that ended",
    "unfinished": "halves of files",
    "checkpoints": "checkpoints of interrupted runs",
    "uploads": "uploaded files",
    "old_databases": "copies of the database from before an update",
    "others": "other files in its folder",
}

_OLD_DATABASES = "backups"
_OWN_FILES = (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm", "forgotten.txt")


@dataclass(frozen=True)
class Space:
    """The disk space of one kind of files."""

    kind: SpaceKind
    n_files: int
    n_bytes: int

    def text(self) -> str:
        """Return it for people: `thumbnails (86 files, 1.1 MB)`."""
        n = "1 file" if self.n_files == 1 else f"{self.n_files:,} files"
        return f"{TITLES[self.kind]} ({n}, {size_text(self.n_bytes)})"


def size_text(n_bytes: int) -> str:
    """Return a size in MB, as a backup states its own."""
    return f"{n_bytes / 2**20:,.1f} MB"


def measure(workspace: Workspace) -> list[Space]:
    """Return the size of every kind of files that a backup leaves out, without those that have none."""
    found = (space_of(kind, files_of(workspace, kind)) for kind in get_args(SpaceKind))
    return [each for each in found if each.n_files]


def space_of(kind: SpaceKind, paths: Iterable[Path]) -> Space:
    """Return the number and the size of files; one that is removed meanwhile does not count."""
    n_files = n_bytes = 0
    for path in paths:
        size = files.size_of(path)
        if size is not None:
            n_files, n_bytes = n_files + 1, n_bytes + size
    return Space(kind, n_files, n_bytes)


def total(kind: SpaceKind, spaces: Sequence[Space]) -> Space:
    """Return the sum of several parts of one kind."""
    return Space(kind, sum(each.n_files for each in spaces), sum(each.n_bytes for each in spaces))


def files_of(workspace: Workspace, kind: SpaceKind) -> Iterator[Path]:
    """Yield the files of one kind. No link is followed, and no file is of two kinds."""
    path = workspace.path
    match kind:
        case "pixels":
            for each in caches(workspace):
                yield from below(each) if each.is_dir() else [each]
        case "previews":
            yield from below(previews_dir(workspace))
        case "thumbnails":
            yield from (each for each in below(workspace.thumbs_dir) if not is_unfinished(each))
        case "embeddings":
            yield from below(workspace.embeddings_dir)
        case "used_checkpoints":
            for run_id in checkpoints.of_no_use(workspace):
                yield from checkpoints.files_of(workspace, run_id)
        case "unfinished":
            for folder in (workspace.images_dir, workspace.thumbs_dir, workspace.exports_dir):
                yield from filter(is_unfinished, below(folder))
        case "checkpoints":
            useless = {str(run_id) for run_id in checkpoints.of_no_use(workspace)}
            yield from _checkpoints(workspace, useless)
        case "uploads":
            yield from below(workspace.uploads_dir)
        case "old_databases":
            yield from below(path / _OLD_DATABASES)
        case "others":
            yield from _others(path)


def caches(workspace: Workspace) -> list[Path]:
    """Return the files and folders in the cache, without previews and uploads."""
    others = (workspace.uploads_dir, previews_dir(workspace))
    return sorted(
        each for each in workspace.cache_dir.glob("*") if not each.is_symlink() and each not in others
    )


def previews_dir(workspace: Workspace) -> Path:
    """Return the folder with a folder of images for each estimate."""
    return runs.seen_folder(workspace, 0).parent


def is_unfinished(path: Path) -> bool:
    """Return whether a file has the name of one that is being written, or is in such a folder."""
    return any(
        part.startswith(".") and part.endswith((".part", ".partial"))
        for part in (path.name, path.parent.name)
    )


def _checkpoints(workspace: Workspace, but: set[str]) -> Iterator[Path]:
    for path in below(workspace.runs_dir):
        inside = path.relative_to(workspace.runs_dir)
        is_of_run = len(inside.parts) > 1 and inside.parts[0] not in but
        if is_of_run and run_files.is_checkpoint(inside.relative_to(inside.parts[0])):
            yield path


def _others(path: Path) -> Iterator[Path]:
    for each in sorted(path.iterdir()):
        if each.name in (*FOLDERS, _OLD_DATABASES, *_OWN_FILES) or each.name.startswith("."):
            continue
        if each.is_dir() and not each.is_symlink():
            yield from below(each)
        elif each.is_file() and not each.is_symlink():
            yield each


def below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in their order, without links."""
    for place, names, found in os.walk(folder):
        names.sort()
        for name in sorted(found):
            file = Path(place, name)
            if file.is_file() and not file.is_symlink():
                yield file

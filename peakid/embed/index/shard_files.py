"""Where the shards of an index are, which of them are intact, and which rows of the embeddings they have.

Shard `n` has the rows from `n * SHARD_ROWS` on. Rows of embeddings are only appended, so that a full shard is
never built again. The name of a file has its number of rows and its checksum; the name of the folder has the
file of embeddings, the form of the shards and the version of usearch. What does not fit is not read.
"""

import importlib.metadata
import importlib.util
import re
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

from peakid.embed import stored
from peakid.errors import ExtraMissing
from peakid.store.workspace import Workspace

SHARD_ROWS = 100_000  # 15 to 60 s to build, which is what a killed job loses.
FORMAT = 1  # Another number where shards are made in another way.
SUFFIX = ".usearch"
REDUCTION_FILE = "components.npz"
_NAME = re.compile(r"(\d{5})-(\d+)-([0-9a-f]{8})\.usearch")
_BLOCK = 1 << 22  # Bytes read at once for a checksum.


@dataclass(frozen=True)
class Shard:
    """One file of an index.

    Attributes:
        n_rows: Rows of the embeddings that it has been given, from the first row of the shard on.
        checksum: CRC-32 of the file, in hexadecimal.
    """

    number: int
    n_rows: int
    checksum: str
    file: Path

    @property
    def first_row(self) -> int:
        return self.number * SHARD_ROWS


def is_installed() -> bool:
    """Return whether the package for indexes is installed, without importing it."""
    return importlib.util.find_spec("usearch") is not None


def refuse_without_usearch() -> None:
    """Say how to get the package where it is not installed.

    Raises:
        ExtraMissing: If it is not.
    """
    if not is_installed():
        raise ExtraMissing(
            "An index of neighbours needs the package usearch, which is not installed.",
            'Install it with: pip install "peakid[millions]". Without it every search compares all'
            " embeddings.",
        )


def folder(workspace: Workspace, set_id: int) -> Path:
    """Return the folder of the index of a set of embeddings as they are stored now."""
    version = ".".join(importlib.metadata.version("usearch").split(".")[:2]) if is_installed() else "none"
    return _root(workspace) / f"{stored.file_of(workspace, set_id).stem}-{FORMAT}-usearch{version}"


def shards(folder: Path) -> dict[int, Shard]:
    """Return the shards of a folder by number, as their names say; of several, the one with most rows."""
    found: dict[int, Shard] = {}
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        if match := _NAME.fullmatch(file.name):
            each = Shard(int(match[1]), int(match[2]), match[3], file)
            if each.number not in found or found[each.number].n_rows < each.n_rows:
                found[each.number] = each
    return found


def is_intact(shard: Shard) -> bool:
    """Return whether a file has the content that it was written with: it is mapped into memory unread."""
    try:
        return checksum(shard.file) == shard.checksum
    except OSError:
        return False


def keep(folder: Path, unfinished: Path, number: int, n_rows: int) -> Shard:
    """Give a file that was written under another name its name, in place of earlier files of the shard."""
    found = checksum(unfinished)
    file = folder / f"{number:05}-{n_rows}-{found}{SUFFIX}"
    unfinished.replace(file)
    for each in folder.glob(f"{number:05}-*{SUFFIX}"):
        if each != file:
            each.unlink(missing_ok=True)
    return Shard(number, n_rows, found, file)


def checksum(file: Path) -> str:
    """Return the CRC-32 of a file, in hexadecimal."""
    found = 0
    with file.open("rb") as opened:
        while part := opened.read(_BLOCK):
            found = zlib.crc32(part, found)
    return f"{found:08x}"


def remove_others(workspace: Workspace, folder: Path) -> None:
    """Delete the indexes of embeddings that are gone and of other versions."""
    known = {stored.file_of(workspace, each.set_id).stem for each in stored.sets(workspace)}
    for each in _root(workspace).glob("*"):
        is_current = each.name.rpartition(f"-{FORMAT}-")[0] in known and each.suffix == folder.suffix
        if each != folder and not is_current:
            shutil.rmtree(each, ignore_errors=True)


def remove_image(workspace: Workspace, digest: str) -> None:
    """Delete the shards that have an image, in every version. Call it before its rows are deleted."""
    found = workspace.query(
        "SELECT e.row, t.file FROM embedding e JOIN embedding_set t ON t.id = e.set_id"
        " JOIN image i ON i.id = e.image_id WHERE i.digest = ?",
        (digest,),
    )
    for each in found:
        for folder in _root(workspace).glob(f"{Path(each['file']).stem}-*"):
            for file in folder.glob(f"{each['row'] // SHARD_ROWS:05}-*{SUFFIX}"):
                file.unlink(missing_ok=True)


def _root(workspace: Workspace) -> Path:
    return stored.folder(workspace) / "index"

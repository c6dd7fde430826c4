"""Read photos that are packed in a tar archive or in a column of a Parquet file, in any process."""

import functools
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from peakid import settings
from peakid.acquire.tables.sheet import unreadable
from peakid.errors import UnreadableImage
from peakid.files import open_regular

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

MAX_FILE_BYTES = 50 * 2**30
MAX_MEMBERS = 1_000_000
MAX_GROUP_BYTES = 2**30  # Of the photos in one row group, unpacked.
_TAR_DAMAGE = (tarfile.TarError, EOFError, ValueError, OverflowError)


@runtime_checkable
class Reader(Protocol):
    """Returns the bytes of a packed photo; `path` is that of its archive with its name."""

    @property
    def path(self) -> str: ...
    def __call__(self) -> bytes: ...


@dataclass(frozen=True)
class _TarMember:
    path: str
    file: Path
    version: tuple[int, int]  # Detects that the archive was replaced.
    start: int
    n_bytes: int

    def __call__(self) -> bytes:
        with open_regular(self.file, MAX_FILE_BYTES) as data:
            if _version(self.file) != self.version:
                raise UnreadableImage("missing_file", "its archive was replaced meanwhile")
            data.seek(self.start)
            return data.read(min(self.n_bytes, settings.current().max_image_bytes + 1))


@dataclass(frozen=True)
class _TableCell:
    path: str
    file: Path
    version: tuple[int, int]
    column: str
    group: int
    row: int

    def __call__(self) -> bytes:
        from pyarrow import ArrowException

        # pyarrow reports damage with any of these.
        damage = (ArrowException, OSError, ValueError, OverflowError, TypeError, LookupError)
        try:
            value = _photos(self.file, self.version, self.column, self.group)[self.row].as_py()
        except damage as error:
            raise UnreadableImage("unreadable", f"damaged in its table: {error}") from error
        if not isinstance(value, bytes):
            raise UnreadableImage("missing_file", "its row has no photo")
        return value


def of_tar(root: Path, path: str, suffixes: Sequence[str]) -> Mapping[str | int, Reader]:
    """Return the photos of an uncompressed tar archive by their names without suffix.

    Raises:
        BadInput: If it is damaged, or has more members than are read.
    """
    file, found = root / path, {}
    version = _version(file)
    try:
        with open_regular(file, MAX_FILE_BYTES) as data, tarfile.open(fileobj=data, mode="r:") as archive:
            for n, member in enumerate(archive):
                stem, _, suffix = member.name.removeprefix("./").rpartition(".")
                if n >= MAX_MEMBERS:
                    raise unreadable(path, f"it has more than {MAX_MEMBERS:,} members")
                if member.isreg() and not member.issparse() and suffix.lower() in suffixes:
                    name = f"{path}/{member.name}"
                    found[stem] = _TarMember(name, file, version, member.offset_data, member.size)
    except _TAR_DAMAGE as error:
        raise unreadable(path, str(error), "Let img2dataset write it again.") from error
    return found


def of_table(root: Path, path: str, suffixes: Sequence[str]) -> Mapping[str | int, Reader]:
    """Return the photos in the column of a Parquet file that has a suffix as its name, by row from 0."""
    from pyarrow import parquet

    file = root / path
    opened = parquet.ParquetFile(file)
    column = next((each for each in suffixes if each in opened.schema_arrow.names), None)
    if column is None:
        return {}
    found, version = {}, _version(file)
    for group in range(opened.metadata.num_row_groups):
        start = len(found)
        for row in range(opened.metadata.row_group(group).num_rows):
            found[start + row] = _TableCell(
                f"{path}/{start + row}.{column}", file, version, column, group, row
            )
    return found


@functools.lru_cache(maxsize=1)
def _photos(file: Path, version: tuple[int, int], column: str, group: int) -> "ChunkedArray":
    from pyarrow import parquet

    opened = parquet.ParquetFile(file)
    at = opened.schema_arrow.names.index(column)
    n_bytes = opened.metadata.row_group(group).column(at).total_uncompressed_size
    if _version(file) != version or n_bytes > MAX_GROUP_BYTES:
        raise ValueError("it was replaced meanwhile, or its row group is too large")
    return opened.read_row_group(group, columns=[column]).column(0)


def _version(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size

"""Read Parquet files, column by column: other columns may hold the images themselves."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, BinaryIO

from peakid.acquire.tables.sheet import Cells, Sheet, unreadable
from peakid.errors import ExtraMissing

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

START = b"PAR1"
MAX_ROWS = 5_000_000  # A kilobyte of Parquet may repeat one value a thousand million times.
MAX_GROUP_BYTES = 2**30  # Of the columns that are read, unpacked.
_BATCH_ROWS = 10_000


def read(name: str, file: BinaryIO) -> Sheet:
    """Read the columns of a Parquet file now, and its rows when they are asked for.

    Raises:
        BadInput: If it is damaged; also while rows are read.
        ExtraMissing: If pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ExtraMissing(
            f"{name} is a Parquet file; reading it needs the package pyarrow.",
            "Install it with: pip install pyarrow",
        ) from error
    # pyarrow reports damage with any of these.
    damage = (ArrowException, OSError, ValueError, OverflowError, ArithmeticError, TypeError, KeyError)
    try:
        opened = parquet.ParquetFile(file)
        columns = tuple(opened.schema_arrow.names)
    except damage as error:
        raise unreadable(name, _line(error)) from error
    if opened.metadata.num_rows > MAX_ROWS:
        why = f"it has {opened.metadata.num_rows:,} rows, over the limit of {MAX_ROWS:,}"
        raise unreadable(name, why, "Split it into several files.")

    def rows(wanted: Collection[str]) -> Iterator[Cells]:
        read = [column for column in dict.fromkeys(columns) if column in wanted]
        at = 0
        if (n_bytes := _largest_group(opened.metadata, read)) > MAX_GROUP_BYTES:
            why = f"its columns unpack to {n_bytes:,} bytes at once, over the limit of {MAX_GROUP_BYTES:,}"
            raise unreadable(name, why, "Write it with smaller row groups.")
        try:
            for batch in opened.iter_batches(_BATCH_ROWS, columns=read):
                values = {column: batch.column(column).to_pylist() for column in read}
                for n in range(batch.num_rows):
                    at += 1
                    yield Cells(f"row {at}", tuple(values[c][n] if c in values else None for c in columns))
        except damage as error:
            raise unreadable(name, _line(error)) from error

    return Sheet(columns, rows)


def _largest_group(metadata: "FileMetaData", columns: Collection[str]) -> int:
    """Return the most bytes that the columns take, unpacked, in one row group."""
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    sizes = (
        sum(
            each.total_uncompressed_size
            for each in (group.column(n) for n in range(group.num_columns))
            if any(f"{each.path_in_schema}.".startswith(f"{name}.") for name in columns)
        )
        for group in groups
    )
    return max(sizes, default=0)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")

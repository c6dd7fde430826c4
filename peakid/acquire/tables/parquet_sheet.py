"""Read Parquet files, column by column: other columns may hold the images themselves."""

from collections.abc import Collection, Iterator
from typing import BinaryIO

from peakid.acquire.tables.sheet import Cells, Sheet, unreadable
from peakid.errors import ExtraMissing

START = b"PAR1"
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

    def rows(wanted: Collection[str]) -> Iterator[Cells]:
        read = [column for column in dict.fromkeys(columns) if column in wanted]
        at = 0
        try:
            for batch in opened.iter_batches(_BATCH_ROWS, columns=read):
                values = {column: batch.column(column).to_pylist() for column in read}
                for n in range(batch.num_rows):
                    at += 1
                    yield Cells(f"row {at}", tuple(values[c][n] if c in values else None for c in columns))
        except damage as error:
            raise unreadable(name, _line(error)) from error

    return Sheet(columns, rows)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")

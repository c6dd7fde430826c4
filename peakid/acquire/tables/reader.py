"""Read the bytes of a table of any format."""

import io
from typing import BinaryIO

from peakid.acquire.tables import delimited, json_sheet, label_files, parquet_sheet
from peakid.acquire.tables.encoding import decoded
from peakid.acquire.tables.sheet import Sheet, unreadable

MAX_TEXT_BYTES = 256 * 2**20
_START_BYTES = 1000


def read(name: str, file: BinaryIO) -> Sheet:
    """Read a CSV file, JSON lines, a JSON document of labels, or a Parquet file, by its content.

    Args:
        name: How errors call the table; its suffix tells JSON lines.
        file: Opened for reading, with `seek`. Rows of a Parquet file are read from it later.

    Raises:
        BadInput: If it is not a table, is damaged as a whole, or is larger than the limit.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
        OSError: If it cannot be read.
    """
    start = file.read(_START_BYTES)
    file.seek(0)
    if start.startswith(parquet_sheet.START):
        return parquet_sheet.read(name, file)
    if (error := label_files.unread_format(name, start)) is not None:
        raise error
    data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        remedy = "Split it into several files, or save it as Parquet."
        raise unreadable(name, f"it has more than {MAX_TEXT_BYTES:,} bytes", remedy)
    text = decoded(data)
    return json_sheet.read(name, text) if json_sheet.is_json(name, text) else delimited.read(name, text)


def read_bytes(name: str, data: bytes) -> Sheet:
    """Read a table that is in memory; see `read`."""
    return read(name, io.BytesIO(data))

"""Read the bytes of a table of any format."""

import io
import os
from typing import BinaryIO

from peakid.acquire.tables import delimited, json_sheet, label_files, parquet_sheet
from peakid.acquire.tables.encoding import decoded
from peakid.acquire.tables.sheet import Sheet, unreadable

MAX_TEXT_BYTES = 128 * 2**20  # A million rows; reading them takes about ten times as much memory.
HEAD_BYTES = 2**20
_START_BYTES = 1000


def read(name: str, file: BinaryIO, *, is_head_enough: bool = False) -> Sheet:
    """Read a CSV file, JSON lines, a JSON document of labels, or a Parquet file, by its content.

    Args:
        name: How errors call the table; its suffix tells JSON lines.
        file: Opened for reading, with `seek`. Rows of a Parquet file are read from it later.
        is_head_enough: Read only the first lines, as a preview needs them.

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
    if is_head_enough and (text := _head(file)) and not json_sheet.is_document(name, text):
        return _sheet(name, text)
    if file.seek(0, os.SEEK_END) > MAX_TEXT_BYTES:
        remedy = "Split it into several files, or save it as Parquet."
        raise unreadable(name, f"it has more than {MAX_TEXT_BYTES:,} bytes", remedy)
    file.seek(0)
    return _sheet(name, decoded(file.read(MAX_TEXT_BYTES)))


def read_bytes(name: str, data: bytes) -> Sheet:
    """Read a table that is in memory; see `read`."""
    return read(name, io.BytesIO(data))


def _head(file: BinaryIO) -> str:
    """Return the first lines of a file that is longer than that, '' for any other file."""
    data = file.read(HEAD_BYTES + 1)
    return decoded(data[:HEAD_BYTES]).rpartition("\n")[0] if len(data) > HEAD_BYTES else ""


def _sheet(name: str, text: str) -> Sheet:
    return json_sheet.read(name, text) if json_sheet.is_json(name, text) else delimited.read(name, text)

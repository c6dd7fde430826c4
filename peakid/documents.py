"""Read JSON and TOML from files that may be damaged, enormous, hostile, or no files at all."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from peakid import files, printable

Document = TypeVar("Document")

MAX_BYTES = 16 * 2**20  # A card of 1,000 classes has 30 KB.
MAX_SHOWN_CHARS = 60  # Of a value in a message.
MAX_PATH_CHARS = 300  # Of a path in a message, which must be whole to be of use.


class UnreadableDocument(ValueError):
    """A document that cannot be read. `str(error)` is the reason, in words that can follow a colon."""


class Problem(NamedTuple):
    """What does not fit in a document: where, the value there as short text, and why."""

    key: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value} does not fit: {self.reason}"


def read_json(file: Path, *, limit: int = MAX_BYTES) -> object:
    """Read a JSON file.

    Raises:
        FileNotFoundError: If there is none.
        UnreadableDocument: If it is not a regular file of at most `limit` bytes, or not JSON.
    """
    return _parsed(file, limit, "JSON", json.loads)


def read_toml(file: Path, *, limit: int = MAX_BYTES) -> dict[str, object]:
    """Read a TOML file.

    Raises:
        FileNotFoundError: If there is none.
        UnreadableDocument: If it is not a regular file of at most `limit` bytes, or not TOML.
    """
    return _parsed(file, limit, "TOML", tomllib.loads)


def first_problem(error: ValidationError) -> Problem:
    """Return the first thing that pydantic found."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "the document"
    value = "nothing" if first["type"] == "missing" else shown(first["input"])
    return Problem(key, value, f"{first['msg'][:1].lower()}{first['msg'][1:]}")


def shown(value: object, *, max_chars: int = MAX_SHOWN_CHARS) -> str:
    """Return a value as text for a message, on one line and cut where it is long."""
    if isinstance(value, int) and abs(value) >= 10**MAX_SHOWN_CHARS:
        return (
            f"a number of {value.bit_length() * 3 // 10} digits or more"  # str() refuses over 4,300 digits.
        )
    if isinstance(value, list | dict) and len(value) > MAX_SHOWN_CHARS:
        return f"{len(value):,} values"
    try:
        text = str(value) if isinstance(value, str | int | float) else repr(value)
    except (RecursionError, ValueError):  # Lists in lists in lists, or a long number inside them.
        return "a deeply nested value"
    text = printable.line(text[: max_chars + 1])
    return text if len(text) <= max_chars else f"{text[: max_chars - 3]}..."


def shown_path(path: Path | str) -> str:
    """Return a path as text for a message, on one line and cut only where no file system could have it."""
    return shown(str(path), max_chars=MAX_PATH_CHARS)


def _parsed(file: Path, limit: int, kind: str, parse: Callable[[str], Document]) -> Document:
    try:
        return parse(files.read_regular(file, limit).decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableDocument(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableDocument(f"not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise UnreadableDocument(f"not usable {kind}: values are nested too deeply") from error
    except ValueError as error:  # Syntax, or a number of more than 4,300 digits.
        raise UnreadableDocument(f"not valid {kind}: {shown(str(error).partition(';')[0])}") from error

"""Read JSON lines and JSON documents: a list of objects, or a label file of another tool."""

import json
from collections.abc import Collection, Iterator, Sequence

from peakid import clean_text
from peakid.acquire.tables import label_files
from peakid.acquire.tables.sheet import Cells, Sheet, unreadable

LINES_SUFFIXES = (".jsonl", ".ndjson")
MAX_DOCUMENT_CHARACTERS = 32 * 2**20
MAX_VALUES = 10_000_000  # An empty object is two characters, and takes 64 bytes of memory.
_SHOWN = 40

# json instead of pandas.read_json: pandas makes a class 7 a 7.0 where another row has none, rounds large
# numbers, and cannot say which line is damaged. With pyarrow's reader one line of another type is an error
# for the whole file.


def is_json(name: str, text: str) -> bool:
    """Return whether a file is JSON, by its suffix or its first character."""
    suffixes = (*LINES_SUFFIXES, ".json")
    return name.lower().endswith(suffixes) or text.lstrip("\ufeff \t\n")[:1] in ("{", "[")


def is_document(name: str, text: str) -> bool:
    """Return whether a file is one JSON document, which can only be read as a whole."""
    is_lines = name.lower().endswith(LINES_SUFFIXES) or _is_lines(text.lstrip("\ufeff \t\n"))
    return is_json(name, text) and not is_lines


def read(name: str, text: str) -> Sheet:
    """Read JSON lines, where a line that is not an object has a problem, or a document.

    Raises:
        BadInput: If it is a document that is damaged, too large, or not one of labels.
    """
    if sum(map(text.count, "{[,\n")) > MAX_VALUES:
        raise unreadable(name, f"it has more than {MAX_VALUES:,} values", "Split it into several files.")
    text = text.lstrip("\ufeff")
    stripped = text.strip()
    if not is_document(name, text):
        return _of_lines(text)
    if len(stripped) > MAX_DOCUMENT_CHARACTERS:
        why = f"a JSON document of more than {MAX_DOCUMENT_CHARACTERS:,} characters"
        raise unreadable(name, why, "Write one JSON object per line.")
    document, problem = _parsed(stripped)
    if problem:
        raise unreadable(name, f"it {problem}", "Write a JSON list of objects, or one JSON object per line.")
    sheet = label_files.read(name, document)
    if sheet is not None:
        return sheet
    if isinstance(document, dict):
        return _sheet([("entry 1", *_as_object(document))])
    entries = document if isinstance(document, list) else [document]
    return _sheet([(f"entry {n}", *_as_object(entry)) for n, entry in enumerate(entries, start=1)])


def _is_lines(text: str) -> bool:
    """Return whether the first line is an object of its own, and not the whole file."""
    line, _, rest = text.partition("\n")
    return bool(rest) and line.startswith("{") and not _parsed(line)[1]


def _of_lines(text: str) -> Sheet:
    lines = ((n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip())
    return _sheet([(f"line {n}", *_as_object(*_parsed(line))) for n, line in lines])


def _parsed(text: str) -> tuple[object, str]:
    try:
        return json.loads(text), ""
    except RecursionError:
        return None, "is nested too deeply"
    except ValueError as error:
        return None, f"is not JSON: {error}"


def _as_object(value: object, problem: str = "") -> tuple[dict[str, object], str]:
    if problem:
        return {}, problem
    if isinstance(value, dict):
        # The name of a column is shown; half a surrogate pair cannot be.
        return {clean_text.clean_path(name): cell for name, cell in value.items()}, ""
    return {}, f"is not a JSON object: {json.dumps(value)[:_SHOWN]}"


def _sheet(entries: Sequence[tuple[str, dict[str, object], str]]) -> Sheet:
    columns = tuple(dict.fromkeys(name for _, cells, _ in entries for name in cells))

    def rows(wanted: Collection[str]) -> Iterator[Cells]:
        for place, cells, problem in entries:
            values = (cells.get(name) if name in wanted else None for name in columns)
            yield Cells(place, tuple(values), problem)

    return Sheet(columns, rows)

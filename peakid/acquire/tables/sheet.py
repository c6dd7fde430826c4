"""A table of any format: its columns, and rows of values with their places in the file."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from peakid import clean_text
from peakid.errors import BadInput

N_HEAD = 20  # Rows that are looked at to guess the meaning of a column.


@dataclass(frozen=True)
class Cells:
    """One row. A short row has fewer values than there are columns.

    Attributes:
        place: "line 2" in a text file, "row 1" in Parquet, "entry 1" in a JSON document.
        values: As the format has them: text, numbers, None, lists.
        problem: Why the row cannot be used; '' if it can.
    """

    place: str
    values: tuple[object, ...]
    problem: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table. `rows` reads it from its start; it need not read values of columns that are not named."""

    columns: tuple[str, ...]
    rows: Callable[[Collection[str]], Iterator[Cells]]

    def head(self, columns: Collection[str]) -> list[Cells]:
        """Return the first rows that can be used."""
        return list(islice((row for row in self.rows(columns) if not row.problem), N_HEAD))


def unreadable(name: str, why: str, remedy: str = "") -> BadInput:
    """Return the error for a file that is not a table."""
    return BadInput(
        f"{name} cannot be read as a table: {clean_text.clean_path(why)}.",
        remedy or "Give a CSV file with a header line, JSON lines, or a Parquet file.",
    )

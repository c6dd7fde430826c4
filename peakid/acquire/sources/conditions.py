"""Conditions on the cells of a table, such as `Height > 4000` or `Canton contains Valais`."""

import re
from dataclasses import dataclass
from typing import Literal, cast

from peakid.errors import BadInput

Operator = Literal[">", ">=", "<", "<=", "=", "!=", "contains"]

_CONDITION = re.compile(
    r"(?P<column>.+?)\s*(?P<operator>>=|<=|!=|>|<|=|\bcontains\b)\s*(?P<value>.+)\Z", re.I
)
_NUMBER = re.compile(
    r"(?P<sign>[-−–]?)(?P<digits>\d(?:[\d.,]|(?<=\d)['’\s\u00a0\u2009\u202f](?=\d{3}(?!\d)))*)\s*(?P<unit>[^\W\d_]+|′|″)?"
)
# Of English and others, which write 4,634.5; the rest write 4.634,5.
_POINT = frozenset(("en", "simple", "ja", "zh", "ko", "he", "th", "hi", "bn", "ta", "ur", "ms", "cy", "ga"))
_METRES = {"m": 1.0, "metres": 1.0, "meters": 1.0, "km": 1000.0, "ft": 0.3048, "feet": 0.3048, "mi": 1609.344}


@dataclass(frozen=True)
class Condition:
    """Attributes:
    value: A number, or a text for `=`, `!=` and `contains`.
    unit: Of the number, such as `ft`; '' = that of the cell.
    """

    column: str
    operator: Operator
    value: float | str
    unit: str = ""


def read(text: str, language: str = "en") -> Condition:
    """Return the condition that a text says.

    Raises:
        BadInput: If it says none, or compares the size of a text.
    """
    found = _CONDITION.match(text.strip())
    if not found:
        raise BadInput(
            f"{text[:80]!r} is no condition.", 'Write it like "Height > 4000" or "Canton contains Valais".'
        )
    operator: Operator = cast(Operator, found["operator"].lower())
    value = found["value"].strip().strip("\"'")
    number = _NUMBER.fullmatch(value)
    if operator == "contains" or (operator in ("=", "!=") and not number):
        return Condition(found["column"], operator, value)
    if not number:
        raise BadInput(
            f"{value[:40]!r} in {text[:80]!r} is not a number.", "Compare with a number, or use contains."
        )
    return Condition(found["column"], operator, _value(number, language), (number["unit"] or "").lower())


def number_in(cell: str, unit: str = "", language: str = "en") -> float | None:
    """Return the number that a cell begins with, or the one in a unit; None = it has none.

    Args:
        unit: A length is converted; for another unit, only a number with it counts.
        language: Says what a comma and a point mean.
    """
    found = [(_value(each, language), (each["unit"] or "").lower()) for each in _NUMBER.finditer(cell)]
    if not found:
        return None
    if not unit:
        return found[0][0]
    if (same := next((value for value, each in found if each == unit), None)) is not None:
        return same
    value, own = found[0]
    if not own:
        return value
    return value * _METRES[own] / _METRES[unit] if own in _METRES and unit in _METRES else None


def holds(condition: Condition, cell: str, language: str = "en") -> bool | None:
    """Return whether a cell fulfils a condition; None = it has no number to compare."""
    wanted = condition.value
    if isinstance(wanted, str):
        if condition.operator == "contains":
            return wanted.casefold() in cell.casefold()
        return (wanted.casefold() == cell.casefold()) == (condition.operator == "=")
    number = number_in(cell, condition.unit, language)
    if number is None:
        return None
    results: dict[Operator, bool] = {
        ">": number > wanted,
        ">=": number >= wanted,
        "<": number < wanted,
        "<=": number <= wanted,
        "=": number == wanted,
        "!=": number != wanted,
    }
    return results[condition.operator]


def _value(found: re.Match[str], language: str) -> float:
    """Return the value of a number as a language writes it.

    The last of two kinds of mark is the decimal one. A single kind separates thousands where it is the
    language's mark for that, or is repeated, and three digits follow.
    """
    digits = re.sub(r"['’\s\u00a0\u2009\u202f]", "", found["digits"]).rstrip(".,")
    decimal, thousands = (".", ",") if language in _POINT else (",", ".")
    marks = [each for each in digits if each in ".,"]
    if len(set(marks)) == 2:
        decimal, thousands = marks[-1], marks[0]
    elif marks and marks[0] == thousands and not re.fullmatch(r"\d{1,3}([.,]\d{3})+", digits):
        decimal, thousands = thousands, decimal
    elif len(marks) > 1:
        decimal, thousands = ("," if marks[0] == "." else "."), marks[0]
    text = digits.replace(thousands, "").replace(decimal, ".")
    try:
        number = float(text)
    except ValueError:  # Such as 1.2.3, a version or a date.
        number = float(re.split(r"\D", text)[0])
    return -number if found["sign"] == "-" or found["sign"] == "−" else number

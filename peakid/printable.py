"""Show text of others, such as file and class names, without obeying its control characters."""

import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

# Control characters of ASCII and Latin-1, halves of surrogate pairs, marks and overrides of the writing
# direction (Unicode 15, section 23.2), line and paragraph separators, and the byte order mark. Joiners and
# blanks stay: names are written with them.
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
# Hebrew, Syriac, Thaana, Arabic and their neighbours, and the right-to-left scripts above the first plane.
_RIGHT_TO_LEFT = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
# Words of one name. Names in a list stay apart, and so do the folders of a path.
_RUN = re.compile(f"[{_RIGHT_TO_LEFT}]+(?:[ \\d'_.\u200c\u200d-]+[{_RIGHT_TO_LEFT}]+)*")
LONGEST_REASON = 200  # Characters.
MOST_NAMED = 5  # Classes that one sentence names.
_ISOLATE, _END = "\u2068", "\u2069"
_IN_LINE = re.compile(f"[{_UNSAFE}]")
_IN_LINES = re.compile(f"(?!\n)[{_UNSAFE}]")
# Of shares in percent: what is within NEAR of 0 or 100, without being it, has a decimal, at least LEAST away.
NEAR, LEAST = 0.5, 0.1


def line(text: str) -> str:
    """Return a text as one line: every control character becomes its escape, such as `\\x1b`."""
    return _IN_LINE.sub(_escape, text)


def short(error: Exception) -> str:
    """Return the text of a library's error as one line of at most 200 characters; it may quote a file."""
    text = line(" ".join(str(error).split()))
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} ..."


def class_list(names: Sequence[str]) -> str:
    """Return classes as the subject of a sentence: `Class 'a'`, or `7 classes ('a', 'b' ... and 2 more)`."""
    if len(names) == 1:
        return f"Class {names[0]!r}"
    return f"{len(names):,} classes ({name_list(names)})"


def name_list(names: Sequence[str]) -> str:
    """Return quoted names, the first five of them: `'a', 'b', 'c', 'd', 'e' and 2 more`."""
    shown = ", ".join(repr(name) for name in names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else shown


def lines(text: str) -> str:
    """Return a text of several lines, in which only line breaks keep their effect."""
    return _IN_LINES.sub(_escape, text)


def json_text(text: str) -> str:
    """Return a JSON document with the same meaning, whose control characters are written as `\\u009b`."""
    return _IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def isolated(text: str) -> str:
    """Return a text whose right-to-left words keep to themselves (Unicode 15, UAX 9, isolates).

    Without, the digits and brackets after such a name are drawn before it: its count looks like part of it.
    A text without such words is returned unchanged.
    """
    return text if text.isascii() else _RUN.sub(lambda found: f"{_ISOLATE}{found[0]}{_END}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def percent(share: float, *, decimals: int = 0) -> str:
    """Return a share in 0..1 as `91 %`. Below 1 it never reads `100 %`, and above 0 never `0 %`."""
    return f"{percent_number(share, decimals=decimals)} %"


def percent_number(share: float, *, decimals: int = 0) -> str:
    """Return `percent` without its sign: `91`, but `99.7` and `0.3`, and at the ends `99.9` and `0.1`.

    Halves are rounded up, as in JavaScript and SQL: 5 of 8 are `63` everywhere.

    Args:
        share: A number, also of an array. It may be below 0, as a similarity, or NaN.
    """
    value = 100 * float(share)
    if 0 < value <= NEAR or 100 - NEAR <= value < 100:
        value, decimals = min(max(value, LEAST), 100 - LEAST), 1
    if not math.isfinite(value):
        return f"{value}"
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded:z}"  # Without the sign of a negative zero.


def percent_sql(share: str) -> str:
    """Return an SQL expression for `percent` of the SQL expression `share`."""
    value = f"(100.0 * {share})"
    near = f"{value} > 0 AND {value} <= {NEAR} OR {value} >= {100 - NEAR} AND {value} < 100"
    clamped = f"min(max({value}, {LEAST}), {100 - LEAST})"
    whole = f"CAST({value} + 0.5 AS INTEGER)"  # Not `%.0f`, which sees 16 digits: 14.499999999999998 is 15.
    return f"(CASE WHEN {near} THEN printf('%.1f %%', {clamped}) ELSE printf('%d %%', {whole}) END)"

"""Decide how text from outside is cleaned: names of files and folders, cells of tables, names of classes."""

import re
import unicodedata

# Zs: no-break, ideographic, thin ... Not in Zs and blank anyway: the Hangul fillers, the empty Braille cell.
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u115f\u1160\u3164\uffa0\u2800]+")
LARGEST_INTEGER = 2**63 - 1  # That SQLite stores.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_JOINERS = "\u200c\u200d"
_FIRST_JOINED = "\u0590"  # Latin, Greek and Cyrillic letters are below: a joiner between them is not visible.
_FLAG = "\U0001f3f4"
_FLAG_TAGS = ("\U000e0020", "\U000e007f")  # After the black flag they spell a region, such as Scotland.
_VISIBLE_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
_INVISIBLE_MARKS = frozenset("\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f")


def clean_text(text: str) -> str:
    """Return text on one line, in Unicode form NFC, with single blanks and only visible characters.

    Line breaks, tabs and all kinds of blanks become one blank; soft hyphens, direction marks and zero bytes
    are removed. A joiner stays where it changes what is seen: in emoji and in Arabic or Indic scripts. Bytes
    that were not UTF-8 become backslash escapes (see `clean_path`).
    """
    return _clean(_BREAKS.sub(" ", text))


def clean_class_name(name: str) -> str:
    """Return a class name as `clean_text` does, but with its line breaks and control characters.

    Two names that look the same because they differ only in Unicode form or blanks become the same name.
    '' if nothing visible is left. `is_class_name` says whether the result can be used.
    """
    return _clean(name)


def is_class_name(name: str) -> bool:
    """Return whether a cleaned name can be the name of a class: it is not empty and on one line."""
    allowed = {*_JOINERS, *_VISIBLE_FORMATS}
    seen = [char for char in name if char not in allowed and not _FLAG_TAGS[0] <= char <= _FLAG_TAGS[1]]
    return bool(seen) and all(char.isprintable() for char in seen)


def whole_number(text: str) -> int | None:
    """Return a number of SQLite, 0 to 2**63 - 1, from the digits 0-9; None where the text is not one.

    `int` alone also reads the digits of other scripts and refuses more than 4,300 of them; `str.isdigit`
    accepts a superscript that `int` refuses.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_INTEGER))
    return int(text) if is_number and int(text) <= LARGEST_INTEGER else None


def clean_path(path: str) -> str:
    """Return a path that can be stored and printed; it is not changed if it is valid Unicode.

    A byte that was not UTF-8 (a lone surrogate from the file system) becomes `\\xff`, any other lone
    surrogate `\\ud800`. The path is not normalised, so that it still names the file.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        return "".join(_escaped(char) if "\ud800" <= char <= "\udfff" else char for char in path)
    return path


def path_key(path: str) -> str:
    """Return what two paths of the same file have in common when one has composed letters and one has not."""
    return unicodedata.normalize("NFC", path)


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()  # Most names; an import cleans a million of them.
    folded = _BLANKS.sub(" ", unicodedata.normalize("NFC", clean_path(text)))
    visible = "".join(char for n, char in enumerate(folded) if _is_kept(folded, n))
    # Again: removing a character may leave two blanks, or letters that compose.
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", visible)).strip()


def _is_kept(text: str, n: int) -> bool:
    char = text[n]
    if char in _JOINERS:
        return _is_joined(text, n)
    if _FLAG_TAGS[0] <= char <= _FLAG_TAGS[1]:
        return text[:n].rstrip("".join(map(chr, range(0xE0020, 0xE0080)))).endswith(_FLAG)
    if char in _VISIBLE_FORMATS:
        return True
    return char not in _INVISIBLE_MARKS and unicodedata.category(char) != "Cf"


def _is_joined(text: str, n: int) -> bool:
    """Return whether a joiner has a letter or emoji of a joining script on both sides."""
    sides = text[max(n - 1, 0) : n], text[n + 1 : n + 2]
    return all(side >= _FIRST_JOINED and side not in _JOINERS and side != " " for side in sides)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"

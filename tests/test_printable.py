"""Control characters of others become visible; blanks, joiners and letters of all scripts stay."""

import json
import sqlite3

import pytest

from peakid import printable

HOSTILE = [
    *("\x1b", "\x07", "\r", "\x9b", "\x85", "\x7f", "\x00", "\ud800"),
    *("\u202e", "\u2066", "\u200f", "\u2028", "\ufeff"),
]


@pytest.mark.parametrize("char", HOSTILE)
def test_a_control_character_becomes_its_escape(char):
    shown = printable.line(f"a{char}b")
    assert char not in shown
    assert shown.startswith("a\\")
    assert shown.isascii()
    assert printable.lines(f"a{char}b") == shown


@pytest.mark.parametrize(
    "text", ["Dent d'Hérens", "山", "a\u00a0b\u3000c", "👩\u200d🚒", "می\u200cخواهم", "a\\x1b"]
)
def test_a_name_without_control_characters_is_unchanged(text):
    assert printable.line(text) == printable.lines(text) == text


def test_a_line_break_is_kept_between_lines_only():
    assert printable.lines("a\nb") == "a\nb"
    assert printable.line("a\nb") == "a\\x0ab"


def test_json_keeps_its_meaning():
    document = {char: [f'{char}\n\t"\\'] for char in HOSTILE}
    text = printable.json_text(json.dumps(document, ensure_ascii=False))
    assert json.loads(text) == document
    assert not set(text) & set(HOSTILE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("dom: 4 of 24", "dom: 4 of 24"),
        ("\u05d3\u05d5\u05dd: 4 of 24", "\u2068\u05d3\u05d5\u05dd\u2069: 4 of 24"),
        # The words of one name stay together; names in a list, and folders of a path, do not.
        ("\u0639 2 \u0631-\u0628", "\u2068\u0639 2 \u0631-\u0628\u2069"),
        ("\u05d0, \u05d1", "\u2068\u05d0\u2069, \u2068\u05d1\u2069"),
        ("\u05d0/\u05d1", "\u2068\u05d0\u2069/\u2068\u05d1\u2069"),
        ("\u5c71 3", "\u5c71 3"),
    ],
)
def test_right_to_left_words_keep_to_themselves(text, shown):
    assert printable.isolated(text) == shown


def test_the_text_of_a_library_error_is_one_short_line():
    quoted = sqlite3.OperationalError(
        "Could not decode column 'sql' with text 'CREATE TABLE image (\n  id \x1b[31m"
    )
    assert printable.short(quoted).endswith("CREATE TABLE image ( id \\x1b[31m")
    assert len(printable.short(ValueError("long " * 1000))) == printable.LONGEST_REASON + len(" ...")

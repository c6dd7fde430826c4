"""Control characters of others become visible; blanks, joiners and letters of all scripts stay."""

import json

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

"""Names and cells from outside are cleaned by one rule: what looks the same is the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakid import clean_text

SCOTLAND = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbsct") + "\U000e007f"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("Mont\u00a0Blanc", "Mont Blanc"),
        ("富士\u3000山", "富士 山"),
        ("Dent\u202fBlanche", "Dent Blanche"),
        ("  Poodle \u2003", "Poodle"),
        ("a \u200b b", "a b"),
        ("Matter\u00adhorn", "Matterhorn"),
        ("\ufeffEiger", "Eiger"),
        ("Eiger\u200e", "Eiger"),
        ("Ei\u200cger", "Eiger"),
        ("Sa\u0308ntis", "S\u00e4ntis"),
        ("\u200b\u2060", ""),
        ("\u3164", ""),
    ],
)
def test_what_looks_the_same_is_the_same_class(name: str, clean: str) -> None:
    assert clean_text.clean_class_name(name) == clean


@pytest.mark.parametrize(
    "name", ["می\u200cروم", "\U0001f469\u200d\U0001f692", "क्\u200dष", SCOTLAND, "❤\ufe0f"]
)
def test_joiners_stay_where_they_are_seen(name: str) -> None:
    assert clean_text.clean_class_name(name) == name
    assert clean_text.is_class_name(name)


@pytest.mark.parametrize("name", ["", "a\nb", "a\tb", "\ue000", "\uffff", "a\x00"])
def test_empty_names_control_characters_and_private_ones_are_not_class_names(name: str) -> None:
    assert not clean_text.is_class_name(clean_text.clean_class_name(name))


def test_text_of_several_lines_becomes_one() -> None:
    assert clean_text.clean_text("CC BY\r\n 4.0\t\x00\u00a0x") == "CC BY 4.0 x"


def test_bytes_that_are_not_utf8_are_escaped_and_other_paths_stay_as_they_are() -> None:
    assert clean_text.clean_path(b"sea/\xff.jpg".decode("utf-8", "surrogateescape")) == "sea/\\xff.jpg"
    assert clean_text.clean_path("a\ud800b") == "a\\ud800b"
    decomposed = "Sa\u0308ntis/1  2.jpg"
    assert clean_text.clean_path(decomposed) == decomposed
    assert clean_text.path_key(decomposed) == clean_text.path_key("S\u00e4ntis/1  2.jpg")


@given(st.text(st.characters(exclude_categories=()), max_size=12))
def test_cleaning_twice_changes_nothing_more_and_the_result_can_be_stored(text: str) -> None:
    for clean in (clean_text.clean_text, clean_text.clean_class_name, clean_text.clean_path):
        once = clean(text)
        once.encode()
        assert clean(once) == once
    assert unicodedata.is_normalized("NFC", clean_text.clean_class_name(text))

"""Adapters are TOML files that are checked with clear messages; three come with Peakid."""

from pathlib import Path

import pytest

from peakid.acquire.sources.browsing import adapter as adapters
from peakid.errors import BadInput

OWN = """
name = "lakes"
start = "https://example.org/{class}"
item = "li > img"
attributes = ["data-full", "src"]
more = "button.more"
scroll_pause_s = 0.5
terms = "Copies are allowed with a credit."
"""


def test_a_file_of_ones_own_and_those_that_come_with_peakid(tmp_path: Path) -> None:
    (tmp_path / "lakes.toml").write_text(OWN)
    found = adapters.named(tmp_path / "lakes.toml")
    assert (found.name, found.attributes, found.scroll_pause_s) == ("lakes", ("data-full", "src"), 0.5)
    assert found == adapters.of_text(OWN.encode(), "lakes.toml")
    assert adapters.with_item(found, " figure img ").item == "figure img"
    assert adapters.with_item(found, None) is found
    shipped = adapters.shipped()
    assert [adapters.named(each.name) for each in shipped] == list(shipped)
    assert {each.start for each in shipped} == {""}  # For pages of any site; none names one.
    assert all(each.about and each.terms for each in shipped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 'a'", "item = nothing does not fit"),
        ("name = 'a'\nitem = ''", "item =  does not fit"),
        ("name = 'a'\nitem = 'img'\nattributes = []", "attributes = "),
        ("name = 'a'\nitem = 'img'\nattributes = ['a b']", "attributes.0 = a b does not fit"),
        ("name = 'a'\nitem = 'img'\npace_s = 0", "pace_s = 0 does not fit"),
        ("name = 'a'\nitem = 'img'\nscrol_pause_s = 1", "unknown key 'scrol_pause_s'.*mean 'scroll_pause_s'"),
        ("name = 'a'\nitem = 'img'\nmax_scrolls = 'many'", "max_scrolls = many does not fit"),
        ("name = ", "cannot be read"),
        ("item = 'img'\nname = \"a\\u0000\"", "name = "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(BadInput, match=said):
        adapters.named(tmp_path / "own.toml")
    with pytest.raises(BadInput, match=said):
        adapters.of_text(text.encode(), "own.toml")


def test_a_name_that_is_not_known_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no adapter 'generic-galery'.*Did you mean 'generic-gallery'"):
        adapters.named("generic-galery")
    with pytest.raises(BadInput, match="no adapter at"):
        adapters.named(tmp_path / "none.toml")
    with pytest.raises(BadInput, match="cannot be read"):
        adapters.of_text(b"\xff" * 70_000, "big.toml")

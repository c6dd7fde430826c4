"""Licences of many spellings have one name each, and an unknown one is never taken for an open one."""

import pytest

from peakid import licences
from peakid.errors import BadInput


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CC BY-SA 4.0", "CC BY-SA 4.0"),
        ("cc-by-nc", "CC BY-NC"),
        ("by-nc-nd", "CC BY-NC-ND"),
        ("BY-SA", "CC BY-SA"),
        ("CC_BY_4_0", "CC BY 4.0"),
        ("CC_BY_NC_4_0", "CC BY-NC 4.0"),
        ("https://creativecommons.org/licenses/by-nc-sa/2.0/", "CC BY-NC-SA 2.0"),
        ("http://creativecommons.org/licenses/by/4.0/legalcode", "CC BY 4.0"),
        ("Attribution-NonCommercial-ShareAlike License", "CC BY-NC-SA"),
        ("Attribution License", "CC BY"),
        ("Creative Commons Attribution-Share Alike 3.0", "CC BY-SA 3.0"),
        ("cc-by-sa-3.0,2.5,2.0,1.0", "CC BY-SA 3.0"),
        ("cc0", "CC0 1.0"),
        ("CC0_1_0", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("pdm", "Public domain"),
        ("pd", "Public domain"),
        ("Public Domain Mark", "Public domain"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "Public domain"),
        ("No known copyright restrictions", "Public domain"),
        ("United States Government Work", "Public domain"),
    ],
)
def test_one_name_for_each_licence(text: str, name: str) -> None:
    assert licences.named(text) == name
    assert licences.named(name) == name
    assert licences.parse(text).is_in("open")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "All Rights Reserved",
        "© A. Adams",
        "baby",
        "by A. Adams",
        "Photo by nobody",
        "GFDL",
        "standby",
        "?",
    ],
)
def test_what_is_not_known_is_not_open(text: str) -> None:
    found = licences.parse(text)
    assert (found.code, found.name) == ("", text)
    assert [each for each in licences.GROUPS if found.is_in(each)] == ["unknown"]


def test_groups_follow_the_conditions_of_a_licence() -> None:
    assert [code for code in licences.CODES if not licences.Licence(code).is_in("commercial")] == [
        *("by-nc", "by-nc-sa", "by-nc-nd"),
    ]
    assert [code for code in licences.CODES if not licences.Licence(code).is_in("changes")] == [
        *("by-nd", "by-nc-nd"),
    ]
    wanted = licences.chosen(["cc0", "CC-BY"])
    assert licences.is_chosen(licences.parse("CC BY 2.0"), wanted)
    assert not licences.is_chosen(licences.parse("CC BY-SA 2.0"), wanted)
    with pytest.raises(BadInput, match="'gpl' is no licence that can be chosen"):
        licences.chosen(["gpl"])


def test_a_licence_has_a_page_where_its_version_is_known() -> None:
    assert licences.parse("CC BY-SA 2.0").url == "https://creativecommons.org/licenses/by-sa/2.0/"
    assert licences.parse("cc0").url == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert licences.parse("CC BY").url == ""

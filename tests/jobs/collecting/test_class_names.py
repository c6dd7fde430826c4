"""Tables of Wikipedia become names of classes: chosen rows, each once, with other names to search for."""

from collections.abc import Iterator

import pytest
from pytest_socket import enable_socket

from peakid.acquire.fetching.client import NotFetched
from peakid.acquire.sources.photo_source import SearchFailed
from peakid.curate import classes
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs.collecting import class_names
from peakid.jobs.collecting.class_names import FoundName, NameList
from tests.acquire.fetching.served import Answer, Served
from tests.acquire.sources import wikipedia_served

PAGE = "List of mountains of Switzerland"


@pytest.fixture(scope="module")
def wikipedia() -> Iterator[Served]:
    enable_socket()
    with Served(wikipedia_served.answer).running() as served:
        yield served


@pytest.fixture
def settings(wikipedia: Served) -> JobSettings:
    enable_socket()
    return JobSettings(fetch_private=True, sources_url=wikipedia.url)


def names(found: NameList) -> list[str]:
    return [each.name for each in found.names]


def test_a_column_becomes_names_with_their_articles_and_what_is_left_out_has_a_reason(settings) -> None:
    found = class_names.read_table("Mountains of Switzerland", column="mountain", settings=settings)
    assert (found.page, found.column, found.table.number) == (PAGE, "Mountain", 1)
    assert found.url == "https://en.wikipedia.org/wiki/List_of_mountains_of_Switzerland"
    assert [(each.name, each.article) for each in found.names] == [
        ("Dufourspitze", "Dufourspitze"),
        ("Dom", "Dom (mountain)"),
        ("Mönch", "Mönch"),
        ("Rothorn", "Rothorn (Zermatt)"),
        ("Unn", ""),
    ]
    assert found.names[1].cells["Canton"] == "Valais"  # It spans two rows.
    assert found.table.columns == ("Rank", "Mountain", "Height m", "Height ft", "Canton")
    assert found.table.caption == "Mountains above 4,000 m"
    assert [(each.row, each.reason, each.detail) for each in found.omitted] == [
        (5, "repeated", "has the name of row 4, but the article Rothorn (Arosa)"),
        (7, "no_name", "has no name that a class can have"),
    ]


def test_rows_are_chosen_by_conditions_and_by_number(settings) -> None:
    above = class_names.read_table(PAGE, column="Mountain", where=["Height m > 4000"], settings=settings)
    assert names(above) == ["Dufourspitze", "Dom", "Mönch"]
    assert {each.reason for each in above.omitted} == {"filtered", "no_number", "no_name"}
    both = ["Height m >= 4110", "canton contains bern"]
    assert names(class_names.read_table(PAGE, column="2", table=1, where=both, settings=settings)) == [
        "Mönch"
    ]
    first = class_names.read_table(PAGE, column="Mountain", first=2, settings=settings)
    assert names(first) == ["Dufourspitze", "Dom"]
    assert first.omitted[0].reason == "beyond_first"


def test_another_language_reads_its_own_numbers(settings) -> None:
    high = class_names.read_table(
        "https://de.wikipedia.org/wiki/Liste#Alpen", column="Berg", where=["Höhe > 2000"], settings=settings
    )
    assert (high.language, names(high)) == ("de", ["Dom", "Säntis"])


def test_other_names_of_the_articles_are_search_terms(settings) -> None:
    found = class_names.read_table(PAGE, column="Mountain", settings=settings)
    terms = class_names.synonyms(found.names, languages=["de", "fr"], settings=settings)
    assert terms == {
        "Dufourspitze": ("Pointe Dufour", "Monte Rosa summit", "Dufour Peak"),
        "Dom": (),  # `Dom (Mischabel)` is the same without brackets; the other one leads to a section.
        "Mönch": ("Moine",),
        "Rothorn": (),
        "Unn": (),
    }


def test_names_become_classes_once(settings, workspace) -> None:
    classes.add(workspace, "dom")
    found = (FoundName("Dom"), FoundName("Eiger"))
    assert class_names.add(workspace, found) == (["Eiger"], ["Dom"])
    assert class_names.add(workspace, found) == ([], ["Dom", "Eiger"])
    assert classes.names(workspace) == ["dom", "Eiger"]


def test_the_tables_of_a_page_are_listed(settings) -> None:
    first, second = class_names.tables(PAGE, settings=settings)
    assert (first.n_rows, first.example) == (7, ("1", "Dufourspitze", "4,634 m", "15,203", "Valais"))
    assert (second.number, second.columns, second.example) == (2, ("Lake", "Area"), ("Davos", "0.59 km2"))


@pytest.mark.parametrize(
    ("page", "options", "message"),
    [
        ("Nowhere", {}, "no page 'Nowhere'. Similar titles: List of mountains of Switzerland."),
        ("Rothorn", {}, "only lists other pages. Choose one: Rothorn (Arosa); Rothorn (Zermatt)."),
        ("Text", {}, "has no table"),
        (
            PAGE,
            {"column": "Summit"},
            "No table of the page has a column 'Summit'. Its tables have: 1: Rank, Mountain",
        ),
        (PAGE, {"column": "height"}, "Several columns contain 'height'. Give the whole name: Rank,"),
        (PAGE, {"column": "a"}, "2 tables have a column 'a'. Choose a table. 1: Mountains above 4,000 m"),
        (PAGE, {"table": 3}, "There is no table 3. The page has 2."),
        (PAGE, {"where": ["Heights > 3"]}, "no column 'Heights'"),
        (PAGE, {"where": ["high"]}, "'high' is no condition"),
        (PAGE, {"where": ["Height > tall"]}, "'tall' in 'Height > tall' is not a number"),
        (PAGE, {"language": "e n"}, "'e n' is no language"),
        ("https://example.org/wiki/A", {}, "is no article of Wikipedia"),
        ("a|b", {}, "cannot be the title"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_there_is(settings, page, options, message) -> None:
    with pytest.raises(BadInput) as raised:
        class_names.read_table(page, settings=settings, **{"column": "Mountain", **options})
    assert message in str(raised.value)


def test_an_error_of_wikipedia_is_passed_on(settings) -> None:
    with pytest.raises(SearchFailed, match="exceeded your rate limit"):
        class_names.read_table("Busy", column="Mountain", settings=settings)
    with Served(lambda _asked, _n: Answer(status=403)).running() as served:
        other = JobSettings(fetch_private=True, sources_url=served.url)
        with pytest.raises(
            NotFetched, match=r"en Wikipedia did not answer: .* status 403\. .*PEAKID_CONTACT"
        ):
            class_names.tables(PAGE, settings=other)
    with Served(lambda _asked, _n: Answer(b"<html>")).running() as served:
        other = JobSettings(fetch_private=True, sources_url=served.url)
        with pytest.raises(SearchFailed, match="something else than JSON"):
            class_names.read_table(PAGE, column="Mountain", settings=other)

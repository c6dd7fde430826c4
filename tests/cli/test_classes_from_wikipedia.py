"""`peakid classes from-wikipedia`: tables are listed, names previewed, and added when asked to."""

from collections.abc import Iterator

import pytest
from pytest_socket import enable_socket

from peakid import settings
from peakid.curate import classes
from tests.acquire.fetching.served import Served
from tests.acquire.sources import wikipedia_served

PAGE = "List of mountains of Switzerland"


@pytest.fixture(autouse=True)
def _wikipedia(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    enable_socket()
    with Served(wikipedia_served.answer).running() as served:
        monkeypatch.setenv("PEAKID_FETCH_PRIVATE", "1")
        monkeypatch.setenv("PEAKID_SOURCES_URL", served.url)
        settings.current.cache_clear()
        yield
    monkeypatch.undo()
    settings.current.cache_clear()


def test_a_table_is_listed_previewed_and_added(peakid, workspace) -> None:
    first, lakes = peakid("classes", "from-wikipedia", PAGE).out.splitlines()
    assert first == "1 (Mountains above 4,000 m), 7 rows: Rank | Mountain | Height m | Height ft | Canton"
    assert lakes == "2, 1 row: Lake | Area"
    wanted = ("classes", "from-wikipedia", PAGE, "--column", "Mountain", "--where", "Canton contains valais")
    shown = peakid(*wanted, "--languages", "fr").out
    assert "Dufourspitze  Dufourspitze       Pointe Dufour, Monte Rosa summit, Dufour Peak" in shown
    assert "Left out: 1 filtered, 1 no_name.\nNothing was added (--add).\n" in shown
    assert classes.names(workspace) == []
    added = peakid(*wanted, "--first", 3, "--add", "--json").json
    assert added["added"] == classes.names(workspace) == ["Dufourspitze", "Dom", "Mönch"]
    assert peakid(*wanted, "--first", 3, "--add").out.endswith("Added 0 classes; 3 exist.\n")


def test_repeated_rows_are_shown_and_errors_are_one_line(peakid, workspace) -> None:
    shown = peakid("classes", "from-wikipedia", PAGE, "--column", "Mountain").out
    assert "Row 5, 'Rothorn', has the name of row 4, but the article Rothorn (Arosa)." in shown
    refused = peakid("classes", "from-wikipedia", PAGE, "--column", "Summit")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "has a column 'Summit'" in refused.err

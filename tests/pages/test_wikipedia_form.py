"""The Classes page makes classes of a table of Wikipedia: read, chosen, previewed, added."""

import pytest
from pytest_socket import enable_socket

from peakid.curate import classes
from tests.acquire.fetching.served import Served
from tests.acquire.sources import wikipedia_served


def test_a_table_becomes_classes(open_page, workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    enable_socket()
    with Served(wikipedia_served.answer).running() as served:
        monkeypatch.setenv("PEAKID_FETCH_PRIVATE", "1")
        monkeypatch.setenv("PEAKID_SOURCES_URL", served.url)
        page = open_page("classes")
        _field(page.text_input, "Page").set_value("Nowhere")
        _field(page.button, "Read the tables").click().run()
        assert "no page 'Nowhere'" in page.error[0].value
        _field(page.text_input, "Page").set_value("List of mountains of Switzerland")
        _field(page.button, "Read the tables").click().run()
        assert _field(page.selectbox, "Column with the names").value == "Mountain"
        _field(page.text_area, "Only rows where").set_value("Height m > 4000\n\nCanton contains Valais")
        _field(page.button, "Preview").click().run()
        assert classes.names(workspace) == []
        assert any("3 names in 7 rows" in each.value for each in page.markdown)
        _field(page.button, "Add 3 classes").click().run()
        assert classes.names(workspace) == ["Dufourspitze", "Dom", "Mönch"]
        assert page.success[0].value == "Added 3 classes."


def test_the_names_of_a_table_become_the_classes_to_search_for(
    open_page, workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    enable_socket()
    with Served(wikipedia_served.answer).running() as served:
        monkeypatch.setenv("PEAKID_FETCH_PRIVATE", "1")
        monkeypatch.setenv("PEAKID_SOURCES_URL", served.url)
        page = open_page("collect")
        page.session_state["source"] = "search"
        page.run()
        _field(page.text_area, "Classes, one a line").set_value("otter")
        _field(page.text_input, "Page").set_value("List of mountains of Switzerland")
        _field(page.button, "Read the tables").click().run()
        _field(page.text_area, "Only rows where").set_value("Height m > 4000\n\nCanton contains Valais")
        _field(page.button, "Preview").click().run()
        _field(page.text_input, "Also search by their names in").set_value("de")
        _field(page.button, "Use 3 names").click().run()
    assert not page.exception
    lines = _field(page.text_area, "Classes, one a line").value.splitlines()
    assert [line.partition("=")[0].strip() for line in lines] == ["otter", "Dufourspitze", "Dom", "Mönch"]
    assert any("=" in line for line in lines[1:]), "an article has other names"
    assert classes.names(workspace) == []


def _field(kind, label: str):
    return next(each for each in kind if each.label == label)

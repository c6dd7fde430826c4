"""Names of classes become searches of each service; an older collection of Flickr goes on after its pages."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from peakid.acquire.sources import flickr, services
from peakid.acquire.sources.services import Keys
from peakid.errors import BadInput
from peakid.jobs.collecting import wanted
from peakid.jobs.collecting.plans import Plan
from peakid.jobs.collecting.wanted import Wanted
from peakid.store.collecting import searches
from peakid.store.collecting.searches import Progress
from peakid.store.workspace import Workspace

SOURCES = services.opened(Keys())
BOTH = Wanted(("flickr", "openverse"), "{class} landscape", "any", 50, {"sort": "relevance"})


def test_every_class_is_searched_for_at_every_service() -> None:
    found = wanted.searches_for(["K2", "Mt Hood", "K2"], BOTH, SOURCES)
    assert [(each.source, each.label, each.text) for each in found] == [
        ("flickr", "K2", "K2 landscape"),
        ("openverse", "K2", "K2 landscape"),
        ("flickr", "Mt Hood", "Mt Hood landscape"),
        ("openverse", "Mt Hood", "Mt Hood landscape"),
    ]
    assert {(each.licences, each.n_wanted) for each in found} == {("any", 50)}
    assert [each.options for each in found[:2]] == [{"sort": "relevance"}, {}]


def test_one_text_for_several_classes_and_an_unknown_option_are_refused() -> None:
    fixed = replace(BOTH, text="landscape")
    assert wanted.searches_for(["K2"], fixed, SOURCES)[0].text == "landscape"
    with pytest.raises(BadInput, match=r"Put \{class\} where"):
        wanted.searches_for(["K2", "Mt Hood"], fixed, SOURCES)
    with pytest.raises(BadInput, match=r"option 'depth'. There are flickr: sort; openverse: source"):
        wanted.searches_for(["K2"], replace(BOTH, options={"depth": "2"}), SOURCES)


def test_classes_are_the_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "classes.txt"
    file.write_bytes("\ufeff# Mountains\r\nMt  Hood\r\n\r\nK2\nMt Hood\n".encode())
    assert wanted.read_classes(file) == ("Mt Hood", "K2")
    for content in (b"# none\n", b"\xff\xfe\x00"):
        file.write_bytes(content)
        with pytest.raises(BadInput, match=r"classes\.txt"):
            wanted.read_classes(file)
    with pytest.raises(BadInput, match="No such file"):
        wanted.read_classes(tmp_path / "none.txt")


def test_searches_that_are_new_begin_after_the_last_pages(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "last_pages.json").write_text(json.dumps({"Mt  Hood": 20, "K2": 17}))
    pages = wanted.read_last_pages(tmp_path / "last_pages.json")
    each = wanted.continuing(Wanted(("flickr", "openverse")), has_text=False)
    assert (each.text, each.options) == ("{class} landscape", {"sort": "date-posted-desc"})
    plan = Plan("peaks", wanted.searches_for(["Mt Hood", "Denali"], each, SOURCES))
    collection_id = wanted.save(workspace, plan, SOURCES, last_pages=pages, actor="human:anna")
    found = {(one.source, one.label): one.cursor for one in searches.of_collection(workspace, collection_id)}
    assert found == {
        ("flickr", "Mt Hood"): flickr.after_page(20, size=100),
        **{("openverse", "Mt Hood"): "", ("flickr", "Denali"): "", ("openverse", "Denali"): ""},
    }
    [hood] = [one for one in searches.of_collection(workspace, collection_id) if one.cursor]
    with workspace.transaction() as connection:
        searches.advance(connection, hood.search_id, Progress(hood.cursor, 30, 90, is_ended=True))
    searches.restart(workspace, collection_id)
    wanted.save(workspace, plan, SOURCES, last_pages=pages, actor="human:anna")
    cursors = {one.cursor for one in searches.of_collection(workspace, collection_id)}
    assert cursors == {""}, "a search that has run goes on by itself"


@pytest.mark.parametrize("text", ["[1, 2]", '{"K2": "x"}', '{"K2": -1}', "{}", "no JSON", '{"K2": 1e99}'])
def test_other_files_are_no_last_pages(tmp_path: Path, text: str) -> None:
    (tmp_path / "last_pages.json").write_text(text)
    with pytest.raises(BadInput, match=r"last_pages\.json does not say the last page"):
        wanted.read_last_pages(tmp_path / "last_pages.json")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"last page of classes: No such file or directory\."):
        wanted.read_last_pages(tmp_path / "last_pages.json")


def test_last_pages_are_those_of_flickr() -> None:
    with pytest.raises(BadInput, match="which is not searched"):
        wanted.continuing(Wanted(("openverse",)), has_text=True)


def test_the_last_pages_of_the_real_collection_are_read(real_data: Path) -> None:
    pages = wanted.read_last_pages(real_data / "data" / "mountainid" / "last_pages.json")
    assert (len(pages), pages["Mt Borah"], pages["K2"]) == (13, 17, 20)

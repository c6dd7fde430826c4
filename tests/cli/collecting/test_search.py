"""`peakid collect search`: from the name of a class to images with credits, and what a service refuses."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_socket import enable_socket

from peakid import settings
from peakid.store.workspace import Workspace
from tests.acquire.collecting.conftest import FAST
from tests.acquire.fetching.served import Served
from tests.acquire.sources.played.flickr import KEY, PlayedFlickr
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services

LIBRARY = Library({"otter": 40, "beaver": 9}, licences=("CC BY 2.0", "CC0 1.0", "All rights reserved"))


@pytest.fixture
def played() -> PlayedFlickr:
    return PlayedFlickr(LIBRARY)


@pytest.fixture
def served(
    draw: Callable[..., bytes], played: PlayedFlickr, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    enable_socket()
    with played_services(LIBRARY, picture=draw, parts={"flickr": played.answer}).running() as served:
        monkeypatch.setattr("peakid.jobs.collecting.job.options", lambda _settings: FAST)
        monkeypatch.setenv("PEAKID_SOURCES_URL", served.url)
        monkeypatch.setenv("PEAKID_FLICKR_KEY", KEY)
        settings.current.cache_clear()
        yield served
    monkeypatch.undo()
    settings.current.cache_clear()


@pytest.mark.slow
def test_classes_are_estimated_then_collected_with_their_credits(
    peakid, workspace: Workspace, served: Served
) -> None:
    search = ("collect", "search", "--source", "flickr", "--class", "otter", "--class", "beaver", "--max", 2)
    dry = peakid(*search, "--source", "openverse", "--dry-run", "--json").json
    assert [(each["search"]["source"], each["search"]["label"], each["n_available"]) for each in dry] == [
        *(("flickr", "otter", 27), ("openverse", "otter", 27)),
        *(("flickr", "beaver", 6), ("openverse", "beaver", 6)),
    ]
    assert dry[0]["samples"][0]["credit"]["licence"] == "CC BY 2.0"
    said = peakid(*search, "--dry-run").out
    assert "flickr, otter: 27 photos; the first 8: 4 CC BY 2.0, 4 CC0 1.0." in said
    assert peakid("collect", "list", "--json").json == []
    found = peakid(*search, "--every-days", 7, "--json").json
    assert (found["n_images"], found["n_rejected"], found["collection"]["every_days"]) == (4, 0, 7)
    rows = workspace.query("SELECT licence FROM origin")
    assert {row["licence"] for row in rows} == {"CC BY 2.0", "CC0 1.0"}
    shown = peakid("collect", "show", "--name", "search", "--json").json
    assert [(each["label"], each["n_found"], each["n_wanted"]) for each in shown["searches"]] == [
        ("otter", 2, 2),
        ("beaver", 2, 2),
    ]
    assert "ended" in peakid("collect", "show", "--name", "search").out
    more = peakid(*search[:-1], 3)
    assert more.out.startswith("2 candidates became images (2 new)")
    assert "larger --max" in peakid(*search[:-1], 3).out


@pytest.mark.slow
def test_the_key_is_in_nothing_that_is_stored_or_printed(
    peakid, workspace: Workspace, served: Served, played: PlayedFlickr, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ("collect", "search", "--source", "flickr", "--class", "otter", "--max", 2)
    played.key = "another"
    refused = peakid(*search)
    assert refused.code == 1
    assert "flickr: Flickr does not accept the key." in refused.out
    assert "PEAKID_FLICKR_KEY" in refused.out
    played.key = KEY
    answers = [refused, peakid(*search), peakid(*search, "--dry-run", "--json"), peakid("jobs", "list")]
    assert answers[1].out.startswith("2 candidates became images")
    said = "".join(each.out + each.err for each in answers).encode()
    stored = {file: file.read_bytes() for file in workspace.path.rglob("*") if file.is_file()}
    assert any(b"Otter 1" in content for content in stored.values()), "what was found is there"
    assert [file for file, content in stored.items() if KEY.encode() in content] == []
    assert KEY.encode() not in said
    monkeypatch.delenv("PEAKID_FLICKR_KEY")
    no_key = peakid(*search, "--dry-run")
    assert (no_key.code, "can only be searched with a key" in no_key.out) == (1, True)


@pytest.mark.slow
def test_an_older_collection_of_flickr_is_continued(
    peakid, workspace: Workspace, served: Served, played: PlayedFlickr, tmp_path: Path
) -> None:
    played.library = Library({"otter": 204}, licences=("CC BY 2.0", "All rights reserved"))
    (tmp_path / "last_pages.json").write_text(json.dumps({"otter": 2}))
    found = peakid("collect", "search", "--last-pages", tmp_path / "last_pages.json", "--json").json
    assert [(each["page"], each["per_page"], each["text"]) for each in played.asked] == [
        ("3", "100", "otter landscape")
    ]
    assert (found["n_images"], found["searches"][0]["is_ended"]) == (2, True)


def test_classes_come_from_a_file_and_what_is_missing_is_said(
    peakid, workspace: Workspace, served: Served, tmp_path: Path
) -> None:
    (tmp_path / "classes.txt").write_text("# Animals\nbeaver\n")
    given = ("collect", "search", "--classes", tmp_path / "classes.txt")
    found = peakid(
        *given, "--source", "openverse", "--text", "wild {class}", "--option", "size=large", "--max", 2
    )
    assert found.out.startswith("2 candidates became images")
    assert "No service was chosen" in peakid(*given).err
    assert "There is no class" in peakid("collect", "search", "--source", "flickr").err
    assert "'size' is no option" in peakid(*given, "--source", "openverse", "--option", "size").err
    assert "has an option 'depth'" in peakid(*given, "--source", "openverse", "--option", "depth=2").err

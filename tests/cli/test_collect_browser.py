"""`peakid collect browser`: from a page in Chromium to a list and to images, in the terminal and in a job."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_socket import enable_socket

from peakid import settings
from peakid.acquire.sources.browsing import programs
from peakid.errors import ExtraMissing
from peakid.jobs import ledger, presence, process, queue, tasks
from tests.acquire.fetching.served import Served
from tests.acquire.sources.browsing import pages_served

ADAPTER = 'name = "own"\nitem = "main img"\nscroll_pause_s = 0.2\npace_s = 0.2\nterms = "Ask first."\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(ADAPTER)
    return tmp_path / "own.toml"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    enable_socket()
    monkeypatch.setenv("PEAKID_FETCH_PRIVATE", "1")
    settings.current.cache_clear()
    with Served(pages_served.answers("http://127.0.0.2")).running() as served:
        yield served
    monkeypatch.undo()
    settings.current.cache_clear()


def test_adapters_are_listed(peakid) -> None:
    found = peakid("collect", "adapters", "--json").json
    assert [each["name"] for each in found] == [
        "generic-gallery",
        "generic-linked-originals",
        "generic-more-button",
    ]
    assert "generic-gallery" in peakid("collect", "adapters").out


def test_bad_requests_are_one_line_before_a_browser_starts(peakid, workspace, own, tmp_path) -> None:
    page = ("--url", "https://example.org/{class}")
    assert "no adapter 'generic-galery'" in peakid("collect", "browser", "generic-galery", "--class", "a").err
    assert "No page was given" in peakid("collect", "browser", own, "--class", "a").err
    many = peakid("collect", "browser", own, "--class", "a", "--class", "b", "--url", "https://example.org")
    assert "same page for 2 classes" in many.err
    (tmp_path / "list.csv").write_text("x")
    there = peakid("collect", "browser", own, "--class", "a", *page, "--out", tmp_path / "list.csv")
    assert "exists already" in there.err
    job = peakid("collect", "browser", own, "--class", "a", *page, "--out", "new.csv", "--no-wait")
    assert "writes its list into the workspace" in job.err


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.xdist_group("selenium")
def test_a_page_becomes_a_list_that_is_collected(peakid, workspace, site, own, tmp_path) -> None:
    try:
        programs.installed()
    except ExtraMissing as error:
        pytest.skip(str(error))
    page = ("--class", "lake", "--url", f"{site.url}/search/{{class}}", "--max", 4)
    into = ("--out", tmp_path / "lakes.csv", "--import", "--json")
    found = peakid("collect", "browser", own, *page, *into).json
    # The site has no pictures: that lists of URLs become images has its own test, and takes seconds.
    assert (found["n_new"], found["collection"]["by_reason"]) == (0, {"gone": 4})
    assert {each["label"] for each in peakid("collect", "rejections", "--json").json} == {"lake"}
    assert (tmp_path / "lakes.csv").read_text().startswith("url,class,page_url,title\n")

    lock = presence.take(workspace)  # No worker starts.
    peakid("collect", "browser", own, *page, "--import", "--no-wait", "--json")
    [job] = queue.list_jobs(workspace)
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    assert work.result.pages[0].ended == "enough"
    assert (workspace.uploads_dir / work.result.list_name).is_file()
    assert [each.kind for each in queue.list_jobs(workspace)] == ["collect", "browse"]
    os.close(lock)

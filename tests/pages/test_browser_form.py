"""Pictures of a page on the Collect page: the form, the job, and the list that it gives, to be collected."""

from pathlib import Path

import pytest

from peakid.acquire.sources.browsing import gathering
from peakid.acquire.sources.browsing.records import ClassPage, Found
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import BrowseArguments
from peakid.jobs.results import BrowseResult
from peakid.store.collecting import collections

PAGE = "https://example.org/{class}"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Chromium and ChromeDriver are found; no test here starts them."""
    pytest.importorskip("selenium")
    (tmp_path / "bin").mkdir()
    for name in ("chromium", "chromedriver"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")


def entered(app, **fields):
    for key, value in {"browse_url": PAGE, "browse_classes": "lake\n sea otter \n", **fields}.items():
        next(each for each in [*app.text_input, *app.text_area, *app.selectbox] if each.key == key).set_value(
            value
        )
    return next(each for each in app.button if each.label == "List the pictures").click().run()


def test_a_page_is_read_in_a_job_and_its_list_collected(open_page, workspace, no_worker, programs) -> None:
    app = entered(open_page("collect"), browse_item="figure img")
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.state, job.lane) == ("browse", "queued", "net")
    arguments = job.arguments_as(BrowseArguments)
    assert (arguments.classes, arguments.template) == (("lake", "sea otter"), PAGE)
    assert (arguments.adapter.name, arguments.adapter.item) == ("generic-gallery", "figure img")

    work = ledger.claim(workspace, job.job_id, process.own())
    urls = [Found(f"https://example.org/{n}.jpg", "lake", "https://example.org/lake", "") for n in range(3)]
    file = workspace.uploads_dir / f"browse-{job.job_id}" / "urls_generic-gallery.csv"
    file.parent.mkdir(parents=True)
    gathering.write_list(urls, file)
    refused = ClassPage("sea otter", "https://example.org/sea", 0, "refused", 0, "It asks for a login.")
    pages = (ClassPage("lake", "https://example.org/lake", 3, "nothing new", 4), refused)
    work.note(BrowseResult(f"{file.parent.name}/{file.name}", 3, pages))
    work.end("done")
    app.run()
    texts = " ".join(each.value for each in [*app.markdown, *app.warning])
    assert "It asks for a login" in texts
    assert "3 lines with 3 different URLs" in texts  # The preview opens by itself.
    assert "not collected yet" not in texts
    assert any(each.value.startswith("Terms: Many sites") for each in app.caption)
    again = open_page("collect")
    assert "3 pictures of lake, sea otter, not collected yet" in " ".join(
        each.value for each in again.markdown
    )
    again.button(key=f"browsed:{job.job_id}").click().run()
    assert "3 lines with 3 different URLs" in " ".join(each.value for each in again.markdown)
    app.button(key="collect").click().run()
    assert [each.kind for each in queue.list_jobs(workspace)] == ["collect", "browse"]
    assert collections.show(workspace, "urls").n_waiting == 3
    assert not file.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"browse_classes": " "}, "No class was given"),
        ({"browse_url": ""}, "No page was given"),
        ({"browse_url": "https://example.org/"}, "same page for 2 classes"),
        ({"browse_url": "ftp://example.org/{class}"}, "not an http"),
        ({"browse_adapter": "Own adapter (a TOML file)"}, "No adapter was uploaded"),
    ],
)
def test_what_cannot_be_read_is_explained(open_page, workspace, programs, fields, said) -> None:
    app = entered(open_page("collect"), **fields)
    assert said in app.error[0].value
    assert not queue.list_jobs(workspace)


def test_what_is_not_installed_is_said_in_place_of_the_form(open_page, monkeypatch, tmp_path) -> None:
    pytest.importorskip("selenium")
    app = open_page("collect")
    monkeypatch.setenv("PATH", str(tmp_path))
    app.run()
    assert any("needs Chromium" in each.value.replace("\\", "") for each in app.info)
    assert not [each for each in app.text_input if each.key == "browse_url"]

"""From names of classes to a training in a real browser, with a local server that plays the services."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.jobs import queue
from peakid.store.collecting import class_progress, collections
from peakid.store.workspace import Workspace
from tests.acquire.fetching.served import Answer, Asked
from tests.acquire.sources.played import flickr
from tests.acquire.sources.played.library import Library
from tests.acquire.sources.played.server import played_services
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
WORK_TIMEOUT_MS = 120_000  # A job, on two shared cores.
MARKUP = "<b>otter</b>"
N_PHOTOS = 12


def gone(asked: Asked, _n_before: int) -> Answer | None:
    return Answer(status=404) if asked.path in ("/photos/0.jpg", "/photos/13.jpg") else None


def enter(page: Page, text: str) -> None:
    """Fill in classes and a number in the form, with Flickr as the only source."""
    page.get_by_role("radio", name="Names of classes").click()
    page.get_by_role("textbox", name="Classes, one a line").fill(text)
    wanted = page.get_by_role("spinbutton", name="Photos of each class")
    wanted.fill(str(N_PHOTOS))
    wanted.press("Tab")
    expect(page.get_by_text("3 classes.")).to_be_visible()
    page.get_by_text("Openverse", exact=True).click()
    expect(page.get_by_role("checkbox", name="Openverse")).not_to_be_checked()
    page.wait_for_selector(SETTLED)


def test_names_of_classes_become_images_and_a_training(
    server: Server,
    workspace: Workspace,
    page: Page,
    draw: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = Library({"otter": N_PHOTOS, "beaver": N_PHOTOS})
    with played_services(library, picture=draw, fault=gone).running() as served:
        monkeypatch.setenv("PEAKID_SOURCES_URL", served.url)
        monkeypatch.setenv("PEAKID_FETCH_PRIVATE", "1")
        monkeypatch.setenv("PEAKID_FLICKR_KEY", flickr.KEY)
        page.goto(f"{server.start()}/collect")
        enter(page, f"{MARKUP} = otter\nbeaver\nunicorn")
        page.get_by_role("button", name="Estimate", exact=True).click()
        expect(page.get_by_text("Nothing was found for unicorn.")).to_be_visible()
        pictures = [each for each in served.paths() if each.startswith("/photos/")]
        assert pictures
        assert all(each.endswith("_small.jpg") for each in pictures)
        page.get_by_role("button", name=f"Collect {2 * N_PHOTOS} photos").click()
        score = page.get_by_role("button", name="To the first score")
        expect(score).to_be_visible(timeout=WORK_TIMEOUT_MS)

    shown = collections.show(workspace, "photos")
    assert (shown.n_images, shown.by_reason) == (2 * N_PHOTOS - 2, {"gone": 2})
    assert [each.n_images for each in class_progress.by_class(workspace, shown.collection_id)] == [11, 11, 0]
    assert sum(each.n_images for each in class_progress.by_licence(workspace, shown.collection_id)) == 22
    expect(page.locator("img[alt='<b>otter</b>']").first).to_be_visible()
    expect(page.get_by_text("Licences of 22 images")).to_be_visible()
    page.get_by_text("Rejected in photos (2)").click()
    expect(page.get_by_text("No longer on the web 2")).to_be_visible()
    score.click()
    expect(page.get_by_role("heading", name="Train", level=1)).to_be_visible(timeout=WORK_TIMEOUT_MS)
    [training] = [each for each in queue.list_jobs(workspace) if each.kind == "train"]
    queue.cancel(workspace, training.job_id)

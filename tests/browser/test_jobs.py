"""Jobs in the sidebar of every page, in a browser: how fast Cancel answers, and how a job's end is told."""

import os
import re
import threading
from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import decisions
from peakid.errors import JobError
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, presence, process, queue
from peakid.jobs.arguments import ScanArguments, TrainArguments
from peakid.jobs.ledger import Work
from peakid.jobs.results import TrainResult
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web import navigation
from tests.browser.conftest import go

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(autouse=True)
def no_worker(workspace: Workspace) -> Iterator[None]:
    """Hold the worker's lock, so that the jobs of a test do only what the test does."""
    lock = presence.take(workspace)
    assert lock is not None
    yield
    os.close(lock)


@pytest.fixture
def training(workspace: Workspace, frozen: Snapshot) -> Work:
    """A training that runs in this process."""
    arguments = TrainArguments(snapshot=frozen.digest, recipe=Recipe().model_dump())
    return begun(workspace, arguments, "gpu")


def begun(workspace: Workspace, arguments: TrainArguments | ScanArguments, lane: str) -> Work:
    job = queue.submit(workspace, arguments, lane=lane, settings=JobSettings(), actor="human:anna")
    work = ledger.claim(workspace, job.job_id, process.own())
    assert work is not None
    return work


@pytest.fixture
def reporting(training: Work) -> Generator[None]:
    """Report the progress of the training twice a second, from a thread of its own."""
    is_over = threading.Event()

    def report() -> None:
        for step in range(1000):
            if is_over.wait(0.5):
                break
            training.report("Training, epoch 1 of 9", step, 1000, f"{step} of 1,000 images, about 9 s left")
        training.workspace.close()

    thread = threading.Thread(target=report)
    thread.start()
    yield
    is_over.set()
    thread.join()


def sidebar(page: Page):
    return page.get_by_test_id("stSidebar")


def test_cancel_shows_its_effect_on_every_page(
    serve: Callable[[], str], page: Page, workspace: Workspace, training: Work
) -> None:
    training.report("Training, epoch 1 of 9", 10, 90, "40 of 96 images, about 90 s left")
    page.goto(serve())
    page.wait_for_selector(SETTLED)
    for n, each in enumerate(navigation.PAGES):
        with workspace.transaction() as connection:
            connection.execute("UPDATE job SET is_cancel_requested = 0")
        if n:
            go(page, each.name)
        expect(sidebar(page).get_by_text("Training, epoch 1 of 9: 40 of 96 images")).to_be_visible()
        sidebar(page).get_by_role("button", name="Cancel training").click()
        sidebar(page).get_by_text("Cancelling…").wait_for()
        assert queue.show(workspace, training.job_id).is_cancel_requested


def test_the_button_of_the_train_page_shows_its_effect_too(
    serve: Callable[[], str], page: Page, training: Work
) -> None:
    training.report("Training, epoch 1 of 9", 10, 90, "40 of 96 images, about 90 s left")
    page.goto(f"{serve()}/train")
    cancel = page.get_by_role("button", name="Cancel this training")
    expect(cancel).to_be_visible()
    expect(page.get_by_role("heading", name="All runs")).to_be_visible()  # The end of the page.
    page.wait_for_selector(SETTLED)
    cancel.click()
    page.get_by_text("Cancelling… The current step ends first.").wait_for()


@pytest.mark.usefixtures("reporting")
def test_progress_refreshes_itself_beside_fast_keys_in_review(
    serve: Callable[[], str], page: Page, workspace: Workspace
) -> None:
    page.goto(f"{serve()}/review")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)
    bar = sidebar(page).get_by_text("Training, epoch 1 of 9")
    seen = set()
    for _ in range(4):
        seen.add(bar.inner_text())
        page.keyboard.type("12212", delay=20)
        page.wait_for_timeout(700)
    expect(page.locator(".status .count")).to_contain_text("all saved")
    seen.add(bar.inner_text())
    assert len(seen) >= 3  # It was refreshed meanwhile.
    made = [each for each in decisions.log(workspace, limit=100) if each.actor == "human:anna"]
    assert [each.label for each in reversed(made)] == ["river", "sea", "sea", "river", "sea"] * 4


def test_a_job_that_another_process_submits_appears_by_itself(
    serve: Callable[[], str], page: Page, workspace: Workspace, frozen: Snapshot
) -> None:
    page.goto(f"{serve()}/classes")
    page.wait_for_selector(SETTLED)
    expect(sidebar(page).get_by_role("button", name="Cancel")).to_have_count(0)
    begun(workspace, ScanArguments(), "cpu").report("Comparing images", 20, 40, "20 of 40 images")
    expect(sidebar(page).get_by_text("Comparing images: 20 of 40 images")).to_be_visible()


def test_the_end_of_a_training_is_told_once_and_its_line_stays_until_it_is_dismissed(
    serve: Callable[[], str], page: Page, training: Work, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    address = serve()
    page.goto(f"{address}/review")
    page.locator(".tile").first.wait_for()
    training.note(TrainResult(run_id=add_run(frozen)))
    training.end("done")
    score = "Run 1: 80 % (49-97 %, n = 7)."
    toast = page.get_by_test_id("stToast")
    expect(toast).to_contain_text(score)
    link = toast.get_by_role("link", name="Evaluate")
    assert link.get_attribute("href") == "evaluate?run=1"
    expect(sidebar(page).get_by_text(score)).to_be_visible()
    expect(sidebar(page).get_by_role("button", name="Cancel")).to_have_count(0)
    page.wait_for_selector(SETTLED)

    page.reload()  # A new session of the server, but the same browser.
    expect(sidebar(page).get_by_text(score)).to_be_visible()
    page.wait_for_selector(SETTLED)
    expect(toast).to_have_count(0)
    sidebar(page).get_by_role("button", name="Dismiss").click()
    expect(sidebar(page).get_by_text(score)).to_have_count(0)
    page.wait_for_selector(SETTLED)
    page.reload()
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)
    expect(sidebar(page).get_by_text(score)).to_have_count(0)


def test_the_line_of_a_run_opens_its_evaluation_and_that_of_a_failed_job_its_log(
    serve: Callable[[], str],
    page: Page,
    workspace: Workspace,
    training: Work,
    frozen: Snapshot,
    add_run: Callable[..., int],
) -> None:
    page.goto(f"{serve()}/classes")
    page.wait_for_selector(SETTLED)
    scan = begun(workspace, ScanArguments(), "cpu")
    queue.log_path(workspace, scan.job_id).write_text("the last words of the scan")
    scan.end("failed", error=JobError("There is no room.", "Free some space."))
    training.note(TrainResult(run_id=add_run(frozen)))
    training.end("done")
    sidebar(page).get_by_role("button", name="Log").click()
    expect(page.get_by_role("dialog")).to_contain_text("the last words of the scan")
    page.keyboard.press("Escape")
    sidebar(page).get_by_role("link", name="Evaluate").filter(visible=True).last.click()
    page.get_by_role("heading", name="Evaluate", level=1).wait_for()
    expect(page).to_have_url(re.compile(r"/evaluate\?run=1$"))


def test_a_link_of_a_toast_opens_in_the_same_tab(
    serve: Callable[[], str],
    page: Page,
    training: Work,
    frozen: Snapshot,
    add_run: Callable[..., int],
) -> None:
    page.goto(f"{serve()}/classes")
    page.wait_for_selector(SETTLED)
    page.evaluate("window.isSameDocument = true")
    training.note(TrainResult(run_id=add_run(frozen)))
    training.end("done")
    page.get_by_test_id("stToast").get_by_role("link", name="Evaluate").click()
    page.get_by_role("heading", name="Evaluate", level=1).wait_for()
    expect(page).to_have_url(re.compile(r"/evaluate\?run=1$"))
    assert len(page.context.pages) == 1
    assert page.evaluate("window.isSameDocument")  # The session goes on.


def test_of_two_tabs_only_the_one_that_is_seen_shows_the_toast(
    serve: Callable[[], str], page: Page, training: Work, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    address = serve()
    behind = page.context.new_page()
    # A headless browser takes every tab for visible.
    behind.add_init_script("Object.defineProperty(Document.prototype, 'hidden', { get: () => true });")
    for tab in (page, behind):
        tab.goto(f"{address}/history")
        tab.wait_for_selector(SETTLED)
    run_id = add_run(frozen)
    training.note(TrainResult(run_id=run_id))
    training.end("done")
    for tab in (page, behind):
        expect(sidebar(tab).get_by_text(f"Run {run_id}:")).to_be_visible()
        expect(tab.get_by_test_id("stToast")).to_have_count(1)
    expect(page.get_by_test_id("stToast")).to_be_visible()
    expect(behind.get_by_test_id("stToast")).not_to_be_visible()

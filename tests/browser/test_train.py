"""The train page in a browser: a published recipe, an edited phase, a suggested learning rate."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from peakid.dataset import snapshot as snapshots
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, presence, process, queue
from peakid.jobs.arguments import RateFinderArguments
from peakid.jobs.results import RateFinderResult
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture(autouse=True)
def no_worker(workspace: Workspace) -> Iterator[None]:
    """Hold the worker's lock, so that nothing is trained."""
    lock = presence.take(workspace)
    assert lock is not None
    yield
    os.close(lock)


@pytest.fixture
def frozen(workspace: Workspace, fill: Callable[..., list[str]]) -> Snapshot:
    fill(river=24, sea=16)
    return snapshots.create(workspace, name="first", actor="human:anna")


@pytest.fixture
def searched(workspace: Workspace, frozen: Snapshot) -> int:
    """Return a job of the LR finder that is done."""
    arguments = RateFinderArguments(snapshot=frozen.digest, recipe=recipes.named("standard").model_dump())
    job_id = queue.submit(workspace, arguments, lane="gpu", settings=JobSettings(), actor="human:anna").job_id
    work = ledger.claim(workspace, job_id, process.own())
    assert work is not None
    rates = tuple(1e-7 * 10 ** (i / 10) for i in range(80))
    losses = tuple(1.0 - 0.01 * min(i, 100 - i) for i in range(80))
    found = {"valley": 1.23e-3, "slide": 4e-3, "minimum": 1e-3, "steep": 2e-4}
    work.note(RateFinderResult(suggestions=found, rates=rates, losses=losses))
    work.end("done")
    return job_id


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", name="Train", level=1).wait_for()
    page.wait_for_selector(SETTLED)


def type_into(page: Page, row: int, column: int, text: str) -> None:
    """Type into a cell of the table of phases with keys: the table is a canvas."""
    editor = page.locator("#portal").locator("input, textarea").first
    for _ in range(5):  # A table that is redrawn loses the focus.
        open_cell(page, row, column)
        try:
            editor.wait_for(timeout=3_000)
        except PlaywrightTimeout:
            continue
        break
    editor.fill(text)
    editor.press("Enter")
    page.wait_for_selector(SETTLED)


def open_cell(page: Page, row: int, column: int) -> None:
    grid = page.locator(".dvn-scroller").first
    grid.scroll_into_view_if_needed()
    grid.click(position={"x": 90, "y": 55})  # The first cell, past the handles of the rows.
    page.keyboard.press("Control+Home")
    for key, times in (("ArrowRight", column), ("ArrowDown", row), ("Enter", 1)):
        for _ in range(times):
            page.keyboard.press(key)


def confirm_random(page: Page) -> None:
    """Confirm random weights: these tests run on a machine without pretrained ones."""
    page.get_by_text("Train from random weights:").click()
    page.wait_for_selector(SETTLED)


def test_a_published_recipe_is_one_click_away_and_its_phases_can_be_edited(
    serve: Callable[[], str], page: Page, workspace: Workspace, frozen: Snapshot
) -> None:
    open_page(page, f"{serve()}/train")
    page.get_by_text("Reproduce a published recipe").click()
    button(page, "Otters").click()
    expect(
        page.get_by_text("20 epochs in 4 phases; the LR finder sets the peak when each phase starts")
    ).to_be_visible()
    expect(page.get_by_label("Image size (px)", exact=True).filter(visible=True).first).to_have_value("128")
    confirm_random(page)
    button(page, "Train resnet50").click()
    expect(button(page, "Cancel this training")).to_be_visible()
    [job] = queue.list_jobs(workspace)
    assert Recipe(**job.arguments.recipe) == recipes.named("otters")
    button(page, "Cancel this training").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    page.wait_for_selector(SETTLED)
    assert queue.show(workspace, job.job_id).state == "cancelled"

    type_into(page, row=1, column=1, text="0")  # Epochs of the second phase.
    expect(page.get_by_text("Phase 2: epochs=0 does not fit")).to_be_visible()
    expect(button(page, "Train resnet50")).to_be_disabled()
    type_into(page, row=1, column=1, text="9")
    type_into(page, row=1, column=3, text="0.0005")
    expect(
        page.get_by_text("24 epochs in 4 phases; highest learning rate in body 64 px: 5e-4")
    ).to_be_visible()
    confirm_random(page)
    button(page, "Train resnet50").click()
    expect(button(page, "Cancel this training")).to_be_visible()
    phases = Recipe(**queue.list_jobs(workspace)[0].arguments.recipe).phases
    assert phases is not None
    assert [(phase.epochs, phase.base_lr) for phase in phases] == [
        (5, "finder"),
        (9, 5e-4),
        (5, "finder"),
        (5, "finder"),
    ]


def test_a_suggested_learning_rate_is_used_with_one_click_and_trained_with(
    serve: Callable[[], str], page: Page, workspace: Workspace, searched: int
) -> None:
    open_page(page, f"{serve()}/train?job={searched}")
    expect(page.get_by_text("usual choice: 0.0012")).to_be_visible()
    button(page, "Use 0.0012 (valley)").click()
    expect(page.get_by_text("Peak learning rate is now 0.0012.")).to_be_visible()
    page.wait_for_selector(SETTLED)
    confirm_random(page)
    button(page, "Train resnet18").click()
    expect(button(page, "Cancel this training")).to_be_visible()
    submitted = Recipe(**queue.list_jobs(workspace)[0].arguments.recipe)
    assert submitted == recipes.with_settings(recipes.named("standard"), ["base_lr=1.2e-3"])
    page.reload()
    page.goto(f"{page.url.partition('?')[0]}?job={searched}")  # Its address still shows the LR finder.
    expect(button(page, "Use 0.004 (slide)")).to_be_visible()

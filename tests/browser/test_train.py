"""The train page in a real browser: a training that came before at one click, a phase typed into the table, a rate at one click."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from peakid.dataset import snapshot as snapshots
from peakid.jobs import ledger, presence, process, queue
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
    """A search for a rate that is done: its job."""
    arguments = {"snapshot": frozen.digest, "recipe": recipes.named("standard").model_dump()}
    job_id = queue.submit(workspace, "lr-find", arguments, lane="gpu", actor="human:anna").job_id
    work = ledger.claim(workspace, job_id, process.own())
    assert work is not None
    rates = [1e-7 * 10 ** (i / 10) for i in range(80)]
    found = {"valley": 1.23e-3, "slide": 4e-3, "minimum": 1e-3, "steep": 2e-4}
    work.note(suggestions=found, rates=rates, losses=[1.0 - 0.01 * min(i, 100 - i) for i in range(80)])
    work.end("done")
    return job_id


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", name="Train", level=1).wait_for()
    page.wait_for_selector(SETTLED)


def type_into(page: Page, row: int, column: int, text: str) -> None:
    """Write into a cell of the table of phases with keys: the table itself is a canvas."""
    editor = page.locator("#portal").locator("input, textarea").first
    for _ in range(5):  # A table that is drawn anew lets go of the keyboard.
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


def test_a_training_that_came_before_is_one_click_away_and_may_be_changed_in_its_table(
    serve: Callable[[], str], page: Page, workspace: Workspace, frozen: Snapshot
) -> None:
    open_page(page, f"{serve()}/train")
    page.get_by_text("Reproduce a training that came before").click()
    button(page, "Otters").click()
    expect(
        page.get_by_text("20 epochs in 4 phases; the LR finder sets the peak when each phase starts")
    ).to_be_visible()
    expect(page.get_by_label("Image size (px)", exact=True).filter(visible=True).first).to_have_value("128")
    button(page, "Train resnet50").click()
    expect(button(page, "Cancel this training")).to_be_visible()
    [job] = queue.list_jobs(workspace)
    assert Recipe(**job.arguments["recipe"]) == recipes.named("otters")
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
    button(page, "Train resnet50").click()
    expect(button(page, "Cancel this training")).to_be_visible()
    phases = Recipe(**queue.list_jobs(workspace)[0].arguments["recipe"]).phases
    assert phases is not None
    assert [(phase.epochs, phase.base_lr) for phase in phases] == [
        (5, "finder"),
        (9, 5e-4),
        (5, "finder"),
        (5, "finder"),
    ]


def test_a_rate_that_was_found_is_used_at_one_click_and_trained_with(
    serve: Callable[[], str], page: Page, workspace: Workspace, searched: int
) -> None:
    open_page(page, f"{serve()}/train?job={searched}")
    expect(page.get_by_text("usual choice: 0.0012")).to_be_visible()
    button(page, "Use 0.0012 (valley)").click()
    expect(page.get_by_text("0.0012 is the peak learning rate now.")).to_be_visible()
    page.wait_for_selector(SETTLED)
    button(page, "Train resnet18").click()
    expect(button(page, "Cancel this training")).to_be_visible()
    asked = Recipe(**queue.list_jobs(workspace)[0].arguments["recipe"])
    assert asked == recipes.with_settings(recipes.named("standard"), ["base_lr=1.2e-3"])
    page.reload()
    page.goto(
        f"{page.url.partition('?')[0]}?job={searched}"
    )  # The search is still there for whoever has its address.
    expect(button(page, "Use 0.004 (slide)")).to_be_visible()

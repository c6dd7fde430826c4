"""The whole loop in a real browser, from the first start to the prediction for a photo.

Screenshots of every page are saved in the folder of the test, or in $PEAKID_SCREENSHOTS.
"""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from peakid.dataset import snapshot as snapshots
from peakid.store import run_predictions, runs
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace
from tests import drawn_pages
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
WORK_TIMEOUT_MS = 240_000  # Drawing the demo, training and exporting, on two shared cores.
PAGES = ("overview", "collect", "review", "snapshots", "train", "evaluate", "models")


@pytest.fixture
def shoot(tmp_path: Path) -> Callable[[Page, str], None]:
    """Save what the browser shows: `shoot(page, "train_running")`."""
    folder = Path(os.environ.get("PEAKID_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png") and None


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def go(page: Page, name: str) -> None:
    """Open a page through the navigation, whose titles may end in a count."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    page.wait_for_selector(SETTLED)


def visible(page: Page, label: str) -> Locator:
    """Return the visible field with this label."""
    return page.get_by_label(label, exact=True).filter(visible=True).first


def fill(page: Page, label: str, value: str) -> None:
    field = visible(page, label)
    field.fill(value)
    field.press("Enter")
    page.wait_for_selector(SETTLED)


def review_some(page: Page) -> None:
    """Keep three images, relabel one, exclude one, undo that, and flag it."""
    page.locator(".tile").first.wait_for(timeout=WORK_TIMEOUT_MS)
    page.wait_for_selector(SETTLED)
    page.keyboard.type("   2xzf", delay=20)
    expect(page.locator(".status .count")).to_contain_text("all saved")


def freeze(page: Page) -> None:
    fill(page, "Name", "first look")
    button(page, "Freeze a snapshot").click()
    expect(page.get_by_text("as Snapshot 1 (first look).")).to_be_visible()


def start_tiny_training(page: Page) -> None:
    """The smallest architecture, small images, random weights, one epoch: seconds, and no download."""
    button(page, "Train on this snapshot").click()
    button(page, "Scratch").click()
    expect(visible(page, "Epochs: from scratch")).to_have_value("60")
    architecture = page.get_by_role("combobox", name="Architecture")
    architecture.fill("mobilenet_v3_small")
    architecture.press("Enter")
    fill(page, "Image size (px)", "64")
    fill(page, "Epochs: from scratch", "1")
    button(page, "Train mobilenet_v3_small").click()
    expect(page.get_by_text("You can close this page; the job continues.")).to_be_visible()


def click_worst_cell(page: Page, workspace: Workspace) -> tuple[str, str, int]:
    """Click the largest cell off the diagonal; return its two classes and its number of images."""
    run = runs.show(workspace, 1)
    cells = [(each.given_label, each.predicted_label) for each in run_predictions.rows(workspace, 1, "valid")]
    given, predicted = max((cell for cell in cells if cell[0] != cell[1]), key=cells.count)
    row, column = run.class_names.index(given), run.class_names.index(predicted)
    n_classes = len(run.class_names)
    matrix = page.locator(".matrix")
    left, top, right, bottom = map(float, str(matrix.get_attribute("data-cells")).split())
    x, y = left + (column + 0.5) * (right - left) / n_classes, top + (row + 0.5) * (bottom - top) / n_classes
    matrix.locator("canvas").click(position={"x": x, "y": y})
    return given, predicted, cells.count((given, predicted))


def open_by(page: Page, control: Locator, address: str) -> None:
    """Click until another page opens: a click is lost while the page is drawn anew, as after a training."""
    for _ in range(4):
        control.click()
        with contextlib.suppress(PlaywrightTimeout):
            page.wait_for_url(address, timeout=10_000)
            return
    raise AssertionError(f"{address} does not open")


def test_a_new_user_gets_from_the_first_start_to_a_prediction(
    server: Server,
    page: Page,
    workspace: Workspace,
    shoot: Callable[[Page, str], None],
    chromium: Browser,
) -> None:
    address = server.start()
    page.goto(address)
    button(page, "Open the demo").wait_for()
    shoot(page, "overview_first_start")
    button(page, "Open the demo").click()
    page.wait_for_url("**/w/*/review*", timeout=WORK_TIMEOUT_MS)
    address = page.url.partition("/review")[0]
    workspace = workspaces.open_existing(workspace.path.with_name("demo"))
    review_some(page)
    shoot(page, "review")

    go(page, "Snapshots")
    shoot(page, "snapshots_empty")
    freeze(page)
    shoot(page, "snapshots")
    frozen = snapshots.show(workspace)
    assert (frozen.name, len(frozen.class_names)) == ("first look", 6)

    start_tiny_training(page)
    shoot(page, "train_running")
    expect(button(page, "Evaluate run 1")).to_be_visible(timeout=WORK_TIMEOUT_MS)
    shoot(page, "train_done")
    assert len(runs.epochs(workspace, 1)) == 1

    open_by(page, button(page, "Evaluate run 1"), "**/evaluate*")
    expect(page.get_by_text(f"n = {frozen.splits['valid']})").first).to_be_visible()
    page.locator(".matrix[data-cells] canvas").wait_for()
    shoot(page, "evaluate")
    given, predicted, n_images = click_worst_cell(page, workspace)
    expect(page.get_by_text(f"{given} taken for {predicted}: {n_images} image")).to_be_visible()
    expect(page.locator(".status .count")).to_contain_text(f"0 of {n_images}")
    expect(page.locator(".tile").first).to_be_visible()
    shoot(page, "evaluate_cell")

    go(page, "Models")
    button(page, "Export run 1").click()
    expect(page.get_by_text("Checked", exact=True)).to_be_visible(timeout=WORK_TIMEOUT_MS)
    photo = next((workspace.path / "demo" / "photos" / given).iterdir())
    uploader = page.get_by_test_id("stFileUploader").filter(has_text="Try photos on export")
    uploader.locator("input[type=file]").set_input_files(photo)
    expect(page.get_by_text(re.compile(r"\([\d.]+ %\)$"))).to_be_visible()
    drawn_pages.draw_all(page)
    expect(page.locator(".js-plotly-plot .barlayer .point")).to_have_count(5)
    shoot(page, "models")
    if "PEAKID_SCREENSHOTS" in os.environ:
        shoot_in_the_dark(chromium, address, shoot)


def shoot_in_the_dark(chromium: Browser, address: str, shoot: Callable[[Page, str], None]) -> None:
    """Save a screenshot of every page in the dark theme; no page may show an error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page = context.new_page()
    for name in PAGES:
        page.goto(address if name == "overview" else f"{address}/{name}")
        content = page.locator(".tile").first if name == "review" else page.get_by_role("heading", level=1)
        content.wait_for()
        page.wait_for_selector(SETTLED)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_test_id("stException").or_(page.get_by_role("dialog"))).to_have_count(0)
        shoot(page, f"{name}_dark")
    context.close()

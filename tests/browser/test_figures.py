"""No text of a figure is cut, with many classes and long names, on a laptop and on a tablet."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import classes
from peakid.dataset import snapshot as snapshots
from peakid.store.workspace import Workspace
from tests import drawn_pages, planted_runs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
N_CLASSES = 18  # More than the matrix has numbers for.
CUT = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap((plot) => {
  const frame = plot.querySelector(".svg-container").getBoundingClientRect();
  return [...plot.querySelectorAll(".main-svg text")].filter((text) => {
    const box = text.getBoundingClientRect();
    return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 ||
      box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
  }).map((text) => text.textContent);
})"""
VIEWS = ("", "evaluate?run=2&tab=trust", "evaluate?run=2&tab=slices&by=class", "train?run=1&runs=1,2")


@pytest.fixture
def many(workspace: Workspace, fill: Callable[..., list[str]]) -> Workspace:
    """Two runs on many classes with long names, in wide and in narrow letters."""
    fill(**{"c" + "x" * n: 4 for n in range(N_CLASSES)})
    names = [
        f"WWWWWW MMMMMM {n:02} WWWWWWWW" if n % 2 else f"Rimpfischhorn, wall {n:02}" for n in range(N_CLASSES)
    ]
    for n, name in enumerate(names):
        classes.rename(workspace, "c" + "x" * n, name)
    frozen = snapshots.create(workspace, name="all", actor="human:anna")
    wrong = dict(zip(names, (*names[1:], names[0]), strict=True))
    for _ in range(2):
        planted_runs.plant(workspace, frozen, wrong)
    return workspace


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(SETTLED)
    page.evaluate(
        "() => document.querySelectorAll('details:not([open]) > summary').forEach((e) => e.click())"
    )
    page.wait_for_timeout(1_500)  # Figures are laid out after the script has ended.
    drawn_pages.draw_all(page)


@pytest.mark.thorough
@pytest.mark.parametrize("size", [(1280, 800), (820, 1180)])
def test_no_text_of_a_figure_is_cut(
    serve: Callable[[], str], many: Workspace, page: Page, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    address = serve()
    cut = []
    for view in VIEWS:
        opened(page, f"{address}/{view}")
        cut += [(view, text) for text in page.evaluate(CUT)]
    assert cut == []


def test_a_frequent_confusion_opens_its_images_in_review(
    serve: Callable[[], str], many: Workspace, page: Page
) -> None:
    page.goto(f"{serve()}/evaluate?run=2")
    page.wait_for_selector(SETTLED)
    page.get_by_role("button", name="taken for").first.click()
    expect(page).to_have_url(re.compile(r"/review\?queue=confusion"))
    expect(page.locator(".tile").first).to_be_visible()

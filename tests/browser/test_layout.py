"""Every page in a laptop's window and on a tablet held upright: nothing is cut, the sidebar leaves room."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from peakid.curate import classes
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import charts
from peakid.store import exports, runs
from peakid.store.workspace import Workspace
from peakid.web import navigation
from tests import drawn_pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAPTOP: ViewportSize = {"width": 1280, "height": 800}
TABLET: ViewportSize = {"width": 820, "height": 1180}
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
N_CLASSES = 50
# In the grids too, which are in shadow trees: Playwright finds what is inside them, a script does not.
CUT_BUTTONS = """(buttons) => buttons.flatMap((button) => {
  const label = button.querySelector("p") ?? button;
  if (!button.checkVisibility({ visibilityProperty: true }) || !/[a-z]/i.test(label.innerText)) return [];
  const isIcon = getComputedStyle(label.firstElementChild ?? label).fontFamily.includes("Material");
  const line = parseFloat(getComputedStyle(label).lineHeight) || 20;
  const group = button.closest("[data-testid=stButtonGroup] > div") ?? button;
  const isWide = [button, label, group].some((element) => element.scrollWidth > element.clientWidth + 1);
  const isTall = label.clientHeight > 1.6 * line && button.clientHeight > 60;
  return !isIcon && (isWide || isTall) ? [`button ${label.innerText}`] : [];
})"""
CUT_BOXES = """(boxes) => boxes
  .filter((box) => box.clientWidth && box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${box.dataset.testid ?? box.className} ${box.scrollWidth} in ${box.clientWidth}`)"""
BOXES = "[data-testid=stMain], [data-testid=stTable], [data-testid=stMetric] *, .dvn-scroller"
FONTS = """() => [...document.querySelectorAll(
  ".js-plotly-plot text, [data-testid=stMain] :is(h1, h2, p, button), [data-testid=stSidebar] a"
)].map((element) => getComputedStyle(element).fontFamily)"""
WHOLE_WIDTH = "document.querySelector('[data-testid=stMain]').clientWidth === innerWidth"
RIGHT_EDGE = "(tiles) => Math.max(...tiles.map((tile) => tile.getBoundingClientRect().right))"


@pytest.fixture
def filled(
    workspace: Workspace, fill: Callable[..., list[str]], add_run: Callable[..., int], colour_export
) -> Workspace:
    """A workspace with 52 classes, runs and an export."""
    fill(river=24, sea=16)
    made = snapshots.create(workspace, name="first", actor="human:anna")
    for _ in range(2):
        run_id = add_run(made, n_wrong=2)
    runs.finish(workspace, add_run(made), "failed")
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 6_000_000}]
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 4.5e-8, "agreement": 1.0}}
    exports.add(workspace, run_id=run_id, path=colour_export, files=files, parity=parity)
    for n in range(N_CLASSES):
        classes.add(workspace, f"class number {n}")
    return workspace


@pytest.fixture
def tablet(page: Page) -> Page:
    return resized(page, TABLET)


def resized(page: Page, size: ViewportSize) -> Page:
    """Make the window as large as a laptop's, or as a tablet that is dark."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="dark" if size == TABLET else "light")
    return page


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("[data-testid=stMain] :is(h1, .tile, .pair, [data-testid=stButtonGroup])").first.wait_for()
    page.wait_for_selector(SETTLED)
    expect(page.locator("[data-testid=stMain] [data-testid=stSkeleton]")).to_have_count(0)
    if page.viewport_size == TABLET:
        page.wait_for_function(WHOLE_WIDTH)  # The sidebar is folded with a transition.
    page.wait_for_timeout(700)  # Components mount after the script has ended.


def cuts(page: Page) -> list[str]:
    """Return the buttons, tables and figures that are wider than their box, and buttons of two lines."""
    buttons = page.locator("[data-testid=stMain] button").evaluate_all(CUT_BUTTONS)
    return [*buttons, *page.locator(BOXES).evaluate_all(CUT_BOXES)]


@pytest.mark.thorough
def test_nothing_is_cut_on_any_page(serve: Callable[[], str], filled: Workspace, page: Page) -> None:
    address = serve()
    found = []
    for each in navigation.PAGES:
        for size in (LAPTOP, TABLET):
            opened(resized(page, size), f"{address}/{each.name if each.name != 'overview' else ''}")
            found += [(each.name, size["width"], cut) for cut in cuts(page)]
    assert not found, "\n".join(map(str, found))


def test_on_a_tablet_the_sidebar_is_folded_until_a_person_opens_it(
    serve: Callable[[], str], filled: Workspace, page: Page
) -> None:
    address = serve()
    opened(page, address)
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")
    box = page.get_by_role("heading", name="Latest runs").bounding_box()
    assert box is not None
    assert box["y"] < LAPTOP["height"]  # Many classes leave the runs in the first window.
    tablet = resized(page, TABLET)
    opened(tablet, address)
    unfold = tablet.get_by_test_id("stExpandSidebarButton")
    expect(unfold).to_be_visible()
    unfold.click()
    tablet.get_by_test_id("stSidebarNavLink").filter(has_text="Train").click()
    expect(tablet.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    tablet.wait_for_timeout(700)
    expect(tablet.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "false")


def test_on_a_tablet_the_headline_of_a_score_is_whole_and_the_grid_takes_the_room_of_the_sidebar(
    serve: Callable[[], str], filled: Workspace, tablet: Page
) -> None:
    address = serve()
    for path, label in (("", "Run 2, validation"), ("evaluate?run=2", "Accuracy (validation)")):
        opened(tablet, f"{address}/{path}")
        value = tablet.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")
        expect(value).to_contain_text(re.compile(r"^\d+ % \(\d+-\d+ %, n = \d+\)$"))
        box = value.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= TABLET["width"]
        assert box["y"] + box["height"] < TABLET["height"]
    opened(tablet, f"{address}/review?queue=all")
    assert tablet.locator(".tile").evaluate_all(RIGHT_EDGE) > TABLET["width"] - 60


def test_a_figure_follows_the_width_of_its_place(
    serve: Callable[[], str], filled: Workspace, page: Page
) -> None:
    opened(page, serve())
    drawn_pages.draw_all(page)
    width = """() => document.querySelector(".js-plotly-plot .main-svg").getBoundingClientRect().width"""
    before = page.evaluate(width)
    page.get_by_test_id("stSidebar").hover()  # Its button is hidden before.
    page.get_by_test_id("stSidebarCollapseButton").locator("button").click()
    page.wait_for_function(f"before => ({width})() > before + 50", arg=before)
    place = page.locator(".figure").first.bounding_box()
    assert place is not None
    assert abs(page.evaluate(width) - place["width"]) < 2


def test_plots_tables_and_tooltips_have_the_font_of_the_page(
    serve: Callable[[], str], filled: Workspace, page: Page
) -> None:
    address = serve()
    for path in ("", "evaluate?run=2&tab=trust", "train?run=1&runs=1,2"):
        opened(page, f"{address}/{path}")
        drawn_pages.draw_all(page)
        plot = page.locator(".js-plotly-plot").first
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None
        for share in (0.3, 0.5, 0.7):  # Somewhere over a mark, for its tooltip.
            page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
            page.wait_for_timeout(100)
        expected = re.sub(r"['\"]", "", charts.FONT)
        others = {
            each for each in page.evaluate(FONTS) if not re.sub(r"['\"]", "", each).startswith(expected)
        }
        assert not others, path

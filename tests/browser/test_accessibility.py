"""Every page in both themes through axe-core, and what only a browser shows: focus, zoom and motion."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from peakid.acquire import folder
from peakid.curate.duplicates import find
from peakid.dataset import snapshot as snapshots
from peakid.resources import PROJECT_ROOT
from peakid.store import exports
from peakid.store.workspace import Workspace
from peakid.web import navigation

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
SEVERE = ("critical", "serious")
VIEWS = (
    "review?queue=all",
    "duplicates?tab=exact",
    "history?section=pace",
    "history?section=keep",
    "snapshots?section=images",
    "snapshots?section=files",
    "evaluate?run=1&given=river&predicted=sea",
    "evaluate?run=1&tab=slices",
    "train?run=1&runs=1,1",
    "train?before=1&job=%C2%B2",  # The sentence about an address.
)
# Inside Streamlit's own widgets, which pages cannot change: (rule, part of the selector): reason.
OF_STREAMLIT: dict[tuple[str, str], str] = {}


@pytest.fixture
def filled(
    workspace: Workspace,
    fill: Callable[..., list[str]],
    draw: Callable[..., bytes],
    add_run: Callable[..., int],
    colour_export: Path,
    tmp_path: Path,
) -> Workspace:
    """A workspace in which every page has something to show."""
    fill(river=24, sea=16)
    root = tmp_path / "photos" / "sea"
    root.mkdir(parents=True)
    for n in range(2):
        (root / f"{n}.png").write_bytes(draw(n, size=(64, 48), format="PNG"))
        Image.open(root / f"{n}.png").save(root / f"{n}.bmp")
    folder.import_folder(workspace, root.parent, actor="import:folder")
    find.scan(workspace)
    run_id = add_run(snapshots.create(workspace, name="first", actor="human:anna"), n_wrong=2)
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
    parity = {"onnx": {"n_images": 4, "max_abs_diff": 0.0, "agreement": 1.0}}
    exports.add(workspace, run_id=run_id, path=colour_export, files=files, parity=parity)
    return workspace


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("[data-testid=stMain] :is(h1, .tile, .pair, [data-testid=stButtonGroup])").first.wait_for()
    page.wait_for_selector(SETTLED)
    page.wait_for_timeout(500)  # Components mount after the script has ended.


def violations(page: Page) -> list[tuple[str, str, str, str]]:
    """Return (impact, rule, selector, what to do) of each finding that is ours."""
    if "axe" not in page.evaluate("Object.keys(window)"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = json.loads(
        page.evaluate("async () => JSON.stringify((await axe.run()).violations)"),
    )
    return [
        (each["impact"], each["id"], str(node["target"]), node["failureSummary"] + node["html"])
        for each in found
        for node in each["nodes"]
        if each["impact"] in SEVERE or each["id"] == "heading-order"
        if not any(each["id"] == rule and part in str(node["target"]) for rule, part in OF_STREAMLIT)
    ]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `npm ci`")
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_axe_finds_nothing_severe_on_any_page(
    serve: Callable[[], str], filled: Workspace, page: Page, theme: Literal["light", "dark"]
) -> None:
    address = serve()
    page.emulate_media(color_scheme=theme)
    found = []
    pages = [each.name for each in navigation.PAGES]
    for path in (*pages, *VIEWS):
        opened(page, f"{address}/{path}" if path != "overview" else address)
        found += [(path, *each) for each in violations(page)]
    assert not found, "\n".join(map(str, found))


FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.className?.toString() ?? "";
}"""
FOCUS_STYLE = """() => {
  const { outlineStyle, transitionDuration } = getComputedStyle(document.activeElement);
  return { id: document.activeElement.dataset.testid, outline: outlineStyle, transition: transitionDuration };
}"""
IS_IN_DIALOG = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return Boolean(element?.closest("[role=dialog]"));
}"""


def test_the_pictures_are_within_three_tab_stops_and_panels_take_and_keep_the_focus(
    serve: Callable[[], str], filled: Workspace, page: Page
) -> None:
    address = serve()
    for path, holder in (("duplicates?tab=exact", "rows"), ("review?queue=all", "grid")):
        opened(page, f"{address}/{path}")
        page.get_by_test_id("stMain").focus()
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) == "skip"
        page.keyboard.press("Enter")
        assert holder in page.evaluate(FOCUSED)
        page.keyboard.press("ArrowRight")  # A key of the grid, not of the link.
    for how, n_stops in (("?", 0), ("x", 2), ("/", 1)):
        page.keyboard.press(how)
        expect(page.get_by_role("dialog")).to_be_visible()
        for key in ("Tab", "Tab", "Shift+Tab", *["Tab"] * n_stops):
            assert page.evaluate(IS_IN_DIALOG), (how, key)
            page.keyboard.press(key)
        assert page.evaluate(IS_IN_DIALOG), how
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.evaluate(FOCUSED) == "grid", how
    page.get_by_role("button", name="Keys").click()
    assert page.evaluate(IS_IN_DIALOG)


def test_at_twice_the_size_the_pictures_start_in_the_first_window(
    serve: Callable[[], str], filled: Workspace, chromium: Browser
) -> None:
    address = serve()
    context = chromium.new_context(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    page = context.new_page()
    for path in ("review?queue=all", "duplicates?tab=exact"):
        opened(page, f"{address}/{path}")
        box = page.locator(".tile, .duplicates .row").first.bounding_box()
        assert box is not None
        assert box["y"] < 400, (path, box)
    context.close()


def test_the_navigation_shows_the_focus_and_motion_is_reduced_on_request(
    serve: Callable[[], str], filled: Workspace, page: Page
) -> None:
    page.emulate_media(reduced_motion="reduce")
    opened(page, f"{serve()}/review?queue=all")
    page.get_by_test_id("stSidebarNavLink").first.focus()
    page.keyboard.press("Tab")
    style = page.evaluate(FOCUS_STYLE)
    assert (style["id"], style["outline"]) == ("stSidebarNavLink", "solid")
    assert float(style["transition"].removesuffix("s")) < 0.001

"""The map in a browser: photos on hover, a lasso that becomes a queue, colours, the way from Review."""

import math
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from peakid.embed import layouts, placing, projection, stored
from peakid.resources import PROJECT_ROOT
from peakid.store.workspace import Workspace
from tests import planted_embeddings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
DRAWN = ".map[data-drawn='12']"
WITHOUT_WEBGL = """const made = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : made.call(this, kind, ...rest);
};"""
RIVER, SEA = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)  # The first colours of classes.
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def places(workspace: Workspace, fill: Callable[..., list[str]]) -> list[tuple[float, float]]:
    """Eight images of river on one side of the map and four of sea on the other: their places by image id."""
    digests = fill(river=8, sea=4)
    workspace.connection().execute("UPDATE class SET name = ? WHERE name = 'sea'", (HOSTILE,))
    vectors = {
        digest: [1 if n < 8 else -1, math.sin(n) / 2, math.cos(3 * n) / 4] for n, digest in enumerate(digests)
    }
    planted_embeddings.plant(workspace, vectors)
    layout = layouts.pca(workspace, stored.find(workspace).set_id)
    return [tuple(each) for each in layouts.points(workspace, layout.layout_id).xy.tolist()]


def at(page: Page, place: tuple[float, float]) -> tuple[float, float]:
    """Return where a place of the whole map is in the window, in px."""
    box = page.locator(".overlay").bounding_box()
    assert box is not None
    scale = min(box["width"], box["height"]) / 2 * 0.94
    return box["x"] + box["width"] / 2 + place[0] * scale, box["y"] + box["height"] / 2 - place[1] * scale


def lasso(page: Page, inside: list[tuple[float, float]]) -> None:
    """Draw around places of the whole map."""
    points = [at(page, place) for place in inside]
    left, right = min(x for x, _ in points) - 15, max(x for x, _ in points) + 15
    top, bottom = min(y for _, y in points) - 15, max(y for _, y in points) + 15
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def test_the_map_shows_photos_and_a_lasso_becomes_a_queue(
    workspace: Workspace, places: list[tuple[float, float]], serve: Callable[[], str], profile: BrowserContext
) -> None:
    page = profile.new_page()
    page.add_init_script("window.alerted = false; window.alert = () => { window.alerted = true; };")
    address = serve()
    page.goto(f"{address}/map")
    expect(page.locator(DRAWN)).to_be_visible()

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save picture").click()
    assert waiting.value.suggested_filename == "map.png"
    with Image.open(waiting.value.path()) as picture:
        assert {RIVER, SEA} <= {colour for _, colour in picture.convert("RGB").getcolors(100_000) or ()}

    page.mouse.move(*at(page, places[11]))  # A photo appears beside the pointer; its name is text.
    expect(page.locator(".tip .label")).to_have_text(f"{HOSTILE}, not confirmed")
    assert "/thumb/" in (page.locator(".tip img").get_attribute("src") or "")

    legend = page.get_by_role("list", name="Legend")
    expect(legend.locator("li")).to_have_count(2)
    expect(legend.locator("li").first).to_contain_text("river")
    page.get_by_role("button", name="Lasso").click()
    lasso(page, places[8:])
    page.get_by_role("button", name="Open 4 in Review").click()
    expect(page.locator(".gallery .tile")).to_have_count(4)
    assert parse_qs(urlsplit(page.url).query)["queue"] == ["selection:1"]

    page.goto(f"{address}/map")  # What the legend hides is not selected.
    page.locator(DRAWN).wait_for()
    page.get_by_role("button", name="Show only river").click()
    page.locator(".overlay").focus()
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Open 8 in Review")).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_role("radio", name="Source").click()  # Another colour, kept in the address.
    expect(legend.locator("li")).to_have_count(1)
    expect(legend.locator("li")).to_contain_text("folder")
    assert "colour=source" in page.url
    x, y = at(page, places[0])
    page.mouse.click(x, y)  # A click opens one image.
    expect(page.locator(".gallery .tile")).to_have_count(1)
    page.get_by_role("button", name="Map", exact=True).click()  # And from there back, highlighted.
    page.locator(DRAWN).wait_for()
    assert "image=" in page.url
    expect(page.locator(".tip .label")).to_have_text("river, not confirmed")

    page.goto(f"{address}/review?queue=all")  # Beside the grid: counts that filter.
    expect(page.locator(".counts")).to_have_count(0)
    page.get_by_role("button", name="Counts", exact=True).click()
    page.locator(".counts .value", has_text="river").click()
    expect(page.locator(".gallery .tile")).to_have_count(8)
    bars = page.locator(".histogram", has_text="Sharpness").locator(".bars")
    box = bars.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 20, box["y"] + 20, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Range: sharpness=").wait_for()
    assert 0 < page.locator(".gallery .tile").count() < 8
    page.locator(".histogram", has_text="Sharpness").get_by_role("button", name="Any").click()
    expect(page.locator(".gallery .tile")).to_have_count(8)
    assert page.evaluate("window.alerted") is False


def test_zooming_in_shows_the_images_that_the_whole_map_does_not_draw(
    workspace: Workspace,
    places: list[tuple[float, float]],
    serve: Callable[[], str],
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:  # In this process only: the server draws any number.
        patched.setattr(layouts, "MOST_POINTS", 5)
        patched.setattr(projection, "has_umap", lambda: True)
        patched.setattr(projection, "umap", lambda features, report: projection.pca(features))
        layout = placing.place_all(workspace, layouts.make(workspace, stored.find(workspace).set_id, "umap"))
    page.goto(f"{serve()}/map?layout=umap")
    page.locator(".map[data-drawn='5']").wait_for()
    expect(page.locator(".map .message")).to_have_text("5 of 12 images")
    everywhere = layouts.all_points(workspace, layout)
    middle = tuple(everywhere.xy[0].tolist())
    page.mouse.move(*at(page, middle))
    for _ in range(6):
        page.mouse.wheel(0, -400)
    expect(page.locator(".map .message")).to_contain_text("in this part")
    n = int(page.locator(".map").get_attribute("data-drawn") or 0)
    assert 1 <= n < 12
    page.locator(".overlay").focus()
    page.keyboard.press("0")  # The whole map draws its sample again.
    expect(page.locator(".map .message")).to_have_text("5 of 12 images")


def test_the_map_works_without_webgl_and_passes_axe(
    workspace: Workspace, places: list[tuple[float, float]], serve: Callable[[], str], profile: BrowserContext
) -> None:
    page = profile.new_page()
    page.add_init_script(WITHOUT_WEBGL)
    page.goto(f"{serve()}/map")
    expect(page.locator(f"{DRAWN}[data-painter=canvas]")).to_be_visible()
    page.mouse.move(*at(page, places[3]))
    expect(page.locator(".tip .label")).to_have_text("river, not confirmed")
    page.locator(".overlay").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("0")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Open 12 in Review")).to_be_visible()
    if Path(AXE).is_file():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(
            "axe.run(document.querySelector('[data-testid=stMain]')).then((found) => found.violations)"
        )
        severe = [each for each in found if each["impact"] in ("critical", "serious")]
        assert severe == []

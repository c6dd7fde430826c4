"""Ten thousand images by wheel: the grid stays where it is, and keys judge images in sight only."""

import os
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from peakid.curate import decisions
from peakid.records import Decision
from peakid.store import images
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_IMAGES = 10_000
N_JUDGED = 10  # Places on the way.
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# The grid is in a shadow root; each of these is a function of the grid.
SCROLL_TOP = "(grid) => grid.scrollTop"
LAST_DRAWN = "(grid) => Math.max(...[...grid.querySelectorAll('.tile')].map((tile) => +tile.id.slice(5)))"
# The image nearest to the middle of the grid, and its own middle: a click between images does nothing.
IN_THE_MIDDLE = """(grid) => {
  const middle = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return [(left + right) / 2, (top + bottom) / 2];
  };
  const [x, y] = middle(grid);
  const away = (tile) => Math.hypot(middle(tile)[0] - x, middle(tile)[1] - y);
  const tiles = [...grid.querySelectorAll('.tile')].sort((a, b) => away(a) - away(b));
  return { digest: tiles[0].dataset.digest, at: middle(tiles[0]) };
}"""
# After the last turn of the wheel, the grid may move for some frames.
STOOD_STILL = """(grid) => new Promise((resolve) => {
  let [last, n] = [grid.scrollTop, 0];
  const look = () => {
    n = grid.scrollTop === last ? n + 1 : 0;
    last = grid.scrollTop;
    if (n >= 5) resolve(last);
    else requestAnimationFrame(look);
  };
  look();
})"""
FIRST_IN_SIGHT = """(grid) => {
  const { top } = grid.getBoundingClientRect();
  const tiles = [...grid.querySelectorAll('.tile')];
  return tiles.find((tile) => tile.getBoundingClientRect().top >= top).dataset.digest;
}"""
# How far the grid ever moves back, in px. The wheel only moves it forward.
WATCH = """(grid) => {
  let furthest = 0;
  window.back = 0;
  grid.addEventListener('scroll', () => {
    window.back = Math.max(window.back, furthest - grid.scrollTop);
    furthest = Math.max(furthest, grid.scrollTop);
  });
}"""


@pytest.fixture
def many(
    workspace: Workspace, plant: Callable[..., dict[str, str]], draw: Callable[..., bytes]
) -> dict[str, str]:
    """Rows without bytes, which share eight thumbnails by hard links; two classes. Digests by name."""
    digests = plant({f"{n:05}": "river" for n in range(N_IMAGES - 1)} | {"last": "sea"})
    for n in range(8):
        (workspace.thumbs_dir / f"shared-{n}.jpg").write_bytes(draw(n, size=(256, 192)))
    for n, digest in enumerate(digests.values()):
        path = images.thumbnail_path(workspace, digest)
        path.parent.mkdir(exist_ok=True)
        os.link(workspace.thumbs_dir / f"shared-{n % 8}.jpg", path)
    return digests


def open_review(page: Page, address: str) -> None:
    page.goto(f"{address}/review?queue=unreviewed")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)


def judgements(workspace: Workspace) -> list[Decision]:
    """The reviewer's decisions, oldest first."""
    return [row for row in reversed(decisions.log(workspace, limit=1000)) if row.actor == "human:anna"]


def grid_of(page: Page) -> Locator:
    return page.locator(".gallery .grid")


def centre_of(page: Page) -> tuple[float, float]:
    box = grid_of(page).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.thorough
def test_ten_thousand_images_are_scrolled_to_the_end_and_judged_on_the_way(
    serve: Callable[[], str], page: Page, many: dict[str, str], workspace: Workspace
) -> None:
    open_review(page, serve())
    grid_of(page).evaluate(WATCH)
    page.mouse.move(*centre_of(page))
    chosen: list[str] = []
    for _ in range(3000):
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(30)
        seen = grid_of(page).evaluate(LAST_DRAWN)
        if len(chosen) < N_JUDGED and seen > (len(chosen) + 0.5) * N_IMAGES / N_JUDGED:
            before = grid_of(page).evaluate(STOOD_STILL)
            image = grid_of(page).evaluate(IN_THE_MIDDLE)
            chosen.append(image["digest"])
            page.mouse.click(*image["at"])
            page.mouse.move(*centre_of(page))
            page.keyboard.press("2")  # The class sea.
            page.wait_for_timeout(300)
            assert abs(grid_of(page).evaluate(SCROLL_TOP) - before) <= 1
        if seen == N_IMAGES - 1:
            break
    expect(page.locator(f"#tile-{N_IMAGES - 1}")).to_be_visible()
    expect(page.locator(".status .count")).to_have_text(re.compile("^10 of 10,000 .*all saved$"))
    assert page.evaluate("window.back") <= 1  # px
    assert [(row.digest, row.label) for row in judgements(workspace)] == [(each, "sea") for each in chosen]
    assert len(set(chosen)) == N_JUDGED


@pytest.mark.parametrize(
    "key",
    ["2", *(pytest.param(key, marks=pytest.mark.thorough) for key in ("/", "Enter")), "Shift+ArrowRight"],
)
def test_a_key_for_an_image_out_of_sight_shows_it_and_does_nothing(
    serve: Callable[[], str], page: Page, plant: Callable[..., dict[str, str]], workspace: Workspace, key: str
) -> None:
    plant({f"{n:05}": "river" for n in range(200)} | {"last": "sea"})
    open_review(page, serve())
    page.mouse.move(*centre_of(page))
    page.mouse.wheel(0, 1500)
    expect(page.locator("#tile-0")).to_have_count(0)
    page.keyboard.press(key)
    expect(page.locator("#tile-0.focus")).to_be_in_viewport()
    expect(page.locator(".status .message")).to_contain_text("out of sight")
    expect(page.locator(".tile.selected")).to_have_count(0)
    expect(page.locator(".panel")).to_have_count(0)
    page.wait_for_timeout(500)
    assert judgements(workspace) == []
    page.keyboard.press("2")
    expect(page.locator(".status .count")).to_contain_text("1 of 201 · all saved")
    assert [row.label for row in judgements(workspace)] == ["sea"]


def test_an_arrow_moves_from_where_the_person_looks(
    serve: Callable[[], str], page: Page, plant: Callable[..., dict[str, str]]
) -> None:
    plant({f"{n:05}": "river" for n in range(200)})
    open_review(page, serve())
    page.mouse.move(*centre_of(page))
    page.mouse.wheel(0, 1500)
    expect(page.locator("#tile-0")).to_have_count(0)
    before = grid_of(page).evaluate(SCROLL_TOP)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tile.focus")).to_be_in_viewport()
    assert grid_of(page).evaluate(SCROLL_TOP) == before


def test_another_size_of_the_images_or_the_window_keeps_what_is_in_sight(
    serve: Callable[[], str], page: Page, plant: Callable[..., dict[str, str]]
) -> None:
    plant({f"{n:05}": "river" for n in range(200)})
    open_review(page, serve())
    page.mouse.move(*centre_of(page))
    page.mouse.wheel(0, 1500)
    expect(page.locator("#tile-0")).to_have_count(0)
    seen = grid_of(page).evaluate(FIRST_IN_SIGHT)
    tile = page.locator(f".tile[data-digest='{seen}']")
    page.set_viewport_size({"width": 900, "height": 700})
    expect(tile).to_be_in_viewport()
    page.locator(".size").fill("220")
    expect(tile).to_be_in_viewport()

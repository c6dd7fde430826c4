"""The Evaluate page in the browser: first sentence, heat maps with their shares, learning curve."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.evaluate import scored_images
from peakid.evaluate.learning_curve import curve
from peakid.evaluate.learning_curve import stored as curves
from peakid.run_records import HeatCheck
from peakid.store import runs
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.store.workspace import Workspace
from tests import drawn_pages, planted_embeddings, planted_runs
from tests.browser.test_figures import CUT, SETTLED
from tests.evaluate.learning_curve import synthetic

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRUSTED = HeatCheck(0.93, 0.41, 2.9, 0.3, 0.025, 1 / 21, 0.2, 0.1)


@pytest.fixture
def run_id(workspace: Workspace, fill: Callable[..., list[str]]) -> int:
    """A run on two classes with three errors; its heat is in a corner, its learning curve is stored."""
    fill(river=40, sea=40)
    frozen = snapshots.create(workspace, name="", actor="human:anna")
    run_id = planted_runs.plant(workspace, frozen, {"river": "sea"}, per_class=3)
    run, rng = runs.show(workspace, run_id), np.random.default_rng(0)
    scored = scored_images.load(workspace, run, "valid")
    made = []
    for n, digest in enumerate(scored.digests):
        heat = np.zeros((32, 32), dtype=np.uint8)
        heat[-6:, -6:] = rng.integers(150, 256, (6, 6))
        made.append(HeatMap(digest, int(scored.predicted[n]), heat, TRUSTED))
    heat_maps.add(workspace, run_id, made)
    items = snapshots.items(workspace, frozen.digest)
    planted_embeddings.plant(workspace, {each.digest: [1.0, 2.0] for each in items})
    fits = synthetic.fits(
        lambda counts, n: 1 - (0.2, 0.02)[n] * (100 / counts[n]) ** 0.5, n_valid=3000, n_mixed=30
    )
    made_curve = curve.build(fits, ["river", "sea"], model="head", backbone="timm/planted")
    set_id = stored.find(workspace).set_id
    curves.save(workspace, made_curve, snapshot_id=frozen.snapshot_id, set_id=set_id)
    return run_id


def opened(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(SETTLED)


def chosen(page: Page, menu: str, option: str = "") -> None:
    """Choose an option of a menu, the first one unless it is named."""
    box = page.get_by_role("combobox", name=menu)
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # A menu closes when the page scrolls.
    box.click()
    listed = page.get_by_role("listbox").last.get_by_role("option")
    (listed.filter(has_text=option) if option else listed).first.click()


def test_the_first_sentence_and_the_warnings_follow_each_judgement_on_the_page(
    serve: Callable[[], str], page: Page, workspace: Workspace, run_id: int
) -> None:
    opened(page, f"{serve()}/evaluate?run={run_id}")
    sentence = page.locator(".st-key-finding")
    expect(sentence).to_contain_text("3 of 3 errors are river taken for sea.")
    page.locator(".tile").first.click()
    for n in (1, 2):
        page.keyboard.press("m")
        was = "image here was" if n == 1 else "images here were"
        expect(page.get_by_text(f"{n} {was} relabelled or excluded since.")).to_be_visible()
    page.keyboard.press("m")
    expect(sentence).not_to_contain_text("river taken for sea")
    page.keyboard.press("z")
    expect(sentence).to_contain_text("3 of 3 errors are river taken for sea.")
    sentence.get_by_role("button", name="Review these 3").click()
    expect(page).to_have_url(re.compile(r"/review\?"))


def test_the_first_sentence_has_a_button_that_opens_exactly_its_images(
    serve: Callable[[], str], page: Page, workspace: Workspace, run_id: int
) -> None:
    opened(page, f"{serve()}/evaluate")
    expect(page.get_by_text("3 of 3 errors are river taken for sea.")).to_be_visible()
    page.get_by_role("button", name="Review these 3").click()
    expect(page).to_have_url(re.compile(r"/review\?"))
    expect(page.locator(".st-key-errors-images")).to_have_count(0)  # Evaluate has tiles too.
    queue = review_queue.confusion_queue(run_id, "valid", "river", "sea")
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(3)
    shown = tiles.evaluate_all("tiles => tiles.map(tile => tile.dataset.digest)")  # At one time: they move.
    assert set(shown) == {item.digest for item in review_queue.page(workspace, queue)}


def read_values(page: Page) -> None:
    """Open the values of a figure by keyboard: each point is a line."""
    values = page.locator(".figure-values").first
    expect(values.locator("li")).to_have_count(0)
    values.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(values.locator("li").first).to_contain_text(
        re.compile(r"\d+ images: [\d.]+ % (expected|measured)")
    )
    page.keyboard.press("Enter")
    expect(values).not_to_have_attribute("open", "")


def test_heat_maps_and_the_learning_curve_are_drawn_whole_and_follow_their_menus(
    serve: Callable[[], str], page: Page, run_id: int
) -> None:
    address = serve()
    opened(page, f"{address}/evaluate?run={run_id}")
    expect(page.get_by_text("heat maps of")).to_be_visible()
    expander = page.locator("details", has_text="Where the heat is")
    expect(expander).to_have_attribute("open", "")  # A class has its heat in a corner.
    drawn_pages.draw_all(page)
    expect(expander.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    pictures = page.get_by_test_id("stImage").locator("img")
    expect(pictures.first).to_be_visible()
    before = pictures.count()
    chosen(page, "Show", "sea")
    expect(pictures).not_to_have_count(before)
    page.wait_for_timeout(1_000)  # Figures are laid out after the script has ended.
    assert page.evaluate(CUT) == []
    opened(page, f"{address}/evaluate?run={run_id}&tab=curve")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    read_values(page)
    chosen(page, "More images of one class")
    expect(page).to_have_url(re.compile("more="))
    page.wait_for_timeout(1_000)
    assert page.evaluate(CUT) == []


def test_keys_judge_the_large_image_of_the_errors(serve: Callable[[], str], page: Page, run_id: int) -> None:
    opened(page, f"{serve()}/evaluate?run={run_id}")
    count = page.locator(".status .count")
    expect(count).to_contain_text("0 of 3")
    page.locator(".tile").first.click()
    page.keyboard.press("Enter")  # The grid, which had the focus, is hidden now.
    page.keyboard.press("m")
    expect(count).to_contain_text("1 of 3")
    page.reload()
    page.wait_for_selector(SETTLED)
    expect(count).to_contain_text("0 of 2")
    page.locator(".single .large").click()
    page.keyboard.press("m")
    expect(count).to_contain_text("1 of 2")
    page.get_by_role("button", name="Grid").click()
    page.keyboard.press("x")
    expect(page.locator(".panel.reasons")).to_be_visible()

"""Label issues in the browser: a key accepts the suggestion, and the order changes only out of sight."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest
from playwright.sync_api import Page, expect

from peakid.curate.queues import review_queue
from peakid.embed import stored
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_EACH = 40
IN_SIGHT = """() => {
  const host = [...document.querySelectorAll("*")].find((each) => each.shadowRoot?.querySelector(".gallery"));
  const root = host.shadowRoot;
  const frame = root.querySelector(".grid").getBoundingClientRect();
  const tiles = [...root.querySelectorAll(".tile")].map((tile) => [tile, tile.getBoundingClientRect()]);
  const inSight = tiles.filter(([, box]) => box.bottom > frame.top && box.top < frame.bottom);
  return inSight.map(([{ dataset }, { left, top }]) => [dataset.digest, Math.round(left), Math.round(top)]);
}"""


@pytest.fixture
def doubtful(workspace: Workspace, fill: Callable[..., list[str]]) -> Iterator[list[str]]:
    """Two classes that the embeddings hardly tell apart, so that many labels are doubted."""
    digests = fill(river=N_EACH, sea=N_EACH)
    rng = np.random.default_rng(0)
    centres = np.repeat([[0.15], [-0.15]], N_EACH, axis=0) * np.ones((1, 24))
    of = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    found = stored.create(workspace, "drawn", size_px=0, weights_sha256="", n_dimensions=24)
    ids = [of[digest] for digest in digests]
    stored.add(workspace, found.set_id, ids, centres + rng.normal(size=(2 * N_EACH, 24)))
    yield digests
    for each in psutil.process_iter():
        try:
            command = each.cmdline()
        except psutil.Error:
            continue
        if "peakid.jobs.suggester" in command and str(workspace.path) in command:
            each.kill()


def order(page: Page) -> list[Any]:
    return page.evaluate(IN_SIGHT)


def test_accepting_suggestions_reorders_only_what_is_out_of_sight(
    serve: Callable[[], str], page: Page, workspace: Workspace, doubtful: list[str]
) -> None:
    page.goto(f"{serve()}/review?queue=label-issues")
    first = page.locator(".tile").first
    expect(first.locator(".badge")).to_contain_text("suggested", timeout=60_000)
    keys = page.locator(".acts button:visible, .acts input")  # With Accept, Map and the slider: one line.
    expect(keys).to_have_count(11)
    tops = keys.evaluate_all("(all) => all.map((each) => Math.round(each.getBoundingClientRect().top))")
    assert len(set(tops)) == 1, tops
    gallery = page.locator(".gallery")
    before_fit = int(gallery.get_attribute("data-fit") or 0)
    page.wait_for_timeout(1000)
    before = order(page)
    [issue, *_] = review_queue.page(workspace, "label-issues", limit=1)
    assert before[0][0] == issue.digest
    page.keyboard.press("m")
    page.wait_for_function(
        """(fit) => [...document.querySelectorAll("*")].some((each) =>
          Number(each.shadowRoot?.querySelector(".gallery")?.dataset.fit) > fit)""",
        arg=before_fit,
        timeout=60_000,
    )
    assert order(page) == before  # In a new order, and nothing in sight has moved.
    [now] = review_queue.items(workspace, [issue.digest])
    assert (now.label, now.is_reviewed) == (issue.predicted, True)

    page.keyboard.press("Enter")  # The single image, with what speaks for and against its label.
    why = page.locator(".about .evidence")
    expect(why.locator("h4").first).to_contain_text("Nearest of")
    expect(why.locator(".near img")).to_have_count(8)
    expect(why).to_contain_text("Its label comes from an imported folder; no person has confirmed it.")
    page.keyboard.press("Escape")

    page.keyboard.type("m m m ", delay=60)  # As fast as the head cannot follow.
    expect(page.locator(".status .count")).to_contain_text("all saved")
    assert len(workspace.query("SELECT 1 FROM decision WHERE actor LIKE 'human:%'")) == 7  # No key is lost.

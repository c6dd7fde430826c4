"""The tab Compare in the browser: an image that was won is judged there, and changes sides."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate.queues import compared_runs, review_queue
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from tests import planted_runs

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_an_image_won_is_judged_on_the_tab_and_the_figures_follow(
    serve: Callable[[], str], page: Page, workspace: Workspace, frozen: Snapshot
) -> None:
    a = planted_runs.plant(workspace, frozen, {"river": "sea"}, per_class=3)
    b = planted_runs.plant(workspace, frozen, {"sea": "river"})
    page.goto(f"{serve()}/evaluate?run={b}&tab=compare&against={a}")
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(3)
    expect(tiles.first.locator(".badge")).to_have_text("sea by run 1")
    tiles.first.click()
    page.keyboard.press("2")  # The second class: sea, as run 1 predicts.
    expect(page.get_by_text("1 of 3")).to_be_visible()
    expect(page.get_by_text("all saved")).to_be_visible()
    row = workspace.query("SELECT basis ->> '$.queue' AS queue, actor FROM decision ORDER BY id DESC LIMIT 1")
    assert (row[0]["queue"], row[0]["actor"]) == (compared_runs.won_queue(a, b, "valid"), "human:anna")
    assert review_queue.count(workspace, compared_runs.won_queue(b, a, "valid")) == 2
    page.reload()
    expect(page.get_by_text("Won by run 2 (2)")).to_be_visible()
    expect(page.get_by_text("Lost by run 2 (2)")).to_be_visible()
    expect(page.get_by_text("What the decisions bought")).to_be_visible()
    expect(page.get_by_role("button", name="Measure with 6 trainings")).to_be_visible()

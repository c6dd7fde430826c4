"""Keys of the Review page that depend on a model, and the mark of a typical image."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from peakid.curate import classes, decisions, remarks
from peakid.store.workspace import Workspace

from .test_review import SETTLED, settle, wait_until_saved

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def open_queue(page: Page, address: str, queue: str) -> None:
    page.goto(f"{address}/review?queue={queue}")
    page.locator(".tile").first.wait_for()
    page.wait_for_selector(SETTLED)


def add_model_run(workspace: Workspace, digests: list[str], rows: list[tuple[str, str, str, float]]) -> None:
    """Add a finished run with a prediction for each image: split, given and predicted label, confidence."""
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO snapshot (digest, name, seed, fractions, class_names, n_images, n_groups, n_leaks,"
            " n_unreviewed, actor, created_at, frozen_at)"
            " VALUES (?, 's', 0, '{}', '[]', 2, 2, 0, 2, 'x', '2026-01-01T00:00:00.000Z',"
            " '2026-01-01T00:00:00.000Z')",
            ("0" * 64,),
        )
        connection.execute(
            "INSERT INTO run (snapshot_id, state, recipe, class_names, seed, code_version, libraries,"
            " created_at)"
            " VALUES (1, 'done', '{}', '[]', 0, '', '{}', '2026-01-01T00:00:00.000Z')"
        )
        for digest, (split, given, predicted, confidence) in zip(digests, rows, strict=True):
            connection.execute(
                "INSERT INTO prediction SELECT 1, id, ?, ?, ?, ?, ? FROM image WHERE digest = ?",
                (split, given, predicted, confidence, split != "train", digest),
            )


def test_m_accepts_the_models_answer_where_it_is_shown(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=3, grand_glacier_of_the_north=2)
    other = "grand_glacier_of_the_north"
    rows = [("valid", "river", other, 0.9), ("test", "river", other, 0.8), ("valid", "river", other, 0.7)]
    add_model_run(workspace, digests[:3], rows)
    classes.rename(workspace, other, "glacier of the north")  # The run knows the earlier name.
    open_queue(page, serve(), "model-disagrees")
    badge = page.locator("#tile-0 .badge")
    assert badge.inner_text().startswith(f"{other} 90 %")  # What matters is first, and nothing is cut.
    assert badge.evaluate("e => e.scrollHeight <= e.clientHeight + 1 && e.scrollWidth <= e.clientWidth + 1")
    assert "run 1 predicts" in str(page.locator("#tile-0").get_attribute("title"))
    page.keyboard.press("m")
    wait_until_saved(page)
    expect(page.locator("#tile-0 .ribbon .name")).to_have_text("glacier of the north")
    page.keyboard.press("m")  # A test image: its prediction is hidden.
    expect(page.locator(".status .message")).to_contain_text("No prediction is shown")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Accept").click()
    wait_until_saved(page)
    made = [row for row in decisions.log(workspace) if row.actor == "human:anna"]
    assert [(row.digest, row.label) for row in made] == [
        (digests[2], "glacier of the north"),
        (digests[0], "glacier of the north"),
    ]
    page.keyboard.press("?")
    keys = page.locator(".sheet")
    expect(keys).to_contain_text("accept the model's answer")
    expect(keys).to_contain_text("mark as typical")


def test_the_given_and_the_predicted_class_have_the_first_keys_of_a_confusion_cell(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(a=1, b=1, c=1, river=2, sea=1)
    add_model_run(workspace, digests[3:4], [("valid", "river", "sea", 0.9)])
    address = serve()
    open_queue(page, address, "confusion:1:valid:river:sea")
    chips = page.locator(".classes button[data-label]")
    assert [chip.get_attribute("data-label") for chip in chips.all()] == ["river", "sea", "a", "b", "c"]
    assert chips.nth(1).locator("kbd").inner_text() == "2"
    page.keyboard.press("2")
    wait_until_saved(page)
    assert decisions.log(workspace, limit=1)[0].label == "sea"
    open_queue(page, address, "all")
    assert chips.first.get_attribute("data-label") == "a"


def test_t_marks_a_typical_image_that_is_shown_beside_its_class_and_z_takes_it_back(
    serve: Callable[[], str], page: Page, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    digests = fill(river=2, sea=1)
    open_queue(page, serve(), "all")
    page.keyboard.press("t")
    wait_until_saved(page)
    star = page.locator("#tile-0 .star")
    expect(star).to_be_visible()
    assert classes.guide(workspace)[0].examples == [digests[0]]
    expect(page.get_by_role("button", name="How to tell them apart")).to_be_visible()
    page.get_by_role("button", name="How to tell them apart").click()
    expect(page.locator(f'[data-testid=stPopoverBody] img[src$="/thumb/{digests[0]}"]')).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    page.locator("#tile-0").click()
    page.keyboard.press("z")
    wait_until_saved(page)
    expect(star).to_be_hidden()
    assert classes.guide(workspace)[0].examples == []
    page.keyboard.press("Shift+Z")
    wait_until_saved(page)
    expect(star).to_be_visible()
    page.keyboard.press("x")
    page.keyboard.press("x")
    page.locator("#tile-0").click()
    page.keyboard.press("t")  # It is excluded: the mark can only be taken off.
    wait_until_saved(page)
    settle(page)
    remarks.set_typical(workspace, "river", [], actor="human:beat")
    page.keyboard.press("t")
    expect(page.locator(".status .message")).to_contain_text("This image is excluded")

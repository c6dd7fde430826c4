"""A click in a confusion matrix opens exactly the cell under the pointer, at any number of classes."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from peakid.dataset import snapshot as snapshots
from peakid.evaluate.errors import matrix_order
from peakid.evaluate.errors.matrix_order import MatrixOrder
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
LAPTOP, TABLET = (1280, 800), (820, 1180)
SIZES = (3, 15, 50, 200)  # Classes of the runs.
N_IMAGES = 3  # Of each class.


def add_run(workspace: Workspace, frozen: Snapshot, n_classes: int) -> np.ndarray:
    """Store a run on the first classes of a snapshot; return its confusion matrix.

    The first image of class n is predicted as n + 1 where n is even, and as a class far away otherwise.
    """
    names = frozen.class_names[:n_classes]
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe=Recipe().model_dump(),
        class_names=names,
        seed=0,
        code_version="test",
        libraries={},
    )
    position = {name: n for n, name in enumerate(names)}
    items = [item for item in snapshots.items(workspace, frozen.digest) if item.label in position]
    matrix, seen = np.zeros((n_classes, n_classes), dtype=np.int64), set()
    pred_probs = np.full((len(items), n_classes), 0.1 / (n_classes - 1), dtype=np.float32)
    for row, item in enumerate(items):
        given = position[item.label]
        other = given + 1 if given % 2 == 0 else given + n_classes // 2
        predicted = given if given in seen else other % n_classes
        seen.add(given)
        matrix[given, predicted] += 1
        pred_probs[row, predicted] = 0.9
    digests, labels = [item.digest for item in items], [item.label for item in items]
    run_predictions.add(workspace, run_id, "valid", digests, pred_probs, labels, is_out_of_sample=True)
    runs.finish(workspace, run_id, "done", best_epoch=1, metrics={"accuracy": 0.5})
    return matrix


@pytest.fixture
def frozen(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> Snapshot:
    plant({f"{n:03} {i}": f"class {n:03}" for n in range(SIZES[-1]) for i in range(N_IMAGES)})
    return snapshots.create(workspace, name="all", actor="human:anna")


def click_cell(matrix: Locator, row: int, column: int, n_classes: int) -> None:
    """Click the middle of a cell, counted as it is drawn."""
    left, top, right, bottom = map(float, str(matrix.get_attribute("data-cells")).split())
    x = left + (column + 0.5) * (right - left) / n_classes
    y = top + (row + 0.5) * (bottom - top) / n_classes
    matrix.locator("canvas").click(position={"x": x, "y": y})


def opened_cell(page: Page) -> tuple[str, str]:
    query = parse_qs(urlsplit(page.url).query)
    return query["given"][0], query["predicted"][0]


def check_clicks(page: Page, names: list[str], matrix: np.ndarray, order: MatrixOrder) -> None:
    """Click errors that are beside each other, far away, in the corners, and one that is right."""
    n_classes = len(names)
    drawn = matrix_order.positions(names, matrix, order)
    errors = [(int(i), int(j)) for i, j in np.argwhere(matrix) if i != j]
    for given, predicted in {errors[0], errors[1], errors[len(errors) // 2], errors[-1], (drawn[-1],) * 2}:
        if not matrix[given, predicted]:
            continue
        click_cell(page.locator(".matrix"), drawn.index(given), drawn.index(predicted), n_classes)
        n = matrix[given, predicted]
        title = f"{names[given]} taken for {names[predicted]}"
        title = f"Correctly predicted {names[given]}" if given == predicted else title
        expect(page.get_by_text(f"{title}: {n} image")).to_be_visible()
        assert opened_cell(page) == (names[given], names[predicted])


@pytest.mark.parametrize(
    ("size", "numbers"),
    [
        pytest.param(LAPTOP, (SIZES[0], SIZES[-1]), id="laptop"),
        # Other numbers of classes, and the third order, are drawn by the same rule.
        pytest.param(LAPTOP, SIZES[1:-1], id="laptop, between", marks=pytest.mark.thorough),
        pytest.param(TABLET, SIZES, id="tablet", marks=pytest.mark.thorough),
    ],
)
def test_a_click_opens_exactly_the_cell_that_is_drawn_there(
    serve: Callable[[], str],
    workspace: Workspace,
    frozen: Snapshot,
    page: Page,
    size: tuple[int, int],
    numbers: tuple[int, ...],
) -> None:
    matrices = [add_run(workspace, frozen, n_classes) for n_classes in numbers]
    page.set_viewport_size({"width": size[0], "height": size[1]})
    address = serve()
    for run_id, matrix in enumerate(matrices, 1):
        names = frozen.class_names[: len(matrix)]
        for order in ("class", "similarity") if size == LAPTOP else ("size",):
            page.goto(f"{address}/evaluate?run={run_id}&order={order}")
            page.wait_for_selector(SETTLED)
            if size == TABLET:  # The sidebar folds, which makes the matrix wider.
                expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()
            page.locator(".matrix[data-cells] canvas").wait_for()
            check_clicks(page, names, matrix, order)


def test_the_keys_open_a_cell_and_judging_there_names_the_outdated_run(
    serve: Callable[[], str], workspace: Workspace, frozen: Snapshot, page: Page
) -> None:
    matrix = add_run(workspace, frozen, 15)
    first, second = frozen.class_names[:2]
    assert matrix[0, 1] == 1
    page.goto(f"{serve()}/evaluate?run=1")
    page.wait_for_selector(SETTLED)
    canvas = page.locator(".matrix[data-cells] canvas")
    canvas.focus()
    canvas.press("ArrowDown")  # The first cell that the keys reach is the first one.
    canvas.press("ArrowUp")
    canvas.press("ArrowRight")
    expect(page.locator(".matrix .tip")).to_contain_text(f"{first} predicted as {second}")
    canvas.press("Enter")
    expect(page.get_by_text(f"{first} taken for {second}: 1 image")).to_be_visible()
    page.locator(".tile").first.click()
    page.keyboard.press("m")  # Accept the model's answer.
    expect(page.get_by_text(re.compile(r"Run 1 .* 1 label that has changed since\."))).to_be_visible()


def test_all_errors_are_judged_below_the_matrix_only_while_the_grid_has_the_focus(
    serve: Callable[[], str], workspace: Workspace, frozen: Snapshot, page: Page
) -> None:
    add_run(workspace, frozen, 15)
    page.goto(f"{serve()}/evaluate?run=1")
    page.wait_for_selector(SETTLED)
    page.locator(".tile").first.wait_for()
    page.keyboard.press("x")  # Nothing is excluded: the images may be out of sight.
    expect(page.get_by_text("15 of 15 errors not judged yet")).to_be_visible()
    page.locator(".tile").first.click()
    page.keyboard.press("m")
    expect(page.get_by_text("14 of 15 errors not judged yet")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("15 of 15 errors not judged yet")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".evidence")).to_contain_text("Run 1 predicts")

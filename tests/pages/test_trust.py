"""The tab Trust of the evaluate page: scores, threshold, prediction sets, and new photos."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import scored_images
from peakid.records import Snapshot
from peakid.store import runs
from peakid.store.evaluation import new_photos, operating_points
from peakid.store.workspace import Workspace
from tests import drawn_pages

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
AddRun = Callable[..., int]


@pytest.fixture
def frozen(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> Snapshot:
    """A snapshot of 24 river and 16 sea images without pixels; 7 are for validation."""
    plant({f"{label} {n}": label for label, n_of in (("river", 24), ("sea", 16)) for n in range(n_of)})
    return snapshots.create(workspace, name="first", actor="human:anna")


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def test_scores_have_intervals_and_a_threshold_is_chosen_with_the_slider(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen, n_wrong=1)
    app = open_page("evaluate", tab="trust")
    assert not app.exception
    table = drawn_pages.tables(app)[0]
    assert [row["Score"] for row in table[:3]] == ["Accuracy", "Balanced accuracy", "Macro F1"]
    assert table[0]["95 % interval"] == "49 to 97 %"
    assert "No threshold is chosen: exports answer every photo." in text_of(app)
    slider = app.slider[0]
    slider.set_value(0.95).run()
    button(app, "Use this threshold in exports").click().run()
    assert operating_points.of_run(workspace, run_id).threshold == pytest.approx(0.95)
    assert "Exports made from now on abstain below 0.950." in text_of(app)
    button(app, "Remove the threshold").click().run()
    assert operating_points.of_run(workspace, run_id) is None


def test_the_wrong_answers_above_the_threshold_open_in_review(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen, n_wrong=1)
    images = scored_images.load(workspace, runs.show(workspace, run_id), "valid")
    app = open_page("evaluate", tab="trust")
    app.slider[0].set_value(0.5).run()
    button(app, "Review the 1 wrong answer").click().run()
    assert not app.exception
    queue = str(app.query_params["queue"])
    [item] = review_queue.page(workspace, queue)
    assert item.digest == images.digests[int(np.flatnonzero(~images.is_right)[0])]


def test_on_test_the_chosen_threshold_is_reported_and_not_chosen(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    app = open_page("evaluate", tab="trust", split="test")
    button(app, "Show the test score").click().run()
    assert "No threshold is chosen. Choose one on validation" in text_of(app)
    assert not app.slider
    operating_points.put(workspace, run_id, threshold=0.5, actor="human:anna")
    app.run()
    assert "The threshold was chosen on validation." in text_of(app)
    assert runs.show(workspace, run_id).n_test_looks == 1


def test_a_promise_that_few_images_cannot_show_is_refused_in_words(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace
) -> None:
    run_id = add_run(frozen)
    app = open_page("evaluate", tab="trust")
    button(app, "Choose the threshold").click().run()
    assert not app.exception
    assert "No threshold can be shown to reach 95 %" in app.error[0].value
    assert operating_points.of_run(workspace, run_id) is None


@pytest.mark.usefixtures("no_worker")
def test_new_photos_say_what_they_show(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    new_photos.add(
        workspace,
        run_id,
        "folder",
        "/photos/*new*",
        digests=["0" * 64, "1" * 64],
        groups=np.arange(2),
        pred_probs=np.array([[0.95, 0.05], [0.5, 0.5]]),
        n_unread=0,
        n_known=0,
        comparison={
            "split": "test",
            "n_reference": 50,
            "n_new": 40,
            "space": "embeddings",
            "p_confidence": 0.5,
            "p_looks": 0.001,
            "p": 0.002,
            "confidence_reference": 0.9,
            "confidence_new": 0.7,
            "is_alarm": True,
        },
    )
    app = open_page("evaluate", tab="trust")
    assert "1 of 2 unrelated photos are answered at" in text_of(app)
    assert any("The new photos differ from the test images" in each.value for each in app.warning)
    button(app, "Predict the excluded images").click().run()
    assert "No image outside the snapshot" in app.error[0].value

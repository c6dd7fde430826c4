"""The evaluate page: the score with what it must beat, the matrix and its cells, test looks, two runs."""

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.evaluate.compare import Comparison
from peakid.jobs import queue
from peakid.records import Choice, Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web.evaluation import run_comparison
from peakid.web.review import confusion_cell

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
AddRun = Callable[..., int]


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def test_without_a_run_the_page_teaches_what_will_be_here(open_page: OpenPage) -> None:
    app = open_page("evaluate")
    assert not app.exception
    assert "No model has been trained yet" in app.info[0].value
    assert button(app, "Go to training")


def test_a_run_that_kept_no_epoch_says_so_and_leads_to_training(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    recipe = {"arch": "resnet18", "image_size_px": 160}
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=1,
        recipe=recipe,
        class_names=["river", "sea"],
        seed=0,
        code_version="",
        libraries={},
    )
    runs.finish(workspace, run_id, "failed")
    app = open_page("evaluate")
    assert "Run 1 (failed) has kept no epoch" in app.info[0].value
    assert button(app, "Go to training")


def test_the_score_stands_with_its_interval_its_n_and_what_it_must_beat(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    assert frozen.splits["valid"] == 7  # 4 rivers and 3 seas.
    add_run(frozen, n_wrong=1)
    said = text_of(open_page("evaluate"))
    # 6 of 7 right: .857; Wilson .487 to .974 (scipy: binomtest(6, 7).proportion_ci(method="wilson")).
    assert "Accuracy on valid: 0.86 (0.49–0.97), n = 7" in said
    assert "Chance: 0.50" in said
    assert "Always river: 0.57" in said
    assert "7 of 7 labels here were never confirmed by a person." in said


def test_a_cross_validated_run_is_scored_on_every_image_though_it_keeps_no_model(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    recipe = {"arch": "resnet18", "image_size_px": 160, "folds": 5}
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=1,
        recipe=recipe,
        class_names=["river", "sea"],
        seed=0,
        code_version="",
        libraries={},
    )
    items = snapshots.items(workspace, frozen.digest)
    pred_probs = np.array([[0.9, 0.1]] * len(items))  # Of 40 images 24 are rivers: .60.
    labels = [item.label for item in items]
    runs.add_predictions(
        workspace, run_id, "cv", [item.digest for item in items], pred_probs, labels, is_out_of_sample=True
    )
    runs.finish(workspace, run_id, "done")
    app = open_page("evaluate")
    assert not app.exception
    assert "Accuracy on cv: 0.60 (0.45–0.74), n = 40" in text_of(app)


def test_a_collapsed_model_is_called_so(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=99)
    assert "The model has collapsed: it answers 'sea' to every image." in text_of(open_page("evaluate"))


def test_the_test_score_is_shown_after_a_click_and_each_look_is_counted_once(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    app = open_page("evaluate", split="test")
    assert "Accuracy" not in text_of(app)
    assert runs.show(workspace, run_id).n_test_looks == 0
    button(app, "Look at the test score").click().run()
    assert "Accuracy on test" in text_of(app)
    assert "Looks at test: 1" in text_of(app)
    app.run()  # A redrawn page is no second look.
    assert runs.show(workspace, run_id).n_test_looks == 1
    button(another := open_page("evaluate", split="test"), "Look at the test score").click().run()
    assert "Looks at test: 2" in text_of(another)


def averaged(workspace: Workspace, run_id: int, frozen: Snapshot) -> None:
    """Store averaged answers that are all right, for valid and test."""
    items = snapshots.items(workspace, frozen.digest)
    of = {split: [item for item in items if item.split == split] for split in ("valid", "test")}
    right = {
        split: np.array([[0.1, 0.9] if item.label == "sea" else [0.9, 0.1] for item in part])
        for split, part in of.items()
    }
    runs.add_tta(
        workspace,
        run_id,
        {split: ([item.digest for item in part], right[split]) for split, part in of.items()},
        n_views=4,
    )


def test_test_time_augmentation_is_a_switch_and_the_plain_score_stands_beside_it(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    averaged(workspace, add_run(frozen, n_wrong=1), frozen)
    app = open_page("evaluate")
    assert "Accuracy on valid: 0.86" in text_of(app)
    app.toggle[0].set_value(True).run()
    said = text_of(app)
    assert "Accuracy on valid, with views averaged: 1.00" in said
    assert "Plain: 0.86" in said
    assert (
        "Averages 5 looks at each image: 1 image newly right, 0 newly wrong; this may be luck (p = 1)."
        in said
    )
    assert "switch test-time augmentation off" in said  # The queue behind a cell holds the plain answers.
    assert app.query_params["tta"] == "yes"
    app.toggle[0].set_value(False).run()
    assert "Accuracy on valid: 0.86" in text_of(app)
    assert "tta" not in app.query_params


def test_the_averaged_test_score_is_behind_a_click_of_its_own_that_is_counted(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    averaged(workspace, run_id, frozen)
    app = open_page("evaluate", split="test", tta="yes")
    assert "Accuracy" not in text_of(app)
    button(app, "Look at the test score").click().run()
    assert "Accuracy on test, with views averaged: 1.00" in text_of(app)
    app.toggle[0].set_value(False).run()
    assert "Accuracy" not in text_of(app)
    button(app, "Look at the test score").click().run()
    assert "Looks at test: 2" in text_of(app)
    assert runs.show(workspace, run_id).n_test_looks == 2


@pytest.mark.usefixtures("no_worker")
def test_where_it_was_not_computed_one_job_is_asked_for(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace
) -> None:
    run_id = add_run(frozen)
    app = open_page("evaluate", tta="yes")  # A link to what is not there shows the plain score.
    assert not app.toggle
    button(app, "Compute with test-time augmentation").click().run()
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.lane, job.arguments) == ("tta", "gpu", {"run_id": run_id, "n_views": 4})
    assert any(each.label == "Cancel this augmented scoring" for each in app.button)
    assert not app.exception


def test_a_cell_in_the_address_opens_its_images(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=2)
    app = open_page("evaluate", given="river", predicted="sea")
    assert not app.exception
    assert "river taken for sea: 2 images" in text_of(app)
    assert len(app.get("bidi_component")) == 1  # The gallery, where they are judged.
    button(app, "Close").click().run()
    assert "river taken for sea: 2 images" not in text_of(app)


def test_an_empty_cell_and_a_class_with_odd_characters_break_nothing(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen)
    assert "No image lies in this cell." in text_of(open_page("evaluate", given="sea", predicted="river"))
    assert not open_page("evaluate", given="<b>", predicted=":").exception


def test_the_opened_cell_is_framed(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = go.Figure()
    confusion_cell.outline(figure, 1, 0)
    [frame] = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.49, 0.49, 0.51, 1.49)


def test_every_class_has_its_row_with_interval_and_support(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun
) -> None:
    add_run(frozen, n_wrong=1)
    rows = {row["Class"]: row for row in open_page("evaluate").dataframe[0].value.to_dict("records")}
    # Valid: 4 rivers, one of them called sea; 3 seas.
    assert (rows["river"]["Images"], rows["river"]["Precision"], rows["river"]["Recall"]) == (4, 1.0, 0.75)
    assert (rows["sea"]["Images"], rows["sea"]["Precision"], rows["sea"]["Recall"]) == (3, 0.75, 1.0)
    assert rows["river"]["Recall, 95 %"] == "0.30–0.95"  # Wilson, 3 of 4.


def test_labels_judged_anew_since_the_training_are_counted(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    wrong = review_queue.page(workspace, review_queue.confusion_queue(run_id, "valid", "river", "sea"))
    decisions.decide(workspace, [Choice(item.digest, "label", "sea") for item in wrong], actor="human:anna")
    assert "1 image here was judged anew since" in text_of(open_page("evaluate"))


def test_two_runs_stand_side_by_side_with_what_differs(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=3)
    add_run(frozen, n_wrong=1, image_size_px=96)
    app = open_page("evaluate", run="2")
    said = text_of(app)
    assert "Run 1: 0.57" in said  # 4 of 7
    assert "Run 2: 0.86" in said  # 6 of 7
    assert "only run 1 is right on 0, only run 2 on 2: **this may be luck** (p = 0.50)" in said
    differences = app.dataframe[1].value.set_index("")
    assert list(differences.loc["Image size (px)"]) == ["160", "96"]


def test_a_difference_is_called_better_only_where_it_is_real() -> None:
    def compared(n_only_a: int, n_only_b: int, p: float) -> Comparison:
        return Comparison(1, 2, "valid", 100, 0.5, 0.6, n_only_a, n_only_b, p, (0.0, 0.2))

    assert "**run 2 is better**" in run_comparison.finding(compared(2, 14, 0.004))
    assert "**run 1 is better**" in run_comparison.finding(compared(14, 2, 0.004))
    assert "**this may be luck**" in run_comparison.finding(compared(2, 6, 0.29))
    assert "**no difference**" in run_comparison.finding(compared(3, 3, 1.0))


def test_the_newest_usable_run_is_opened_first_and_a_link_names_another(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    for n_wrong in (0, 1):
        add_run(frozen, n_wrong=n_wrong)
    assert open_page("evaluate").selectbox(key="address:run").value == "2"
    app = open_page("evaluate", run="1")
    assert app.selectbox(key="address:run").value == "1"
    app.selectbox(key="address:run").set_value("2").run()
    assert app.query_params["run"] == "2"

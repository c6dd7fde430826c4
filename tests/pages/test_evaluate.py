"""The evaluate page: score and baselines, confusion matrix and cells, views of the test score, comparison."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import figures
from peakid.jobs import queue
from peakid.jobs.arguments import TtaArguments
from peakid.jobs.evaluation_results import FiguresResult
from peakid.records import Choice, Snapshot
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace
from tests import drawn_pages, planted_embeddings, planted_runs

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
AddRun = Callable[..., int]


Plant = Callable[..., dict[str, str]]


def counted(**n_images: int) -> dict[str, str]:
    """Names of images by label, for `plant`: images without pixels, which these pages never decode."""
    return {f"{label} {n}": label for label, n_of in n_images.items() for n in range(n_of)}


@pytest.fixture
def frozen(workspace: Workspace, plant: Plant) -> Snapshot:
    """A snapshot of 24 river and 16 sea images; 7 are for validation."""
    plant(counted(river=24, sea=16))
    return snapshots.create(workspace, name="first", actor="human:anna")


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def components(app: AppTest) -> list[str]:
    return [each.proto.id.rpartition("-")[2] for each in app.main.get("bidi_component")]


def test_without_a_run_the_page_says_what_it_will_show(open_page: OpenPage) -> None:
    app = open_page("evaluate")
    assert not app.exception
    assert "No model has been trained yet" in app.info[0].value
    assert button(app, "Import images")


def test_a_run_without_a_model_links_to_training(
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
    assert "Run 1 (failed) kept no model" in app.info[0].value
    assert button(app, "Train a model")


def test_the_score_and_every_class_have_intervals_and_what_they_were_measured_on(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    assert frozen.splits["valid"] == 7  # 4 rivers and 3 seas.
    add_run(frozen, n_wrong=1)
    app = open_page("evaluate")
    text = text_of(app)
    # 6 of 7 right: .857; Wilson .487 to .974 (scipy: binomtest(6, 7).proportion_ci(method="wilson")).
    assert "Accuracy (validation): 86 % (49-97 %, n = 7)" in text
    assert "Chance: 50 %" in text
    assert "Most frequent class: 57 %" in text
    assert "7 of 7 labels here were never confirmed by a person." in text
    rows = {row["Class"]: row for row in app.dataframe[0].value.to_dict("records")}
    # Valid: 4 rivers, one of them called sea; 3 seas.
    assert (rows["river"]["Given"], rows["river"]["Precision"], rows["river"]["Recall"]) == (4, 100, 75)
    assert (rows["sea"]["Given"], rows["sea"]["Precision"], rows["sea"]["Recall"]) == (3, 75, 100)
    assert rows["river"]["Recall (95 %)"] == "30-95 %"  # Wilson, 3 of 4.


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
    run_predictions.add(
        workspace, run_id, "cv", [item.digest for item in items], pred_probs, labels, is_out_of_sample=True
    )
    runs.finish(workspace, run_id, "done")
    app = open_page("evaluate")
    assert not app.exception
    assert "Accuracy (cross-validation): 60 % (45-74 %, n = 40)" in text_of(app)


def test_the_test_score_is_shown_after_a_click_and_each_view_is_counted_once(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    app = open_page("evaluate", split="test")
    assert "Accuracy" not in text_of(app)
    assert "For this run, it has not been shown yet." in text_of(app)
    assert runs.show(workspace, run_id).n_test_looks == 0
    button(app, "Show the test score").click().run()
    assert "Accuracy (test)" in text_of(app)
    assert "Test views: 1" in text_of(app)
    app.run()  # Running the page again is not counted.
    assert runs.show(workspace, run_id).n_test_looks == 1
    another = open_page("evaluate", split="test")
    assert "For this run, it has been shown once." in text_of(another)
    button(another, "Show the test score").click().run()
    assert "Test views: 2" in text_of(another)


def add_correct_tta(workspace: Workspace, run_id: int, frozen: Snapshot) -> None:
    """Store averaged predictions that are all correct, for validation and test."""
    items = snapshots.items(workspace, frozen.digest)
    of = {split: [item for item in items if item.split == split] for split in ("valid", "test")}
    right = {
        split: np.array([[0.1, 0.9] if item.label == "sea" else [0.9, 0.1] for item in part])
        for split, part in of.items()
    }
    run_predictions.add_tta(
        workspace,
        run_id,
        {split: ([item.digest for item in part], right[split]) for split, part in of.items()},
        n_views=4,
    )


def test_test_time_augmentation_is_a_switch_next_to_the_plain_score(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    add_correct_tta(workspace, add_run(frozen, n_wrong=1), frozen)
    app = open_page("evaluate")
    assert "Accuracy (validation): 86 %" in text_of(app)
    app.toggle[0].set_value(True).run()
    text = text_of(app)
    assert "Accuracy (validation), with TTA: 100 %" in text
    assert "Without TTA: 86 %" in text
    assert "for 5 views of each image: 1 image newly correct, 0 newly wrong; not significant (p = 1)." in text
    assert "switch off test-time augmentation" in text  # The queue of a cell has the predictions without it.
    assert app.query_params["tta"] == "yes"
    app.toggle[0].set_value(False).run()
    assert "Accuracy (validation): 86 %" in text_of(app)
    assert "tta" not in app.query_params


def test_the_test_score_with_tta_needs_a_click_of_its_own_that_is_counted(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    add_correct_tta(workspace, run_id, frozen)
    app = open_page("evaluate", split="test", tta="yes")
    assert "Accuracy" not in text_of(app)
    button(app, "Show the test score").click().run()
    assert "Accuracy (test), with TTA: 100 %" in text_of(app)
    app.toggle[0].set_value(False).run()
    assert "Accuracy" not in text_of(app)
    button(app, "Show the test score").click().run()
    assert "Test views: 2" in text_of(app)
    assert runs.show(workspace, run_id).n_test_looks == 2


@pytest.mark.usefixtures("no_worker")
def test_test_time_augmentation_is_computed_by_one_job(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace
) -> None:
    run_id = add_run(frozen)
    app = open_page("evaluate", tta="yes")  # A link to a score that was not computed shows the plain one.
    assert not [each for each in app.toggle if "TTA" in each.label]
    button(app, "Compute with test-time augmentation").click().run()
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.lane, job.arguments) == ("tta", "gpu", TtaArguments(run_id=run_id, n_views=4))
    assert any(each.label == "Cancel this test-time augmentation" for each in app.button)
    assert not app.exception


def test_a_cell_in_the_address_opens_its_images(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=2)
    app = open_page("evaluate", given="river", predicted="sea")
    assert not app.exception
    assert "river taken for sea: 2 images" in text_of(app)
    assert components(app) == ["matrix:1:valid", "gallery:confusion:1:valid:river:sea"]
    button(app, "Close").click().run()
    assert "river taken for sea: 2 images" not in text_of(app)


def test_an_empty_cell_and_unknown_classes_in_a_link_are_no_error(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen)
    assert "This cell has no images." in text_of(open_page("evaluate", given="sea", predicted="river"))
    assert not open_page("evaluate", given="<b>", predicted=":").exception


def test_all_errors_are_shown_until_a_cell_is_opened(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    run_id = add_run(frozen, n_wrong=2)
    app = open_page("evaluate")
    assert "2 of 2 errors not judged yet" in text_of(app)
    assert components(app) == ["matrix:1:valid", f"gallery:errors:{run_id}:valid"]
    button(app, "Open in Review").click().run()
    assert app.query_params["queue"] == f"errors:{run_id}:valid"
    assert not app.exception


def place_of_gallery(block: Block) -> list[int]:
    """Return the place of the gallery in the tree of elements, as the numbers of its parents and its own."""
    for n, child in block.children.items():
        if isinstance(child, Block):
            if place := place_of_gallery(child):
                return [n, *place]
        elif "gallery:" in getattr(child.proto, "id", ""):
            return [n]
    return []


def test_the_images_of_a_cell_replace_those_of_all_errors_at_once(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun
) -> None:
    """What a run does not draw again stays until its end, unless another element takes its place."""
    add_run(frozen, n_wrong=2)
    of_all = place_of_gallery(open_page("evaluate").main)
    of_cell = place_of_gallery(open_page("evaluate", given="river", predicted="sea").main)
    assert of_all == of_cell != []


def test_judging_an_error_names_the_runs_that_are_out_of_date(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen, n_wrong=2)
    wrong = review_queue.page(workspace, review_queue.errors_queue(run_id, "valid"))[0]
    decisions.decide(workspace, [Choice(wrong.digest, "label", "sea")], actor="human:anna")
    app = open_page("evaluate")
    assert "Run 1 is scored against 1 label that has changed since." in text_of(app)
    assert "1 image here was relabelled or excluded since" in text_of(app)
    assert "1 of 2 errors not judged yet" in text_of(app)
    assert button(app, "Train again")
    app.toggle(key="address:judged").set_value(True).run()
    assert app.query_params["judged"] == "yes"
    assert f"gallery:errors:{run_id}:valid:all" in components(app)


def test_the_matrix_is_ordered_and_shows_what_the_address_says(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun
) -> None:
    add_run(frozen)
    app = open_page("evaluate", order="size", values="columns")
    assert not app.exception
    assert not app.info
    assert [each.value for each in app.get("button_group")] == ["valid", "errors", "size", "columns"]


def test_two_runs_are_compared_with_their_settings_and_the_images_that_one_of_them_won(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=3)
    add_run(frozen, n_wrong=1, image_size_px=96)
    app = open_page("evaluate", run="2", tab="compare")
    text = text_of(app)
    assert "Run 1: 57 % (25-84 %)" in text  # 4 of 7, Wilson.
    assert "Run 2: 86 % (49-97 %)" in text  # 6 of 7
    # Agresti and Min: with the half images, 9 and a difference of 2 / 9.
    assert "Difference: +28.6 points (-12.6 to +57.0)" in text
    assert "Only run 1 is correct on 0, only run 2 on 2: **not significant (p = 0.50)**" in text
    assert "No difference established; some " in text
    settings = {row.pop("Setting"): [*row.values()] for row in drawn_pages.tables(app)[-1]}
    assert settings["Image size (px)"] == ["160", "96"]
    assert "won:1:2:valid" in str(app.session_state)
    app = open_page("evaluate", run="2", tab="compare", wall="lost")
    assert "Run 1 is right on no image that run 2 is wrong on" in text_of(app)


def test_several_runs_are_compared_at_once(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    for n_wrong in (3, 2, 1):
        add_run(frozen, n_wrong=n_wrong)
    app = open_page("evaluate", run="3", tab="compare", against="1,2")
    text = text_of(app)
    assert "Cochran's Q" in text
    assert [row["Runs"] for row in drawn_pages.tables(app)[0]] == [
        *("Run 2 minus run 1", "Run 3 minus run 1", "Run 3 minus run 2"),
    ]
    assert "Only run" not in text  # Each pair is a row of the table.
    assert "Nothing: the same recipe and Snapshot 1" in text
    ignored = open_page("evaluate", run="3", tab="compare", against="77")
    assert "there is no such run to compare with" in text_of(ignored)


def test_runs_are_compared_on_test_only_after_a_counted_click(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace
) -> None:
    add_run(frozen), add_run(frozen)
    app = open_page("evaluate", run="2", tab="compare", split="test")
    button(app, "Show the test score").click().run()
    assert [runs.show(workspace, run_id).n_test_looks for run_id in (1, 2)] == [0, 1]
    button(app, "Compare on test").click().run()
    app.run()
    assert [runs.show(workspace, run_id).n_test_looks for run_id in (1, 2)] == [1, 2]


def test_the_newest_usable_run_is_opened_first_and_a_link_names_another(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, text_of: TextOf
) -> None:
    for n_wrong in (0, 1):
        add_run(frozen, n_wrong=n_wrong)
    app = open_page("evaluate")
    assert app.selectbox(key="address:run").value == "2"
    app.selectbox(key="address:run").set_value("1").run()
    assert app.query_params["run"] == "1"
    assert "Accuracy (validation): 100 %" in text_of(app)


def test_a_run_is_evaluated_in_a_read_only_workspace(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    frozen: Snapshot,
    add_run: Callable[..., int],
    peakid: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = add_run(frozen)
    workspace.close()

    def inside(path: object) -> bool:
        return str(path).startswith(str(workspace.path))

    # Root can write anywhere, so the answer of the system is replaced.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or not inside(path))
    app = open_page("evaluate", run=str(run_id), split="valid")
    assert not app.exception
    assert not app.error
    answer = peakid("evaluate", run_id, "--split", "valid", "--json")
    assert (answer.code, answer.err) == (0, "")
    refused = peakid("evaluate", run_id, "--split", "test")  # A look at the test score is counted.
    assert refused.code == 1
    assert "can only be read" in refused.err


def test_many_classes_list_their_most_frequent_confusions_and_a_row_opens_its_queue(
    open_page: OpenPage, workspace: Workspace, plant: Plant, text_of: TextOf
) -> None:
    plant(counted(**{f"c{n:02}" + "x" * n: 4 for n in range(16)}))
    frozen = snapshots.create(workspace, name="", actor="human:anna")
    names = frozen.class_names
    planted_runs.plant(workspace, frozen, {names[2]: names[5]})
    app = open_page("evaluate")
    [row] = [each for each in app.button if "taken for" in each.label]
    n_valid = [item.label for item in snapshots.items(workspace) if item.split == "valid"].count(names[2])
    assert row.label == f"**{names[2]}** taken for **{names[5]}**: 1 of {n_valid}"
    row.click().run()
    assert not app.exception
    assert app.query_params["queue"] == review_queue.confusion_queue(1, "valid", names[2], names[5])


def test_the_page_says_one_thing_and_its_button_opens_exactly_these_images(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen, n_wrong=3)
    app = open_page("evaluate")
    assert "**3 of 3 errors are river taken for sea.**" in text_of(app)
    button(app, "Review these 3").click().run()
    assert not app.exception
    assert app.query_params["queue"] == review_queue.confusion_queue(run_id, "valid", "river", "sea")


def test_errors_of_one_or_two_images_open_as_a_selection_and_judged_ones_lead_on(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen, n_wrong=1)
    app = open_page("evaluate")
    assert "1 error has an unconfirmed label that the model contradicts with 90 % or more." in text_of(app)
    button(app, "Review it").click().run()
    [queue] = [app.query_params["queue"]]
    [wrong] = review_queue.page(workspace, queue)
    assert wrong.label == "river"
    decisions.decide(workspace, [Choice(wrong.digest, "label", "river")], actor="human:anna")
    app = open_page("evaluate")
    button(app, "Go to the test score").click().run()
    assert button(app, "Show the test score")
    assert runs.show(workspace, run_id).n_test_looks == 0


def test_the_linear_probe_stands_beside_the_score_or_says_what_it_needs(
    open_page: OpenPage, frozen: Snapshot, add_run: AddRun, workspace: Workspace, text_of: TextOf
) -> None:
    add_run(frozen, n_wrong=2)
    app = open_page("evaluate")
    assert "No linear probe to compare with: no image has an embedding yet." in text_of(app)
    assert button(app, "Compute the embeddings")
    items = snapshots.items(workspace, frozen.digest)
    features = {each.digest: [1.0 + 0.01 * n, float(each.label == "sea")] for n, each in enumerate(items)}
    planted_embeddings.plant(workspace, features)
    text = text_of(open_page("evaluate"))
    # The head is right on 7 of 7, the run on 5: Wilson .65 to 1.
    assert "Linear probe: 100 % (65-100 %)" in text
    assert "Against the linear probe: -28.6 points (" in text
    assert "on 7 images, no difference established (p = 0.5)" in text


def test_a_large_split_is_computed_by_a_job_and_says_how_many_labels_were_judged_since(
    open_page: OpenPage,
    frozen: Snapshot,
    add_run: AddRun,
    workspace: Workspace,
    text_of: TextOf,
    run_jobs: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = add_run(frozen, n_wrong=3)
    monkeypatch.setattr(figures, "MAX_INLINE", 1)
    app = open_page("evaluate")
    assert "it has too many images to do so at once" in text_of(app)
    button(app, "Compute the figures").click().run()
    run_jobs()
    [job] = queue.list_jobs(workspace)
    assert job.result == FiguresResult(run_id, {s: frozen.splits[s] for s in ("train", "valid", "test")})
    assert "3 of 3 errors are river taken for sea." in text_of(open_page("evaluate"))
    wrong = review_queue.page(workspace, review_queue.confusion_queue(run_id, "valid", "river", "sea"))
    decisions.decide(workspace, [Choice(item.digest, "label", "sea") for item in wrong], actor="human:anna")
    app = open_page("evaluate")
    assert "3 images here were judged since these figures were computed." in text_of(app)
    assert "3 of 3 errors are river taken for sea." in text_of(app)
    button(app, "Compute them again").click().run()
    run_jobs()
    text = text_of(open_page("evaluate"))
    assert "since these figures were computed" not in text
    assert "All errors were judged. 3 labels changed since the training." in text


def test_predictions_of_another_model_are_imported_on_the_page(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    rows = [
        f"{each.digest},{each.label},0.9"
        for each in snapshots.items(workspace, frozen.digest)
        if each.split == "valid"
    ]
    app = open_page("evaluate")
    table = "\n".join(["digest,predicted_label,confidence", *rows[1:]])
    app.file_uploader[0].upload("ours.csv", table.encode(), "text/csv").run()
    button(app, "Import the predictions").click().run()
    assert "images of the snapshot have no row: 1 of 7 of valid" in text_of(app)
    assert runs.list_runs(workspace) == []
    app.checkbox[0].set_value(True)
    button(app, "Import the predictions").click().run()
    assert not app.exception
    text = text_of(app)
    assert "Run 1 has the predictions 'ours': 6 of valid." in text
    assert "Accuracy (validation): 100 % (61-100 %, n = 6)" in text  # Wilson, 6 of 6.
    assert "1 images of valid have no imported prediction" in text


def test_a_snapshot_without_a_test_split_says_so_and_counts_no_look(
    open_page: OpenPage,
    workspace: Workspace,
    plant: Plant,
    text_of: TextOf,
) -> None:
    plant(counted(river=20, sea=20))
    shares = {"train": 0.7, "valid": 0.3, "test": 0.0}
    frozen = snapshots.create(workspace, name="", fractions=shares, actor="human:anna")
    run_id = planted_runs.plant(workspace, frozen, {"river": "sea"})
    app = open_page("evaluate")
    assert "The snapshot has no test split: there is no score to report" in text_of(app)
    assert button(app, "Freeze a snapshot with a test split")
    app = open_page("evaluate", split="test")
    assert "has no image in it" in text_of(app)
    assert not app.exception
    assert runs.show(workspace, run_id).n_test_looks == 0


def test_a_single_scored_image_is_no_score(
    open_page: OpenPage, workspace: Workspace, plant: Plant, text_of: TextOf
) -> None:
    plant(counted(river=6, sea=6))
    frozen = snapshots.create(workspace, name="", actor="human:anna")
    run_id = planted_runs.plant(workspace, frozen, {})
    [item, *_] = [each for each in snapshots.items(workspace, frozen.digest) if each.split == "valid"]
    probabilities = np.array([[0.9, 0.1] if item.label == "river" else [0.1, 0.9]])
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM prediction WHERE split = 'valid'")
    run_predictions.add(
        workspace, run_id, "valid", [item.digest], probabilities, [item.label], is_out_of_sample=True
    )
    app = open_page("evaluate")
    assert not app.exception
    assert "Only 1 image is scored: the accuracy can be anything from 21 % to 100 %." in text_of(app)
    assert "has no image in this split" not in text_of(app)  # One sentence: what matters most.


def test_classes_that_cannot_be_told_apart_lead_to_the_prefilled_merge(
    open_page: OpenPage, workspace: Workspace, plant: Plant, text_of: TextOf
) -> None:
    plant(counted(**{"c" + "x" * n: 40 for n in range(4)}))
    fractions = {"train": 0.4, "valid": 0.5, "test": 0.1}
    frozen = snapshots.create(workspace, name="", actor="human:anna", fractions=fractions)
    first, second = frozen.class_names[:2]
    planted_runs.plant(workspace, frozen, {first: second, second: first}, per_class=8)
    app = open_page("evaluate")
    text = text_of(app)
    assert "c and cx are taken for each other in 16 of 16 errors, more than chance explains" in text
    assert "Accuracy 80 % (70-87 %, n = 80) as it is, **100 % (95-100 %, n = 80)** with one class" in text
    assert "with one class for them (+20.0 points)" in text
    assert "Errors that vanish: c taken for cx 8, cx taken for c 8" in text
    button(app, "Preview the merge of cx into c").click().run()
    assert not app.exception
    assert (app.query_params["class"], app.query_params["into"]) == ("cx", "c")
    classes_page = open_page("classes", **{"class": "cx", "into": "c"})
    merge = next(each for each in classes_page.expander if each.label == "Merge into another class")
    assert merge.proto.expanded
    assert classes_page.selectbox(key="merge:cx").value == "c"
    assert "cx" in workspace_classes(workspace)  # Nothing is merged by itself.


def test_one_class_of_a_large_group_is_chosen_before_its_merge(
    open_page: OpenPage, workspace: Workspace, plant: Plant
) -> None:
    plant(counted(**{"c" + "x" * n: 20 for n in range(9)}))
    fractions = {"train": 0.2, "valid": 0.7, "test": 0.1}
    frozen = snapshots.create(workspace, name="", actor="human:anna", fractions=fractions)
    ring = frozen.class_names[:5]
    planted_runs.plant(workspace, frozen, dict(zip(ring, ring[1:] + ring[:1], strict=True)), per_class=12)
    app = open_page("evaluate")
    assert not app.exception
    previews = [each for each in app.button if each.label.startswith("Preview the merge of")]
    assert len(previews) == 1
    chosen = app.selectbox(key="merge-class:0")
    assert len(chosen.options) == 4
    chosen.select(chosen.options[2]).run()
    button(app, f"Preview the merge of {chosen.value} into {ring[0]}").click().run()
    assert not app.exception
    assert (app.query_params["class"], app.query_params["into"]) == (chosen.value, ring[0])


def workspace_classes(workspace: Workspace) -> list[str]:
    return [row["name"] for row in workspace.query("SELECT name FROM class WHERE is_retired = 0")]


def test_a_class_that_is_predicted_too_often_is_named(
    open_page: OpenPage, workspace: Workspace, plant: Plant, text_of: TextOf
) -> None:
    plant(counted(**{"c" + "x" * n: 40 for n in range(3)}))
    fractions = {"train": 0.4, "valid": 0.5, "test": 0.1}
    frozen = snapshots.create(workspace, name="", actor="human:anna", fractions=fractions)
    first, second, third = frozen.class_names
    planted_runs.plant(workspace, frozen, {first: second, third: second}, per_class=6)
    text = text_of(open_page("evaluate"))
    # 12 images into the class and none out of it: P = 1 / 2^12, times 3 classes.
    assert f"{second} is predicted too often: 32 images are predicted as it and 20 are given" in text
    assert "more than chance explains (p < 0.001)" in text


def test_labels_that_were_reviewed_where_a_model_pointed_are_named_beside_the_score(
    open_page: OpenPage, text_of: TextOf, frozen: Snapshot, workspace: Workspace
) -> None:
    planted_runs.plant(workspace, frozen, {"river": "sea"})
    image = next(each for each in run_predictions.rows(workspace, 1, "valid") if each.given_label == "river")
    choice = Choice(image.digest, "label", "river", basis={"queue": "model-disagrees"})
    decisions.decide(workspace, [choice], actor="human:anna")
    snapshots.create(workspace, actor="human:anna")
    text = text_of(open_page("evaluate", run="1"))
    n_images = frozen.splits["valid"]
    assert f"1 of {n_images} validation labels was reviewed because a model doubted or suggested" in text

"""The train page: the recipe as a form, one job for two clicks, and a training in every state."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.dataset import snapshot as snapshots
from peakid.errors import ClassTooSmall
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import TrainArguments
from peakid.jobs.job import Job
from peakid.jobs.process import Identity
from peakid.recipe import cost_guess
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Choice, EpochMetrics, Snapshot
from peakid.remedies import action
from peakid.run_records import StartingWeights
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web.training import recipe_draft
from tests import drawn_pages

pytestmark = pytest.mark.usefixtures("no_worker")

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def field(app: AppTest, name: str):
    """Return the widget of a field of the recipe."""
    kinds = (app.selectbox, app.number_input, app.checkbox)
    return next(each for kind in kinds for each in kind if each.label == recipe_draft.field_label(name))


def submitted(workspace: Workspace, frozen: Snapshot, **recipe: object) -> Job:
    arguments = TrainArguments(snapshot=frozen.digest, recipe=Recipe(**recipe).model_dump())
    return queue.submit(workspace, arguments, lane="gpu", settings=JobSettings(), actor="human:anna")


def begun(workspace: Workspace, frozen: Snapshot, **recipe: object) -> tuple[ledger.Work, int]:
    """Start a training in this process; return its work and its run."""
    work = ledger.claim(workspace, submitted(workspace, frozen, **recipe).job_id, process.own())
    assert work is not None
    named = {"class_names": frozen.class_names, "seed": 0, "code_version": "test", "libraries": {}}
    run_id = runs.create(
        workspace,
        job_id=work.job_id,
        snapshot_id=frozen.snapshot_id,
        recipe=Recipe(**recipe).model_dump(),
        **named,
    )
    return work, run_id


def test_without_a_snapshot_the_page_offers_to_freeze_one(
    open_page: OpenPage, fill: Callable[..., list[str]]
) -> None:
    fill(river=2)
    app = open_page("train")
    assert not app.exception
    assert "There is none." in app.info[0].value
    assert button(app, "Freeze a snapshot")


def test_a_click_queues_one_training_with_the_recipe_of_the_form(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("train")
    app.button(key="preset:standard").click().run()
    field(app, "arch").set_value("mobilenet_v3_small").run()
    field(app, "image_size_px").set_value(64).run()
    field(app, "head_epochs").set_value(1).run()
    button(app, "Train mobilenet_v3_small").click().run()
    assert not app.exception
    [job] = queue.list_jobs(workspace)
    asked = {
        name: job.arguments.recipe[name] for name in ("arch", "image_size_px", "head_epochs", "body_epochs")
    }
    assert asked == {"arch": "mobilenet_v3_small", "image_size_px": 64, "head_epochs": 1, "body_epochs": 3}
    assert (job.arguments.snapshot, job.actor, job.lane) == (frozen.digest, "human:anna", "gpu")


def test_two_clicks_are_one_job_and_another_recipe_is_another(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("train")
    button(app, "Train resnet18").click().run()
    button(app, "Train resnet18").click().run()
    assert len(queue.list_jobs(workspace)) == 1
    field(app, "image_size_px").set_value(96).run()
    button(app, "Train resnet18").click().run()
    assert len(queue.list_jobs(workspace)) == 2


def test_the_same_training_can_be_submitted_again_once_it_has_ended(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("train")
    button(app, "Train resnet18").click().run()
    queue.cancel(workspace, 1)
    app.run()
    button(app, "Train resnet18").click().run()
    assert [job.state for job in queue.list_jobs(workspace)] == ["queued", "cancelled"]


def test_a_preset_fills_the_form_and_keeps_the_architecture(
    open_page: OpenPage, frozen: Snapshot, text_of: TextOf
) -> None:
    app = open_page("train")
    field(app, "arch").set_value("mobilenet_v2").run()
    app.button(key="preset:quick").click().run()
    assert field(app, "arch").value == "mobilenet_v2"
    assert field(app, "method").value == "linear-head"
    field(app, "image_size_px").set_value(96).run()
    assert "Changed from quick: Image size (px) 96 instead of 160." in text_of(app)


def test_from_scratch_has_its_own_number_of_epochs(open_page: OpenPage, frozen: Snapshot) -> None:
    app = open_page("train")
    app.button(key="preset:scratch").click().run()
    assert field(app, "scratch_epochs").value == 60
    # Next to the time budget, in place of the epochs of head and body.
    labels = [each.label for each in app.number_input]
    assert (
        labels.index(recipe_draft.field_label("scratch_epochs"))
        == labels.index(recipe_draft.field_label("max_minutes")) + 1
    )


def test_an_architecture_of_one_size_sets_that_size(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("train")
    field(app, "arch").set_value("vit_b_16").run()
    button(app, "Train vit_b_16").click().run()
    assert queue.show(workspace, 1).arguments.recipe["image_size_px"] == 224


def test_the_form_remembers_what_was_chosen_while_another_page_is_open(
    open_page: OpenPage, frozen: Snapshot
) -> None:
    app = open_page("train")
    app.button(key="preset:standard").click().run()
    field(app, "head_epochs").set_value(7).run()
    app.switch_page("../../pages/review.py").run()
    app.switch_page("../../pages/train.py").run()
    assert field(app, "head_epochs").value == 7


def test_every_field_of_the_recipe_can_be_set_on_the_page(open_page: OpenPage, frozen: Snapshot) -> None:
    app, drawn = open_page("train"), set()
    for preset in ("quick", "standard"):  # A linear head has other settings than fine-tuning.
        app.button(key=f"preset:{preset}").click().run()
        kinds = (app.selectbox, app.number_input, app.checkbox)
        drawn |= {each.label for widgets in kinds for each in widgets}
    # Leaks have a checkbox where there are some; phases have a table of their own.
    assert {name for name in Recipe.model_fields if recipe_draft.field_label(name) not in drawn} == {
        "allow_leaks",
        "phases",
    }
    labels = [recipe_draft.field_label(name) for name in Recipe.model_fields]
    assert len(set(labels)) == len(labels)
    assert not set(labels) & set(Recipe.model_fields)


def test_the_form_says_which_pretrained_weights_are_available(
    open_page: OpenPage, frozen: Snapshot, text_of: TextOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert (
        "are not on this machine. The training downloads them (19 MB); offline it fails, unless random "
        "weights are confirmed below." in text_of(open_page("train"))
    )
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet18-f37072fd.pth").write_bytes(b"")
    app = open_page("train")
    assert "Starts from ImageNet weights in `resnet18-f37072fd.pth`" in text_of(app)
    assert field(app, "arch").options[0] == "resnet18 · weights here"


def test_a_running_training_shows_its_progress_its_curves_and_can_be_cancelled(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    work, run_id = begun(workspace, frozen)
    work.report("Training, epoch 2 of 6", 12, 40, "64 of 96 images, loss 0.512, about 40 s left")
    runs.add_epoch(workspace, run_id, EpochMetrics(1, "head", 1.0, 0.8, 0.75, 0.002, 3.0))
    app = open_page("train")
    assert not app.exception
    text = text_of(app)
    assert "Run 1: resnet18 at 160 px" in text
    assert "Snapshot 1 (first), started just now by anna" in text
    assert "You can close this page; the job continues." in text
    bars = [each.proto.text.replace("\\", "") for each in app.get("progress")]
    assert "Training, epoch 2 of 6: 64 of 96 images, loss 0.512, about 40 s left." in bars
    assert [*drawn_pages.figures(app)][:2] == ["curves:1", "schedule:1"]
    app.button(key="cancel:1").click().run()
    assert work.should_stop()
    assert "Cancel this training" not in [each.label for each in app.main.button]
    assert "Cancelling… The current step ends first." in [each.proto.text for each in app.get("progress")]


def test_a_linear_head_shows_its_score_instead_of_curves(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    work, run_id = begun(workspace, frozen, method="linear-head")
    runs.add_epoch(workspace, run_id, EpochMetrics(1, "linear head", 0.26, 0.93, 0.7, 0.0, 3.0))
    runs.finish(
        workspace,
        run_id,
        "done",
        best_epoch=1,
        metrics={"accuracy": 0.7},
        starting_weights=StartingWeights("file", "w.pth"),
        device="cpu",
        seconds=42.0,
    )
    work.end("done")
    app = open_page("train")
    assert "Validation accuracy 70 %, loss 0.93." in text_of(app)
    assert ", took 42 s" in text_of(app)  # Of the run, as in the table, and not of the job around it.
    assert [*drawn_pages.figures(app)] == []  # One epoch is no curve, and there is no learning rate.


def test_a_queued_training_is_shown_above_the_form(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    begun(workspace, frozen)
    submitted(workspace, frozen, image_size_px=96)
    app = open_page("train", job="2")
    assert "Training: resnet18 at 96 px" in text_of(app)
    assert list(app.dataframe[0].value["State"]) == ["queued", "running"]


def test_a_failed_training_shows_its_error_its_remedies_and_its_log(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    work, _ = begun(workspace, frozen)
    queue.log_path(workspace, work.job_id).parent.mkdir(exist_ok=True)
    queue.log_path(workspace, work.job_id).write_text("first line\nlast line\n")
    work.end(
        "failed",
        error=ClassTooSmall("Class 'moench' has 1 image.", "Label more.", action("list_classes")),
    )
    app = open_page("train")
    assert "Failed after" in app.error[0].value
    assert "Class 'moench' has 1 image. Label more." in app.error[0].value
    assert [code.value for code in app.code] == ["first line\nlast line"]
    assert next(each.label for each in app.expander if each.label == "Log")
    assert button(app, "Show the classes")
    button(app, "Resume").click().run()
    assert queue.show(workspace, work.job_id).state == "queued"


def test_a_lost_training_can_be_resumed(open_page: OpenPage, frozen: Snapshot, workspace: Workspace) -> None:
    job = submitted(workspace, frozen)
    ledger.claim(
        workspace, job.job_id, Identity(2**22 - 1, 1.0, process.own().boot_id)
    )  # No such process exists.
    app = open_page("train")
    assert "Lost after" in app.warning[0].value
    assert "peakid jobs" not in app.warning[0].value
    button(app, "Resume").click().run()
    assert queue.show(workspace, 1).state == "queued"


def test_the_page_shows_what_changed_since_the_last_training(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace, text_of: TextOf
) -> None:
    add_run(frozen)
    assert "Run 1 was trained on this snapshot." in text_of(open_page("train"))
    river = next(item.digest for item in snapshots.items(workspace, frozen.digest) if item.label == "river")
    decisions.decide(workspace, [Choice(river, "label", "sea")], actor="human:anna")
    snapshots.create(workspace, name="second", actor="human:anna")
    changes = "0 added, 0 removed, 1 relabelled, 0 moved"
    assert f"Since Run 1 on Snapshot 1 (first): {changes}." in text_of(open_page("train"))


def test_a_run_without_a_model_was_not_trained_on_a_snapshot(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace, text_of: TextOf
) -> None:
    run_id = add_run(frozen)
    runs.finish(workspace, run_id, "cancelled")  # Before its first epoch.
    assert "No model has been trained yet." in text_of(open_page("train"))
    runs.finish(workspace, run_id, "failed", best_epoch=1, metrics={"accuracy": 0.8})
    runs.finish(workspace, add_run(frozen), "cancelled")
    runs.finish(workspace, add_run(frozen), "failed")
    assert "Run 1 was trained on this snapshot." in text_of(open_page("train"))


def test_a_leaking_snapshot_is_trained_on_only_after_a_confirmation(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 2")
    app = open_page("train")
    assert button(app, "Train resnet18").disabled
    app.checkbox(key="allow_leaks").check().run()
    button(app, "Train resnet18").click().run()
    assert queue.show(workspace, 1).arguments.recipe["allow_leaks"] is True


def test_finished_runs_are_listed_with_their_accuracy(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen)
    [row] = open_page("train").dataframe[0].value.to_dict("records")
    assert (row["Run"], row["State"], row["Snapshot"]) == ("Run 1", "done", "Snapshot 1 (first)")
    # The nearest to .8 is 6 of 7 validation images; the interval is Wilson's for 6 of 7.
    assert row["Accuracy (validation)"] == "86 % (49-97 %, n = 7)"


def test_the_cost_is_estimated_from_the_last_run_of_the_same_architecture(
    frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace
) -> None:
    add_run(frozen, image_size_px=160, head_epochs=3, body_epochs=0, pretrained="none", scratch_epochs=4)
    n_train_of = {frozen.digest: 28}
    recipe = Recipe(image_size_px=160, pretrained="none", scratch_epochs=8)
    # 60 s, of which 20 are start-up: 40 s for 4 epochs on 28 images; 8 epochs on 56 take four times as long.
    assert cost_guess.guess_s(recipe, 56, runs.list_runs(workspace), n_train_of, is_pretrained=False)[
        0
    ] == pytest.approx(20 + 160)
    assert (
        cost_guess.guess_s(
            recipe.model_copy(update={"arch": "resnet34"}),
            56,
            runs.list_runs(workspace),
            n_train_of,
            is_pretrained=False,
        )
        is None
    )


def test_the_cost_estimate_uses_the_size_and_layers_of_each_phase(
    frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace
) -> None:
    add_run(frozen, image_size_px=160, pretrained="none", scratch_epochs=4)
    phases = [{"learns": "head", "epochs": 3, "image_size_px": 80}, {"epochs": 2}]
    recipe, n_train_of = Recipe(image_size_px=160, phases=phases), {frozen.digest: 28}
    # 40 s for 4 epochs of every layer at 160 px are 3.33 s an epoch with a frozen body; at 80 px a quarter.
    expected = 20 + 40 / 12 * (3 / 4 + 2 * 3)
    assert cost_guess.guess_s(recipe, 28, runs.list_runs(workspace), n_train_of, is_pretrained=True)[
        0
    ] == pytest.approx(expected)
    folded = recipe.model_copy(update={"folds": 5})
    assert cost_guess.guess_s(folded, 28, runs.list_runs(workspace), n_train_of, is_pretrained=True)[
        0
    ] == pytest.approx(20 + 5 * (expected - 20))


def test_a_link_sets_one_value_of_the_recipe_once(open_page: OpenPage, frozen: Snapshot) -> None:
    app = open_page("train", set="image_size_px=96")
    assert not app.exception
    assert field(app, "image_size_px").value == 96
    assert [toast.value for toast in app.toast] == ["Image size (px) is now 96."]
    assert "set" not in app.query_params
    field(app, "image_size_px").set_value(128).run()
    assert field(app, "image_size_px").value == 128


def test_a_link_corrects_a_value_that_does_not_fit(open_page: OpenPage, frozen: Snapshot) -> None:
    app = open_page("train")
    app.button(key="preset:standard").click().run()
    field(app, "batch_size").set_value(1).run()
    assert app.error
    app.query_params["set"] = "batch_size=0"
    app.run()
    assert field(app, "batch_size").value == 0
    assert not app.error


def test_a_link_fills_the_form_with_a_recipe(open_page: OpenPage, frozen: Snapshot) -> None:
    app = open_page("train", recipe="scratch")
    assert field(app, "scratch_epochs").value == 60
    assert "recipe" not in app.query_params


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"set": "colour=blue"}, "no setting 'colour'"),
        ({"set": "dropout=7"}, "dropout=7 does not fit"),
        ({"set": "arch=resnet19"}, "resnet19"),
        ({"set": "dropout"}, "not of the form key=value"),
        ({"recipe": "quickest"}, "No recipe 'quickest'"),
    ],
)
def test_a_link_that_does_not_fit_is_an_error_and_the_form_keeps_its_values(
    open_page: OpenPage, frozen: Snapshot, query: dict[str, str], message: str
) -> None:
    app = open_page("train", **query)
    assert not app.exception
    assert message in app.error[0].value.replace("\\", "")
    quick = recipes.with_settings(recipes.named("quick"), ["arch=resnet18"])  # Its weights are there.
    assert Recipe(**app.session_state["recipe:draft"]) == quick


def test_leaks_are_allowed_by_a_link(open_page: OpenPage, frozen: Snapshot, workspace: Workspace) -> None:
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_leaks = 2")
    app = open_page("train", set="allow_leaks=true")
    button(app, "Train resnet18").click().run()
    assert queue.show(workspace, 1).arguments.recipe["allow_leaks"] is True

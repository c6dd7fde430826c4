"""The recipe as a form: published recipes with one click, phases, and the LR finder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import RateFinderArguments
from peakid.jobs.job import Job
from peakid.jobs.results import RateFinderResult
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web.training import recipe_draft, recipe_form
from tests import drawn_pages

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_worker")]

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]
FOUND = {"valley": 1.23e-3, "slide": 4e-3, "minimum": 1e-3, "steep": 2e-4}


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def draft(app: AppTest) -> dict:
    return app.session_state["recipe:draft"]


def fill(app: AppTest, **values: object) -> AppTest:
    """Put values into the form, like the table of phases, which a test cannot edit."""
    app.session_state["recipe:draft"] = draft(app) | values
    app.session_state["recipe:filled"] += 1
    return app.run()


def searched(workspace: Workspace, frozen: Snapshot, **recipe: object) -> Job:
    """Return a job of the LR finder that is done."""
    arguments = RateFinderArguments(snapshot=frozen.digest, recipe=Recipe(**recipe).model_dump())
    job = queue.submit(workspace, arguments, lane="gpu", settings=JobSettings(), actor="human:anna")
    work = ledger.claim(workspace, job.job_id, process.own())
    assert work is not None
    rates = tuple(1e-7 * 10 ** (i / 10) for i in range(80))
    losses = tuple(1.0 - 0.01 * min(i, 100 - i) for i in range(80))
    work.note(RateFinderResult(suggestions=FOUND, rates=rates, losses=losses))
    work.end("done")
    return queue.show(workspace, job.job_id)


def test_the_quickest_preset_is_the_first_offer(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    button(open_page("train"), "Train resnet18").click().run()
    quick = recipes.with_settings(recipes.named("quick"), ["arch=resnet18"])  # Its weights are there.
    assert Recipe(**queue.show(workspace, 1).arguments.recipe) == quick


def test_the_form_starts_with_an_architecture_whose_weights_are_available(
    open_page: OpenPage, frozen: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mobilenet_v2-mine.pth").write_bytes(b"what a form does not read")
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    assert draft(open_page("train"))["arch"] == "mobilenet_v2"


@pytest.mark.slow
def test_every_published_recipe_fills_the_form_exactly_as_in_its_file(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    app = open_page("train")
    assert all(note in text_of(app) for note in recipes.reproduced_notes().values())
    assert len(recipes.reproduced()) == 6
    for name, recipe in recipes.reproduced().items():
        app.button(key=f"preset:{name}").click().run()
        assert not app.exception
        assert Recipe(**draft(app)) == recipe
    assert button(app, "Train resnet34").disabled  # Its weights are not here.
    next(each for each in app.checkbox if each.label.startswith("Train from random weights")).check().run()
    button(app, "Train resnet34").click().run()
    assert Recipe(**queue.show(workspace, 1).arguments.recipe) == recipes.named("swiss-peaks")


def test_a_preset_after_a_published_recipe_restores_the_chosen_architecture(
    open_page: OpenPage, frozen: Snapshot
) -> None:
    app = open_page("train")
    architecture = next(each for each in app.selectbox if each.label == recipe_draft.field_label("arch"))
    architecture.set_value("mobilenet_v2").run()
    app.button(key="preset:otters").click().run()
    app.button(key="preset:landscapes").click().run()
    assert draft(app)["arch"] == "plain_cnn"
    app.button(key="preset:standard").click().run()
    assert (draft(app)["arch"], draft(app)["phases"]) == ("mobilenet_v2", None)


def test_late_values_of_the_old_form_do_not_change_the_recipe_that_replaced_it(
    open_page: OpenPage, frozen: Snapshot
) -> None:
    app = open_page("train")
    app.button(key="preset:otters").click().run()
    old = {each.key: each for kind in (app.selectbox, app.number_input) for each in kind if each.key}
    old[f"recipe:{app.session_state['recipe:filled']}:arch"].set_value("resnet18")
    old[f"recipe:{app.session_state['recipe:filled']}:image_size_px"].set_value(96)
    app.button(key="preset:flickr-mountains").click().run()  # All in one message, as from a quick user.
    assert Recipe(**draft(app)) == recipes.named("flickr-mountains")
    app.run()
    assert Recipe(**draft(app)) == recipes.named("flickr-mountains")


def test_a_card_says_whether_its_weights_are_available(
    open_page: OpenPage, frozen: Snapshot, text_of: TextOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert "102 MB download" in text_of(open_page("train"))
    (tmp_path / "resnet50-11ad3fa6.pth").write_bytes(b"")
    text = text_of(open_page("train"))
    assert "Weights on this machine" in text
    assert "102 MB download" not in text


def test_phases_are_created_dropped_and_restored(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("train")
    assert button(app, "Edit phases").disabled  # A linear head has none.
    app.button(key="preset:standard").click().run()
    button(app, "Edit phases").click().run()
    assert [phase["name"] for phase in draft(app)["phases"]] == ["head", "body"]
    button(app, "Train resnet18").click().run()
    asked = Recipe(**queue.show(workspace, 1).arguments.recipe)
    assert asked.planned(is_pretrained=True) == recipes.named("standard").planned(is_pretrained=True)
    button(app, "Back to simple epochs").click().run()
    assert draft(app)["phases"] is None
    button(app, "Restore the 2 phases").click().run()
    assert [phase["name"] for phase in draft(app)["phases"]] == ["head", "body"]


def test_a_phase_that_does_not_fit_is_an_error_and_is_kept(open_page: OpenPage, frozen: Snapshot) -> None:
    app = open_page("train")
    app.button(key="preset:otters").click().run()
    fill(app, phases=[{"name": "head", "epochs": 0, "learns": "head"}])
    assert not app.exception
    assert "Phase 1: epochs=0 does not fit" in app.error[0].value.replace("\\", "")
    assert button(app, "Train resnet50").disabled
    assert button(app, "Run the LR finder").disabled
    assert draft(app)["phases"][0]["epochs"] == 0


def test_the_planned_learning_rate_is_drawn_before_the_training(
    open_page: OpenPage, frozen: Snapshot
) -> None:
    app = open_page("train")
    assert [*drawn_pages.figures(app)] == []  # A linear head has no schedule.
    app.button(key="preset:standard").click().run()
    assert [*drawn_pages.figures(app)] == ["schedule:planned"]


def test_the_lr_finder_runs_with_the_recipe_of_the_form(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    app = open_page("train")
    assert button(app, "Run the LR finder").disabled
    app.button(key="preset:standard").click().run()
    button(app, "Run the LR finder").click().run()
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.actor, Recipe(**job.arguments.recipe)) == (
        "lr-find",
        "human:anna",
        recipes.named("standard"),
    )
    assert app.header[0].value == "LR finder: resnet18 at 160 px"
    assert button(app, "Cancel this LR finder")


def test_a_suggested_learning_rate_goes_into_the_form_with_one_click(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    job = searched(workspace, frozen)
    app = open_page("train")
    app.button(key="preset:standard").click().run()
    app.selectbox(key="rate:earlier").select(str(job.job_id)).run()
    assert app.query_params["job"] == str(job.job_id)
    assert [each.label for each in app.button if each.label.startswith("Use ")] == [
        "Use 0.0012 (valley)",
        "Use 0.004 (slide)",
        "Use 0.001 (minimum)",
        "Use 2e-4 (steep)",
    ]
    button(app, "Use 0.0012 (valley)").click().run()
    assert draft(app)["base_lr"] == 1.2e-3  # Exactly as on the button.


def test_a_suggested_learning_rate_goes_into_the_chosen_phase(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    job = searched(workspace, frozen)
    app = open_page("train", job=str(job.job_id))
    app.button(key="preset:otters").click().run()
    next(each for each in app.selectbox if each.label == "Use it for phase").set_value(2).run()
    button(app, "Use 0.004 (slide)").click().run()
    assert [phase["base_lr"] for phase in draft(app)["phases"]] == ["finder", "finder", 4e-3, "finder"]


def test_after_a_reload_a_suggestion_restores_the_recipe_of_the_lr_finder(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    job = searched(workspace, frozen, arch="mobilenet_v2", image_size_px=64)
    app = open_page("train", job=str(job.job_id))
    assert "restores the recipe of the LR finder: mobilenet_v2 at 64 px" in text_of(app)
    button(app, "Use 0.0012 (valley)").click().run()
    assert {name: draft(app)[name] for name in ("method", "arch", "image_size_px", "base_lr")} == {
        "method": "fine-tune",
        "arch": "mobilenet_v2",
        "image_size_px": 64,
        "base_lr": 1.2e-3,
    }


def test_an_lr_finder_of_another_architecture_is_pointed_out(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    job = searched(workspace, frozen, arch="mobilenet_v2")
    app = open_page("train", job=str(job.job_id))
    app.button(key="preset:standard").click().run()
    assert "Found with mobilenet_v2: it may not fit the recipe in the form." in text_of(app)


def test_a_training_can_start_from_a_run_and_takes_its_architecture(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace, text_of: TextOf
) -> None:
    add_run(frozen, arch="mobilenet_v2")
    app = open_page("train")
    app.button(key="preset:standard").click().run()
    weights = next(each for each in app.selectbox if each.label == recipe_draft.field_label("pretrained"))
    assert next(option for option in weights.options if option.startswith("Run 1 · mobilenet_v2"))
    weights.set_value("run:1").run()
    assert "Starts from the model of run 1" in text_of(app)
    button(app, "Train mobilenet_v2").click().run()
    assert queue.show(workspace, 1).arguments.recipe["pretrained"] == "run:1"


def test_every_setting_is_under_a_heading(open_page: OpenPage, frozen: Snapshot, text_of: TextOf) -> None:
    app = open_page("train")
    app.button(key="preset:standard").click().run()
    text = text_of(app)
    assert all(f"**{heading}**" in text for heading in recipe_form.GROUPS)
    asked_above = {"arch", "image_size_px", "head_epochs", "body_epochs", "phases", "allow_leaks"}
    assert {name for group in recipe_form.GROUPS.values() for name in group} == set(
        Recipe.model_fields
    ) - asked_above

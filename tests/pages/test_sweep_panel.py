"""The panel of a sweep, in a script of its own: the form is checked at once, one job for two clicks, trials ranked, the best used."""

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.jobs import ledger, process, queue, submit
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web.training import sweep_panel

pytestmark = pytest.mark.usefixtures("no_worker")

SCRIPT = """
import streamlit as st
from peakid.dataset import snapshot as snapshots
from peakid.recipe import loading as recipes
from peakid.web import session
from peakid.web.jobs import job_panel
from peakid.web.training import sweep_panel
workspace = session.workspace()
job_panel.renew_ended(workspace)
draft = st.session_state.setdefault("draft", recipes.named("standard").model_dump())
st.text(draft["dropout"])
sweep_panel.show(workspace, snapshots.show(workspace, None).digest, recipes.of_values(draft), use=draft.update)
"""
TRIED = ["base_lr=1e-3,3e-3", "dropout=0.2,0.5"]


@pytest.fixture
def open_panel(
    workspace: Workspace, frozen: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AppTest]:
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("PEAKID_ACTOR", "anna")
    return lambda: AppTest.from_string(SCRIPT).run()


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def ended(workspace: Workspace, frozen: Snapshot, **result: object) -> int:
    work = ledger.claim(
        workspace, submit.sweep(workspace, Recipe(), TRIED, snapshot=frozen.digest).job_id, process.own()
    )
    assert work is not None
    work.note(**result)
    work.end("done")
    return work.job_id


def trial(
    run_id: int, settings: dict[str, float], valid_loss: float | None, error: str = ""
) -> dict[str, object]:
    accuracy = None if valid_loss is None else 0.8
    return {
        "run_id": run_id,
        "settings": settings,
        "state": "done",
        "accuracy": accuracy,
        "valid_loss": valid_loss,
        "seconds": 20,
        "error": error,
    }


def test_a_chosen_setting_comes_with_values_around_the_recipes_own_and_two_clicks_make_one_job(
    open_panel: Callable[[], AppTest], workspace: Workspace, frozen: Snapshot
) -> None:
    app = open_panel()
    assert button(app, "Try combinations").disabled
    app.selectbox[0].set_value("base_lr").run()
    assert app.text_input[0].value == "0.0003, 0.001, 0.003"
    app.selectbox[1].set_value("dropout").run()
    app.text_input[1].set_value("0.2, 0.5").run()
    assert not app.exception
    for _ in range(2):
        button(app, "Try 6 combinations").click().run()
    [job] = queue.list_jobs(workspace)
    assert (job.kind, job.lane, job.arguments["snapshot"], job.arguments["minutes"]) == (
        "sweep",
        "gpu",
        frozen.digest,
        20.0,
    )
    assert job.arguments["tried"] == ["base_lr=0.0003, 0.001, 0.003", "dropout=0.2, 0.5"]


def test_a_value_that_does_not_fit_is_told_at_once_and_nothing_can_be_asked_for(
    open_panel: Callable[[], AppTest],
) -> None:
    app = open_panel()
    app.selectbox[0].set_value("dropout").run()
    app.text_input[0].set_value("0.2, 3").run()
    assert "dropout\\=3 does not fit" in app.error[0].value or "dropout=3 does not fit" in app.error[0].value
    assert button(app, "Try combinations").disabled


def test_settings_that_exclude_each_other_are_named_before_they_are_asked_for(
    open_panel: Callable[[], AppTest],
) -> None:
    app = open_panel()
    app.selectbox[0].set_value("arch").run()
    app.text_input[0].set_value("resnet18, vit_b_16").run()
    app.selectbox[1].set_value("image_size_px").run()
    app.text_input[1].set_value("160, 224").run()
    said = " ".join(each.value for each in app.caption).replace("\\", "")
    assert "arch=vit_b_16: vit_b_16 takes images of 224 px only, not 160 px." in said
    assert button(app, "Try 3 combinations")


def test_trials_are_ranked_and_the_best_goes_into_the_recipe(
    open_panel: Callable[[], AppTest], workspace: Workspace, frozen: Snapshot
) -> None:
    best = trial(3, {"dropout": 0.2}, 0.4)
    trials = [trial(1, {}, 0.5), trial(2, {"base_lr": 0.003}, None, "The loss is no longer a number."), best]
    finding = "dropout=0.2 has the lowest loss on valid, 0.400 against 0.500 of the recipe as it is."
    ended(
        workspace,
        frozen,
        trials=trials,
        best=best,
        finding=finding,
        not_tried=[{"base_lr": 0.003, "dropout": 0.2}],
    )
    app = open_panel()
    assert not app.exception
    rows = json.loads(app.dataframe[0].value.to_json(orient="records"))
    assert [(row["Run"], row["Settings"]) for row in rows] == [
        (3, "dropout 0.2"),
        (1, "as it is: peak learning rate 0.001, dropout 0.5"),
        (2, "peak learning rate 0.003"),
    ]
    assert rows[2]["Error"] == "The loss is no longer a number."
    said = " ".join(each.value for each in [*app.markdown, *app.caption]).replace("\\", "")
    assert "Dropout 0.2 has the lowest loss on valid" in said
    assert "1 combination not tried for lack of time: peak learning rate 0.003, dropout 0.2." in said
    assert app.text[0].value == "0.5"
    button(app, "Use the best").click().run()
    assert app.text[0].value == "0.2"


def test_where_the_recipe_as_it_is_was_best_there_is_nothing_to_use(
    open_panel: Callable[[], AppTest], workspace: Workspace, frozen: Snapshot
) -> None:
    base = trial(1, {}, 0.5)
    ended(
        workspace,
        frozen,
        trials=[base],
        best=base,
        finding="Only the recipe as it is was tried.",
        not_tried=[],
    )
    app = open_panel()
    assert not app.exception
    assert [each.label for each in app.button if each.label == "Use the best"] == []


def test_values_are_proposed_only_where_they_fit() -> None:
    assert sweep_panel.suggested(Recipe(), "resize") == ["crop", "squish", "pad"]
    assert sweep_panel.suggested(Recipe(), "is_mirrored") == ["yes", "no"]
    assert sweep_panel.suggested(Recipe(), "dropout") == ["0.25", "0.5"]  # 1 is over the limit of .9.
    assert sweep_panel.suggested(Recipe(), "image_size_px") == ["80", "160", "320"]
    assert sweep_panel.suggested(Recipe(), "arch") == []
    assert sweep_panel.suggested(recipes.named("quick"), "l1") == []

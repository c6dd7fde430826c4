"""The panel of a sweep, in its own script: checks, two clicks make one job, the best trial is used."""

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.jobs import ledger, process, queue, submit
from peakid.jobs.results import SweepFinding, SweepResult, TrialResult
from peakid.recipe import loading as recipes
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store.workspace import Workspace
from peakid.web.training import sweep_panel

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_worker")]

SCRIPT = """
import streamlit as st
from peakid.dataset import snapshot as snapshots
from peakid.recipe import loading as recipes
from peakid.web import session
from peakid.web.jobs import submission
from peakid.web.training import sweep_panel
workspace = session.workspace()
submission.renew_ended(workspace)
draft = st.session_state.setdefault("draft", recipes.named("standard").model_dump())
st.text(draft["dropout"])
digest = snapshots.show(workspace, None).digest
sweep_panel.show(workspace, digest, recipes.of_values(draft), use=draft.update, allows_random=True)
"""
TRIED = ["base_lr=1e-3,3e-3", "dropout=0.2,0.5"]


@pytest.fixture
def open_panel(
    workspace: Workspace, frozen: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AppTest]:
    monkeypatch.setenv("PEAKID_WORKSPACE", str(workspace.path))
    monkeypatch.setenv("PEAKID_ACTOR", "anna")
    return lambda: AppTest.from_string(SCRIPT, default_timeout=60).run()


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def ended(workspace: Workspace, frozen: Snapshot, result: SweepResult) -> int:
    work = ledger.claim(
        workspace,
        submit.sweep(workspace, Recipe(), TRIED, snapshot=frozen.digest, allows_random=True).job_id,
        process.own(),
    )
    assert work is not None
    work.note(result)
    work.end("done")
    return work.job_id


def trial(run_id: int, settings: dict[str, float], valid_loss: float | None, error: str = "") -> TrialResult:
    accuracy = None if valid_loss is None else 0.8
    return TrialResult(run_id, settings, "done", accuracy, valid_loss, seconds=20, error=error)


def test_a_chosen_setting_gets_suggested_values_and_two_clicks_make_one_job(
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
    assert (job.kind, job.lane, job.arguments.snapshot, job.arguments.minutes) == (
        "sweep",
        "gpu",
        frozen.digest,
        20.0,
    )
    assert job.arguments.tried == ("base_lr=0.0003, 0.001, 0.003", "dropout=0.2, 0.5")


def test_a_value_that_does_not_fit_is_an_error_and_disables_the_button(
    open_panel: Callable[[], AppTest],
) -> None:
    app = open_panel()
    app.selectbox[0].set_value("dropout").run()
    app.text_input[0].set_value("0.2, 3").run()
    assert "dropout\\=3 does not fit" in app.error[0].value or "dropout=3 does not fit" in app.error[0].value
    assert button(app, "Try combinations").disabled


def test_settings_that_exclude_each_other_are_listed_before_submitting(
    open_panel: Callable[[], AppTest],
) -> None:
    app = open_panel()
    app.selectbox[0].set_value("arch").run()
    app.text_input[0].set_value("resnet18, vit_b_16").run()
    app.selectbox[1].set_value("image_size_px").run()
    app.text_input[1].set_value("160, 224").run()
    text = " ".join(each.value for each in app.caption).replace("\\", "")
    assert "Architecture vit_b_16: vit_b_16 takes images of 224 px only, not 160 px." in text
    assert button(app, "Try 3 combinations")


def test_trials_are_ranked_and_the_best_goes_into_the_recipe(
    open_panel: Callable[[], AppTest], workspace: Workspace, frozen: Snapshot
) -> None:
    best = trial(3, {"dropout": 0.2}, 0.4)
    failed = trial(2, {"base_lr": 0.003}, None, "The loss is no longer a number.")
    trials = (trial(1, {}, 0.5), failed, best)
    comparison = SweepFinding("luck", best.settings, 0.5, 0.4, n_others=1, n_common=6, n_only_best=1, p=1.0)
    not_tried = ({"base_lr": 0.003, "dropout": 0.2},)
    ended(workspace, frozen, SweepResult(3, trials, best, not_tried, finding="Text.", comparison=comparison))
    app = open_panel()
    assert not app.exception
    rows = json.loads(app.dataframe[0].value.to_json(orient="records"))
    assert [(row["Run"], row["Settings"]) for row in rows] == [
        (3, "Dropout 0.2"),
        (1, "Unchanged recipe: Peak learning rate 0.001, Dropout 0.5"),
        (2, "Peak learning rate 0.003"),
    ]
    assert rows[2]["Error"] == "The loss is no longer a number."
    text = " ".join(each.value for each in [*app.markdown, *app.caption]).replace("\\", "")
    assert "Dropout 0.2 has the lowest validation loss: 0.400, against 0.500" in text
    assert "1 combination not tried for lack of time: Peak learning rate 0.003, Dropout 0.2." in text
    assert app.text[0].value == "0.5"
    button(app, "Use the best").click().run()
    assert app.text[0].value == "0.2"


def test_there_is_nothing_to_use_where_the_unchanged_recipe_is_best(
    open_panel: Callable[[], AppTest], workspace: Workspace, frozen: Snapshot
) -> None:
    base = trial(1, {}, 0.5)
    comparison = SweepFinding("only_base", base_loss=0.5)
    ended(workspace, frozen, SweepResult(trials=(base,), best=base, comparison=comparison))
    app = open_panel()
    assert not app.exception
    assert [each.label for each in app.button if each.label == "Use the best"] == []


def test_values_are_suggested_only_where_they_fit() -> None:
    assert sweep_panel.suggested(Recipe(), "resize") == ["crop", "squish", "pad"]
    assert sweep_panel.suggested(Recipe(), "is_mirrored") == ["yes", "no"]
    assert sweep_panel.suggested(Recipe(), "dropout") == ["0.25", "0.5"]  # 1 is over the limit of .9.
    assert sweep_panel.suggested(Recipe(), "image_size_px") == ["80", "160", "320"]
    assert sweep_panel.suggested(Recipe(), "arch") == []
    assert sweep_panel.suggested(recipes.named("quick"), "l1") == []

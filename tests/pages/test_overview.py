"""The overview: the journey with one action, the score over runs, many classes, and tables of text."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.curate import decisions
from peakid.jobs import submit
from peakid.recipe.recipe import Recipe
from peakid.records import Choice, Snapshot
from peakid.store import exports, runs
from peakid.store.evaluation import goals
from peakid.store.workspace import Workspace
from tests import drawn_pages

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]


def buttons(app: AppTest) -> list[str]:
    """The buttons outside the form of the goal."""
    return [button.label for button in app.main.button if button.label != "Set the goal"]


def test_the_journey_is_on_top_with_one_action(
    open_page: OpenPage, fill: Callable[..., list[str]], workspace: Workspace, text_of: TextOf
) -> None:
    fill(river=3, sea=1)
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO image_issue_score VALUES ('dark', 0.1, 2)")
    app = open_page()
    steps = [line for line in text_of(app).splitlines() if re.match(r":\w+\[:material", line)]
    assert [step.split("**")[1] for step in steps] == [
        "Collect",
        "Review",
        "Freeze",
        "Train",
        "Evaluate",
        "Export",
    ]
    assert "check_circle" in steps[0]
    assert "arrow_circle_right" in steps[1]
    assert all("radio_button_unchecked" in step for step in steps[2:])
    assert buttons(app) == ["Review them", "Train a first model"]


@pytest.mark.usefixtures("no_worker")
def test_while_a_model_is_trained_the_action_is_to_watch_it(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    submit.train(workspace, Recipe(), snapshot=frozen.digest, request_id="one", actor="human:anna")
    app = open_page()
    assert "Watch the training" in buttons(app)
    assert "Train a model" not in buttons(app)


def test_a_run_that_was_cancelled_with_a_model_counts_as_trained(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace
) -> None:
    run_id = add_run(frozen)
    runs.finish(workspace, run_id, "cancelled")
    assert buttons(open_page()) == ["Train a model"]
    runs.finish(workspace, run_id, "cancelled", best_epoch=1, metrics={"accuracy": 0.8})
    app = open_page()
    assert buttons(app) == ["Evaluate the run"]
    assert (app.metric[-1].label, app.metric[-1].value) == ("Run 1, validation", "80 % (49-97 %, n = 7)")


def test_two_runs_with_a_score_are_drawn_with_their_intervals(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace, text_of: TextOf
) -> None:
    add_run(frozen)
    assert len(drawn_pages.figures(open_page())) == 1  # The classes.
    runs.finish(workspace, add_run(frozen), "failed")
    add_run(frozen)
    app = open_page()
    assert len(drawn_pages.figures(app)) == 2
    assert "Run 1 has the highest validation accuracy; its interval overlaps with that of run 3" in text_of(
        app
    )
    assert drawn_pages.tables(app)[0][1] | {"When": ""} == {
        "Run": "Run 2",
        "When": "",
        "State": "failed",
        "Snapshot": "Snapshot 1 (first)",
        "Validation accuracy": "-",
    }


def test_many_classes_are_in_a_box_with_the_fewest_images_first(
    open_page: OpenPage, fill: Callable[..., list[str]], text_of: TextOf
) -> None:
    fill(**{"many" + n * "y": 2 for n in range(10)})  # Names of one length would have the same images.
    assert "fewest images first" not in text_of(open_page())
    fill(one=1)
    text = text_of(open_page())
    assert "The classes with the fewest images first." in text
    assert "has 2 times as many images as one" in text


def test_a_long_path_is_written_whole(
    open_page: OpenPage, fill: Callable[..., list[str]], workspace: Workspace
) -> None:
    [digest, *_] = fill(**{"a class with a long name " * 4: 2})
    decisions.decide(workspace, [Choice(digest, "exclude", reason="a map")], actor="human:anna")
    [steps] = drawn_pages.tables(open_page())
    assert steps[0]["What"] == "excluded: a map"
    assert steps[0]["First image"].endswith("000.jpg")
    assert steps[0]["First image"].count("long name") == 4


def test_an_export_ends_the_journey(
    open_page: OpenPage,
    frozen: Snapshot,
    add_run: Callable[..., int],
    workspace: Workspace,
    colour_export: Path,
    text_of: TextOf,
) -> None:
    files = [{"name": "model.onnx", "format": "onnx", "sha256": "0" * 64, "bytes": 1}]
    exports.add(workspace, run_id=add_run(frozen), path=colour_export, files=files, parity={})
    text = text_of(open_page())
    assert "**Export**  \n:gray[1 export]" in text


def test_a_goal_is_set_on_the_page_and_judged_for_the_newest_run(
    open_page: OpenPage,
    frozen: Snapshot,
    add_run: Callable[..., int],
    text_of: TextOf,
    workspace: Workspace,
) -> None:
    add_run(frozen, n_wrong=1)
    app = open_page()
    assert "Goal, Run 1" not in text_of(app)
    fields = {each.label: each for each in app.number_input}
    fields["Accuracy on validation, at least (%)"].set_value(40.0)
    next(each for each in app.button if each.label == "Set the goal").click().run()
    assert not app.exception
    assert goals.read(workspace) == goals.Goal(0.4, None, "human:anna")
    text = text_of(app)
    # 6 of 7 images are right: .49 to .97.
    assert ":green[:material/check_circle:] At least 40 % on validation: 86 % (49-97 %), met." in text
    next(each for each in app.button if each.label == "Remove the goal").click().run()
    assert goals.read(workspace) is None

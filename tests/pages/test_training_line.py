"""Below and beside the form: who waits for the GPU, runs over each other, and the weights of this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.jobs import ledger, process, queue
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web.jobs import job_line

pytestmark = pytest.mark.usefixtures("no_worker")

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]


def submitted(workspace: Workspace, frozen: Snapshot, kind: str = "train", actor: str = "human:anna") -> int:
    arguments = {"snapshot": frozen.digest, "recipe": Recipe().model_dump()}
    return queue.submit(workspace, kind, arguments, lane="gpu", actor=actor).job_id


def line(workspace: Workspace) -> list[int]:
    return [job.job_id for job in queue.in_line(workspace, "gpu")]


def test_one_job_alone_is_no_line(open_page: OpenPage, frozen: Snapshot, workspace: Workspace) -> None:
    submitted(workspace, frozen)
    assert "In line" not in [each.value for each in open_page("train").subheader]


def test_those_who_wait_are_listed_in_order_with_what_they_want_and_who_asked(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    first = submitted(workspace, frozen)
    submitted(workspace, frozen, kind="lr-find", actor="human:bela")
    submitted(workspace, frozen)
    ledger.claim(workspace, first, process.own())
    app = open_page("train")
    assert not app.exception
    assert [
        each.value.replace("\\", "") for each in app.markdown if "**" in each.value and " now" in each.value
    ] == ["**runs now**"]
    said = text_of(app)
    assert (
        said.index("**runs now**")
        < said.rindex("Training 1: resnet18")
        < said.index("**next**")
        < said.index("Rate search 2")
    )
    assert said.index("Rate search 2") < said.index("**2nd**") < said.index("Training 3: resnet18")
    assert "bela, just now" in said


def test_a_waiting_job_is_moved_to_the_front_and_cancelled_from_the_line(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    ids = [submitted(workspace, frozen) for _ in range(3)]
    ledger.claim(workspace, ids[0], process.own())
    app = open_page("train")
    assert [each.key for each in app.button if each.label == "Move to the front"] == [
        "line:first:3"
    ]  # Nobody overtakes what runs.
    app.button(key="line:first:3").click().run()
    assert line(workspace) == [1, 3, 2]
    app.button(key="line:cancel:2").click().run()
    assert line(workspace) == [1, 3]
    app.button(key="line:cancel:1").click().run()
    assert queue.show(workspace, 1).is_cancel_requested
    assert app.button(key="line:cancel:1").disabled


@pytest.mark.parametrize(
    ("position", "said"),
    [(1, "next"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_a_place_is_said_as_people_count(position: int, said: str) -> None:
    assert job_line.place(position, is_running=False) == said


def test_runs_that_are_selected_lie_over_each_other_with_the_way_to_their_comparison(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen)
    add_run(frozen)
    app = open_page("train", runs="1,2")
    assert "overlay" in [each.key for each in app.get("plotly_chart")]
    assert next(each for each in app.button if each.label == "Compare run 2 and run 1, image by image")
    assert "overlay" not in [each.key for each in open_page("train", runs="2").get("plotly_chart")]
    assert "overlay" not in [each.key for each in open_page("train", runs="2,nonsense").get("plotly_chart")]


def test_one_row_that_is_selected_shows_its_run_below_the_table(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    first, second = submitted(workspace, frozen), submitted(workspace, frozen)
    queue.cancel(workspace, first)
    queue.cancel(workspace, second)
    headings = [each.value for each in open_page("train", row=str(first)).subheader]
    assert headings == ["All trainings", "Training 1: resnet18 at 160 px"]
    assert [each.value for each in open_page("train").subheader] == [
        "All trainings",
        "Training 2: resnet18 at 160 px",
    ]


def test_more_runs_than_can_be_told_apart_are_refused_in_words(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], text_of: TextOf
) -> None:
    for _ in range(7):
        add_run(frozen)
    app = open_page("train", runs="1,2,3,4,5,6,7")
    assert "7 runs are selected; at most 6" in text_of(app)


def test_the_epoch_that_a_run_has_reached_stands_in_its_schedule(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace
) -> None:
    run_id, job_id = add_run(frozen), submitted(workspace, frozen)
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET pretrained = 'file', job_id = ? WHERE id = ?", (job_id, run_id))
        connection.execute("UPDATE job SET state = 'done', started_at = created_at, finished_at = created_at")
    assert runs.of_job(workspace, 1) is not None
    app = open_page("train", job="1")
    assert [each.key for each in app.get("plotly_chart")] == ["curves:1", "schedule:1"]


def test_the_page_lists_the_weights_of_this_machine_as_the_command_does(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text_of: TextOf
) -> None:
    monkeypatch.setenv("PEAKID_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "resnet34-b627a593.pth").write_bytes(b"damaged")
    app = open_page("train")
    table = app.dataframe[-1].value
    assert len(table) == len(architectures.TABLE)
    assert list(table.iloc[0][["Architecture", "Weights", "Check"]]) == [
        "resnet34",
        "here",
        "not as long as published: damaged?",
    ]
    assert "1 of 21 architectures have weights here" in text_of(app)
    app.checkbox(key="weights:reads").check().run()
    assert app.dataframe[-1].value.iloc[0]["Check"] == "another hash than its name says: damaged?"

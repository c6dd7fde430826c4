"""Around the form: the GPU queue, several runs in one figure, and the weights of this machine."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import RateFinderArguments, TrainArguments
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web.jobs import gpu_queue
from tests import drawn_pages

pytestmark = pytest.mark.usefixtures("no_worker")

OpenPage = Callable[..., AppTest]
TextOf = Callable[[AppTest], str]


def submitted(
    workspace: Workspace,
    frozen: Snapshot,
    kind: type[TrainArguments | RateFinderArguments] = TrainArguments,
    actor: str = "human:anna",
) -> int:
    arguments = kind(snapshot=frozen.digest, recipe=Recipe().model_dump())
    return queue.submit(workspace, arguments, lane="gpu", settings=JobSettings(), actor=actor).job_id


def queued(workspace: Workspace) -> list[int]:
    return [job.job_id for job in queue.list_active(workspace, "gpu")]


def test_one_job_alone_draws_no_queue(open_page: OpenPage, frozen: Snapshot, workspace: Workspace) -> None:
    submitted(workspace, frozen)
    assert "GPU queue" not in [each.value for each in open_page("train").header]


def test_the_queue_lists_jobs_in_order_with_recipe_and_person(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, text_of: TextOf
) -> None:
    first = submitted(workspace, frozen)
    submitted(workspace, frozen, kind=RateFinderArguments, actor="human:bela")
    submitted(workspace, frozen)
    ledger.claim(workspace, first, process.own())
    app = open_page("train")
    assert not app.exception
    assert [each.value for each in app.markdown].count("**running**") == 1
    text = text_of(app)
    assert text.index("**running**") < text.index("**next**") < text.index("LR finder: resnet18")
    assert text.index("LR finder: resnet18") < text.index("**2nd**") < text.rindex("Training: resnet18")
    assert "bela, just now" in text


def test_a_queued_job_is_moved_to_the_front_and_cancelled_from_the_queue(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    ids = [submitted(workspace, frozen) for _ in range(3)]
    ledger.claim(workspace, ids[0], process.own())
    app = open_page("train")
    assert [each.key for each in app.button if each.label == "Move to the front"] == [
        "line:first:3"
    ]  # The running job is not interrupted.
    app.button(key="line:first:3").click().run()
    assert queued(workspace) == [1, 3, 2]
    app.button(key="line:cancel:2").click().run()
    assert queued(workspace) == [1, 3]
    app.button(key="line:cancel:1").click().run()
    assert queue.show(workspace, 1).is_cancel_requested
    assert "line:cancel:1" not in [each.key for each in app.button]
    assert "Cancelling…" in [each.value for each in app.main.caption]


@pytest.mark.parametrize(
    ("position", "text"),
    [(1, "next"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")],
)
def test_a_position_is_an_ordinal(position: int, text: str) -> None:
    assert gpu_queue.position_text(position, is_running=False) == text


def test_selected_runs_are_drawn_in_one_figure_with_a_link_to_their_comparison(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    add_run(frozen)
    add_run(frozen)
    app = open_page("train", runs="1,2")
    assert "overlay" in [*drawn_pages.figures(app)]
    assert next(each for each in app.button if each.label == "Compare run 2 with run 1")
    assert "overlay" not in [*drawn_pages.figures(open_page("train", runs="2"))]
    assert "overlay" not in [*drawn_pages.figures(open_page("train", runs="2,nonsense"))]


def test_a_selected_row_shows_its_run_below_the_table(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    first, second = submitted(workspace, frozen), submitted(workspace, frozen)
    queue.cancel(workspace, first)
    queue.cancel(workspace, second)
    headings = [each.value for each in open_page("train", row=str(first)).header]
    assert headings == ["All runs", "Training: resnet18 at 160 px"]
    assert [each.value for each in open_page("train").header] == [
        "All runs",
        "Training: resnet18 at 160 px",
    ]


def test_a_selection_stays_with_its_run_when_another_one_comes_above_it(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    """A browser keeps the numbers of selected rows, also where the rows below them are others now."""

    def table(app: AppTest):
        return next(each.proto for each in app.dataframe if "trainings:" in each.proto.id)

    add_run(frozen)
    add_run(frozen)
    app = open_page("train", runs="1,2")
    before = table(app)
    assert json.loads(before.selection_default)["selection"]["rows"] == [0, 1]
    assert table(app.run()).id == before.id
    add_run(frozen)
    after = table(app.run())
    assert json.loads(after.selection_default)["selection"]["rows"] == [1, 2]
    assert after.id != before.id


def test_more_runs_than_there_are_colours_are_refused(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], text_of: TextOf
) -> None:
    for _ in range(7):
        add_run(frozen)
    app = open_page("train", runs="1,2,3,4,5,6,7")
    assert "7 runs are selected; a figure shows at most 6" in text_of(app)


def test_the_schedule_of_a_run_marks_the_epoch_it_has_reached(
    open_page: OpenPage, frozen: Snapshot, add_run: Callable[..., int], workspace: Workspace
) -> None:
    run_id, job_id = add_run(frozen), submitted(workspace, frozen)
    with workspace.transaction() as connection:
        connection.execute("UPDATE run SET pretrained = 'file', job_id = ? WHERE id = ?", (job_id, run_id))
        connection.execute("UPDATE job SET state = 'done', started_at = created_at, finished_at = created_at")
    assert runs.of_job(workspace, 1) is not None
    app = open_page("train", job="1")
    assert [*drawn_pages.figures(app)] == ["curves:1", "schedule:1"]


def test_the_page_lists_the_weights_of_this_machine(
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
        "available",
        "size differs: damaged?",
    ]
    assert f"1 of {len(architectures.TABLE)} architectures have pretrained weights" in text_of(app)
    app.checkbox(key="weights:reads").check().run()
    assert app.dataframe[-1].value.iloc[0]["Check"] == "hash differs: damaged?"

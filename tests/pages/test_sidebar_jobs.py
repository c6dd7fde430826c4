"""Jobs in the sidebar of every page: what runs and waits, how one ended, and the last result on Train."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.errors import JobError
from peakid.job_settings import JobSettings
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import Arguments, ScanArguments, TrainArguments
from peakid.jobs.ledger import Work
from peakid.jobs.results import ScanResult, TrainResult
from peakid.recipe.recipe import Recipe
from peakid.records import ScanReport, Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web import navigation

pytestmark = pytest.mark.usefixtures("no_worker")

OpenPage = Callable[..., AppTest]
PAGES = [page.name for page in navigation.PAGES]


def submitted(workspace: Workspace, arguments: Arguments, lane: str = "gpu") -> int:
    return queue.submit(workspace, arguments, lane=lane, settings=JobSettings(), actor="human:anna").job_id


def begun(workspace: Workspace, arguments: Arguments, lane: str = "gpu") -> Work:
    work = ledger.claim(workspace, submitted(workspace, arguments, lane), process.own())
    assert work is not None
    return work


def training(frozen: Snapshot) -> TrainArguments:
    return TrainArguments(snapshot=frozen.digest, recipe=Recipe().model_dump())


def bars(app: AppTest) -> list[str]:
    """Return the texts of the progress bars in the sidebar."""
    return [each.proto.text.replace("\\", "") for each in app.sidebar.get("progress")]


def lines(app: AppTest) -> str:
    """Return the text of the sidebar."""
    return "\n".join(each.value for each in [*app.sidebar.markdown, *app.sidebar.caption]).replace("\\", "")


def toasts(app: AppTest) -> list[str]:
    return [each.value.replace("\\", "") for each in app.toast]


def links(app: AppTest) -> list[tuple[str, str, str]]:
    """Return label, page and query of the links in the sidebar."""
    found = [each.proto for each in app.sidebar.get("page_link")]
    return [(each.label, each.page, each.query_string) for each in found]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_running_and_queued_jobs_with_time_left_and_cancel(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, page: str
) -> None:
    work = begun(workspace, training(frozen))
    work.report("Training, epoch 2 of 6", 12, 40, "64 of 96 images, about 40 s left")
    submitted(workspace, training(frozen))
    app = open_page(page)
    assert not app.exception
    assert bars(app) == ["Training, epoch 2 of 6: 64 of 96 images, about 40 s left"]
    assert "Training: queued, next" in lines(app)
    assert [each.key for each in app.sidebar.button if each.label.startswith("Cancel")] == [
        "side:cancel:1",
        "side:cancel:2",
    ]


@pytest.mark.parametrize("page", PAGES)
def test_cancelling_is_seen_at_once_on_every_page(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, page: str
) -> None:
    work = begun(workspace, training(frozen))
    app = open_page(page)
    app.sidebar.button(key="side:cancel:1").click().run()
    assert work.should_stop()
    assert bars(app) == ["Cancelling…"]
    assert "side:cancel:1" not in [each.key for each in app.sidebar.button]


def test_a_job_that_ended_before_the_click_is_not_an_error(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    work = begun(workspace, training(frozen))
    app = open_page()
    work.end("done")
    app.sidebar.button(key="side:cancel:1").click().run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_the_end_of_a_training_is_told_on_every_page_with_its_score_and_the_way_to_it(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, add_run: Callable[..., int], page: str
) -> None:
    work = begun(workspace, training(frozen))
    app = open_page(page)
    assert toasts(app) == []
    work.note(TrainResult(run_id=add_run(frozen)))
    work.end("done")
    app.run()
    assert not app.exception
    score = next(each for each in lines(app).splitlines() if "Run 1: " in each)
    assert " %, n = " in score
    told = [each for each in toasts(app) if "Run 1: " in each]
    if page == "train":  # It has the result on top, which a toast would cover.
        assert told == []
    else:
        assert [each.endswith("[Evaluate](evaluate?run=1)") for each in told] == [True]
    app.switch_page("../../pages/models.py").run()
    assert bool(toasts(app)) == (page != "train")  # Seen is told, for the page opened next too.
    assert ("Evaluate", "evaluate", "run=1") in links(app)
    assert bars(app) == []


def test_a_line_is_dismissed_and_does_not_come_back(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace
) -> None:
    work = begun(workspace, training(frozen))
    app = open_page()
    work.end("failed", error=JobError("There is no room.", "Free some space."))
    app.run()
    assert "Training failed: There is no room." in lines(app)
    app.sidebar.button(key="side:dismiss:1").click().run()
    assert "Training failed" not in lines(app)
    app.run()
    assert "Training failed" not in lines(app)


def test_a_failed_job_says_so_and_leads_to_its_log(open_page: OpenPage, workspace: Workspace) -> None:
    work = begun(workspace, ScanArguments(), "cpu")
    app = open_page("review")
    work.end("failed", error=JobError("There is no room.", "Free some space."))
    queue.log_path(workspace, 1).write_text("the last words of the scan")
    app.run()
    assert toasts(app) == ["Scan failed: There is no room. [Log](?log=1)"]
    app.sidebar.button(key="side:log:1").click().run()
    assert not app.exception
    assert "the last words of the scan" in [each.value for each in app.code]
    assert "resume_job" not in str(app)


def test_the_address_of_a_log_opens_it_once(open_page: OpenPage, workspace: Workspace) -> None:
    work = begun(workspace, ScanArguments(), "cpu")
    queue.log_path(workspace, 1).write_text("the last words of the scan")
    work.end("failed", error=JobError("There is no room.", "Free some space."))
    app = open_page("review", log="1")
    assert not app.exception
    assert "the last words of the scan" in [each.value for each in app.code]
    assert "log" not in app.query_params
    assert not open_page("review", log="99").exception


def test_a_job_that_ended_before_this_browser_came_is_not_told(
    open_page: OpenPage, workspace: Workspace
) -> None:
    begun(workspace, ScanArguments(), "cpu").end("done")
    app = open_page()
    assert toasts(app) == []
    assert "Scan" not in lines(app)


def test_a_scan_and_its_findings_are_told(open_page: OpenPage, workspace: Workspace) -> None:
    work = begun(workspace, ScanArguments(), "cpu")
    app = open_page()
    report = ScanReport(5, 1, 2, 0, {"dark": 3}, 1.0)
    work.note(ScanResult(scan=report))
    work.end("done")
    app.run()
    assert "Scan: 3 groups of duplicates." in lines(app)
    assert ("Show the duplicates", "duplicates", "") in links(app)


def test_the_totals_beside_the_button_of_train_add_up(open_page: OpenPage, frozen: Snapshot) -> None:
    n = frozen.splits
    assert n["train"] + n["valid"] + n["test"] == frozen.n_images == 40
    [text] = [each.value for each in open_page("train").caption if "for validation" in each.value]
    assert text.startswith(
        f"{n['train']} training images, 7 for validation, {n['test']} for test: 40 images."
    )


def test_the_last_result_is_on_top_of_train(
    open_page: OpenPage, frozen: Snapshot, workspace: Workspace, add_run: Callable[..., int]
) -> None:
    assert not any("Last result" in each.value for each in open_page("train").markdown)
    add_run(frozen)
    add_run(frozen)
    newest = runs.create(
        workspace,
        job_id=submitted(workspace, training(frozen)),
        snapshot_id=frozen.snapshot_id,
        recipe=Recipe().model_dump(),
        class_names=frozen.class_names,
        seed=0,
        code_version="test",
        libraries={},
    )
    assert newest == 3  # It has no result yet.
    app = open_page("train")
    assert not app.exception
    [text] = [each.value.replace("\\", "") for each in app.markdown if "Last result" in each.value]
    assert text.startswith("Last result: **Run 2: ")
    assert ", n = " in text
    found = [each.proto for each in app.main.get("page_link")]
    assert [(each.label, each.page, each.query_string) for each in found] == [
        ("Evaluate run 2", "evaluate", "run=2")
    ]

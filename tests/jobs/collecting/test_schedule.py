"""A collection runs again when its time has come, and a training follows when enough is reviewed."""

import datetime
from collections.abc import Callable
from dataclasses import replace

import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.jobs import ledger, process, queue
from peakid.jobs.arguments import TrainArguments
from peakid.jobs.collecting import retraining, schedule
from peakid.jobs.results import RetrainResult
from peakid.records import Choice, Snapshot
from peakid.store.collecting import collections, schedules, searches
from peakid.store.collecting.searches import NewSearch, Progress
from peakid.store.workspace import Workspace

pytestmark = pytest.mark.usefixtures("as_idle")
ANNA = "human:anna"


@pytest.fixture
def lakes(workspace: Workspace) -> int:
    collection_id = collections.create(workspace, "lakes", actor=ANNA)
    searches.save(workspace, collection_id, [NewSearch("flickr", "lake", "lake")])
    return collection_id


def test_a_collection_is_due_after_its_days(workspace: Workspace, lakes: int) -> None:
    assert schedule.due(workspace) == []
    schedules.save(workspace, lakes, every_days=2, retrain_after=None)
    assert [each.name for each in schedule.due(workspace)] == ["lakes"]
    schedules.note_run(workspace, lakes)
    assert schedule.due(workspace) == []
    [found] = collections.list_collections(workspace)
    ran = datetime.datetime.fromisoformat(found.ran_at or "")
    hour = datetime.timedelta(hours=1)
    assert not schedule.is_due(found, ran + datetime.timedelta(days=2) - hour)
    assert schedule.is_due(found, ran + datetime.timedelta(days=2) + hour)
    assert not schedule.is_due(replace(found, every_days=None), ran + 1000 * hour)


def test_a_further_run_begins_again_only_what_has_ended(workspace: Workspace, lakes: int) -> None:
    [search] = searches.of_collection(workspace, lakes)
    for is_ended, cursor in ((False, "7"), (True, "")):
        with workspace.transaction() as connection:
            searches.advance(connection, search.search_id, Progress("7", 30, 90, is_ended=is_ended))
        job = schedule.submit(workspace, "lakes", actor=ANNA)
        [found] = searches.of_collection(workspace, lakes)
        assert (found.cursor, found.n_found, found.is_ended) == (cursor, 30 if cursor else 0, False)
        assert job.kind == "collect"


def test_what_waits_is_fetched_first_and_a_search_that_fails_does_not_hold_up_the_others(
    workspace: Workspace, lakes: int
) -> None:
    searches.save(workspace, lakes, [NewSearch(each, "lake", "lake") for each in ("flickr", "openverse")])
    first, second = searches.of_collection(workspace, lakes)
    with workspace.transaction() as connection:
        searches.advance(connection, first.search_id, Progress("7", 30, 90, is_ended=True))
        searches.advance(connection, second.search_id, Progress("2", 20, 90, is_ended=False))
    searches.fail(workspace, second.search_id, "The key is wrong.")
    waiting = collections.NewCandidate("https://example.org/1.jpg", "lake", "flickr")
    collections.add(workspace, lakes, [waiting])
    schedule.begin(workspace, collections.show(workspace, "lakes"))
    assert [each.cursor for each in searches.of_collection(workspace, lakes)] == ["7", "2"]
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM candidate")
    schedule.begin(workspace, collections.show(workspace, "lakes"))
    again, failed = searches.of_collection(workspace, lakes)
    assert (again.cursor, again.is_ended, failed.cursor, failed.n_found) == ("", False, "2", 20)


@pytest.fixture
def review(workspace: Workspace, fill: Callable[..., list[str]]) -> Callable[[int], None]:
    """Import and review so many new images."""

    def reviewed(n: int) -> None:
        digests = fill(glacier=n)
        decisions.decide(workspace, [Choice(each, "label", "glacier") for each in digests], actor=ANNA)

    return reviewed


def test_a_training_is_queued_when_enough_new_images_are_reviewed(
    workspace: Workspace,
    frozen: Snapshot,
    add_run: Callable[..., int],
    lakes: int,
    review: Callable[[int], None],
) -> None:
    run_id = add_run(frozen)
    assert retraining.state(workspace) is None, "nobody asked for it"
    schedules.save(workspace, lakes, every_days=None, retrain_after=3)
    before = retraining.state(workspace)
    assert before is not None
    assert (before.run.run_id, before.n_new, before.is_due) == (run_id, 0, False)
    assert retraining.ensure(workspace, actor=ANNA) is None
    review(3)
    job = retraining.ensure(workspace, actor=ANNA)
    assert job is not None
    assert retraining.ensure(workspace, actor=ANNA) is None, "it is queued once"
    queue.cancel(workspace, job.job_id)
    assert retraining.ensure(workspace, actor=ANNA) is None, "after a failure as many again are needed"


def test_two_pages_drawn_at_once_queue_one_training(
    workspace: Workspace,
    frozen: Snapshot,
    add_run: Callable[..., int],
    lakes: int,
    review: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_run(frozen)
    schedules.save(workspace, lakes, every_days=None, retrain_after=3)
    review(3)
    first = retraining.ensure(workspace, actor=ANNA)
    # What the second page saw, before the first one queued its job.
    monkeypatch.setattr(queue, "list_active", lambda *_: [])
    monkeypatch.setattr(queue, "newest", lambda *_: None)
    second = retraining.ensure(workspace, actor=ANNA)
    assert first is not None
    assert second is not None
    assert first.job_id == second.job_id


def test_the_training_uses_the_recipe_again_on_the_labels_of_now(
    workspace: Workspace,
    frozen: Snapshot,
    add_run: Callable[..., int],
    lakes: int,
    review: Callable[[int], None],
) -> None:
    add_run(frozen, method="linear-head")
    schedules.save(workspace, lakes, every_days=None, retrain_after=3)
    review(5)
    job = retraining.ensure(workspace, actor=ANNA)
    assert job is not None
    work = ledger.claim(workspace, job.job_id, process.own())
    assert work is not None
    retraining.run_job(work)
    training = queue.newest(workspace, "train")
    assert training is not None
    arguments = training.arguments_as(TrainArguments)
    assert snapshot.show(workspace, arguments.snapshot).n_images == frozen.n_images + 5
    assert arguments.recipe["method"] == "linear-head"
    assert work.result == RetrainResult(arguments.snapshot, training.job_id)


def test_the_command_for_cron_queues_what_is_due(peakid: Callable, workspace: Workspace, lakes: int) -> None:
    assert peakid("collect", "run", "--due").out.strip() == "No collection is due."
    schedules.save(workspace, lakes, every_days=1, retrain_after=None)
    found = peakid("collect", "run", "--due", "--json").json
    assert (list(found["jobs"]), found["training"]) == (["lakes"], None)
    assert [job.kind for job in queue.list_jobs(workspace)] == ["collect"]

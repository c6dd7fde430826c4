"""The process of the live head: one per workspace, it follows judgements and ends when it should."""

import contextlib
import os
import shutil
import threading
import time

import numpy as np
import psutil
import pytest

from peakid.curate import decisions
from peakid.embed import stored
from peakid.errors import NoEmbeddings, TooFewClasses
from peakid.jobs import presence, suggester
from peakid.jobs.suggester import Follower
from peakid.records import Choice
from peakid.store import workspace as workspaces
from peakid.suggest import fitted, live

ANNA = "human:anna"


def judge(workspace, digest, label):
    decisions.decide(workspace, [Choice(digest, "label", label)], actor=ANNA)


def test_a_poll_refits_after_a_judgement_of_another_process_and_only_then(workspace, flipped):
    digests, _ = flipped
    follower = Follower(workspace)
    assert follower.poll().number >= 1
    assert follower.poll() is None
    other = workspaces.open_existing(workspace.path)  # A connection of its own, as the page has.
    judge(other, digests["dom 03"], "dom")
    assert follower.has_work()
    assert follower.poll().n_issues == 1
    assert follower.poll() is None
    assert not follower.has_work()
    with other.transaction() as connection:  # A change that no fit depends on.
        connection.execute("INSERT INTO saved_view VALUES (1, 'x', 'all', '{}', 'x', 'x')")
    assert follower.poll() is None


def test_embeddings_that_arrive_in_a_row_do_not_rebuild_the_head_each_time(workspace, flipped, plant):
    follower = Follower(workspaces.open_existing(workspace.path))  # A connection of its own.
    follower.poll()
    follower.live.build_seconds = 60.0
    (known,) = stored.sets(workspace)
    late = plant({"late": "dom"})
    with_late = workspace.one("SELECT id FROM image WHERE digest = ?", (late["late"],))[0]
    stored.add(workspace, known.set_id, [with_late], np.ones((1, known.n_dimensions)))
    assert follower.poll().n_images == 36  # The new label is not of an image that the head has.
    assert follower.poll() is None
    follower.live.build_seconds = 0.0
    assert follower.poll().n_images == 37
    assert not live.is_outdated(workspace)


def test_a_command_computes_once_itself_and_not_again_without_a_change(workspace, flipped):
    assert suggester.up_to_date(workspace).n_issues == 2
    first = fitted.read_fit(workspace)
    assert suggester.up_to_date(workspace) == first
    free = presence.take(workspace, presence.SUGGESTER)
    assert free is not None
    os.close(free)


def test_a_command_waits_for_the_fit_of_the_process(workspace, flipped, monkeypatch):
    monkeypatch.setattr(suggester, "_LOOK_S", 0.01)
    lock = presence.take(workspace, presence.SUGGESTER)
    other = workspaces.open_existing(workspace.path)
    process = threading.Thread(target=lambda: (time.sleep(0.05), live.Live(other).refresh(), other.close()))
    process.start()
    assert suggester.up_to_date(workspace).n_issues == 2
    process.join()
    os.close(lock)


def test_without_embeddings_or_labels_a_command_says_what_is_missing(workspace, plant, embed_as):
    with pytest.raises(NoEmbeddings):
        suggester.up_to_date(workspace)
    digests = plant({"a": "dom", "b": None})
    embed_as(digests, {"a": "dom", "b": "dom"})
    with pytest.raises(TooFewClasses, match="2 classes"):
        suggester.up_to_date(workspace)


def test_no_process_is_started_for_a_workspace_without_embeddings(workspace, plant):
    plant({"a": "dom"})
    suggester.ensure(workspace)
    assert not (workspace.path / presence.SUGGESTER.lock_name).exists()


@pytest.fixture
def suggesters(processes, monkeypatch):
    """The living processes of this workspace, which are ended after the test."""
    monkeypatch.setattr(presence, "STARTS_EVERY_S", 0.0)
    yield lambda: processes("suggester")
    for each in processes("suggester"):
        with contextlib.suppress(psutil.Error):
            each.kill()


@pytest.mark.slow
def test_one_process_follows_judgements_is_started_again_after_a_crash_and_ends_with_its_workspace(
    workspace, flipped, until, suggesters, monkeypatch
):
    digests, _ = flipped
    for _ in range(3):
        suggester.ensure(workspace)
    until(lambda: fitted.read_fit(workspace))
    assert len(suggesters()) == 1
    judge(workspace, digests["dom 03"], "dom")
    until(lambda: not live.is_outdated(workspace))
    assert fitted.read_fit(workspace).n_issues == 1

    suggesters()[0].kill()
    until(lambda: not suggesters())
    judge(workspace, digests["eiger 05"], "eiger")
    until(lambda: suggester.ensure(workspace) or suggesters())  # The kernel frees the lock a moment later.
    until(lambda: not live.is_outdated(workspace))
    assert fitted.read_fit(workspace).n_issues == 0

    [old] = suggesters()
    signature = workspace.path / presence.SUGGESTER.lock_name
    signature.write_text(signature.read_text().replace(presence.peakid.__version__, "0.0.1"))
    suggester.ensure(workspace)  # Of a newer Peakid.
    until(lambda: [each.pid for each in suggesters()] not in ([], [old.pid]))

    shutil.move(workspace.path, workspace.path.with_name("moved"))
    until(lambda: not suggesters())


@pytest.mark.slow
def test_the_process_ends_when_nothing_has_changed_for_a_while(
    workspace, flipped, until, suggesters, monkeypatch
):
    monkeypatch.setenv("PEAKID_SUGGESTER_IDLE_S", "0.3")
    suggester.ensure(workspace)
    until(lambda: fitted.read_fit(workspace))
    until(lambda: not suggesters())
    assert not live.is_outdated(workspace)

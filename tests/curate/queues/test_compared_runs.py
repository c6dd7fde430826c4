"""The queues of two runs: what only one of them predicts correctly, by the newest labels."""

import pytest

from peakid.curate import class_merges, classes, decisions, remarks
from peakid.curate.queues import compared_runs, review_queue
from peakid.errors import NotFound
from peakid.evaluate.comparing import compare
from peakid.records import Choice, Snapshot
from peakid.store.workspace import Workspace
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def two_runs(workspace: Workspace, frozen: Snapshot) -> tuple[int, int]:
    """On validation, run 1 is wrong about two rivers, run 2 about one sea."""
    first = planted_runs.plant(workspace, frozen, {"river": "sea"}, per_class=2)
    return first, planted_runs.plant(workspace, frozen, {"sea": "river"})


def digests(workspace: Workspace, queue: str) -> list[str]:
    return [item.digest for item in review_queue.page(workspace, queue)]


def test_the_two_queues_are_the_images_that_the_comparison_counts(
    workspace: Workspace, two_runs: tuple[int, int]
) -> None:
    a, b = two_runs
    won, lost = compared_runs.won_queue(a, b, "valid"), compared_runs.won_queue(b, a, "valid")
    found = compare.compare(workspace, a, b, actor=ANNA)
    assert (review_queue.count(workspace, won), review_queue.count(workspace, lost)) == (2, 1)
    assert (found.n_only_b, found.n_only_a) == (2, 1)
    item = review_queue.page(workspace, lost)[0]
    assert (item.label, item.reason) == ("sea", "run 2: river 90 %, run 1: sea 90 %")


def test_judging_an_image_moves_it_between_the_queues(
    workspace: Workspace, two_runs: tuple[int, int]
) -> None:
    a, b = two_runs
    won, lost = compared_runs.won_queue(a, b, "valid"), compared_runs.won_queue(b, a, "valid")
    first = digests(workspace, won)[0]
    decisions.decide(workspace, [Choice(first, "label", "sea")], actor=ANNA)
    assert first not in digests(workspace, won)
    assert first in digests(workspace, lost)
    decisions.decide(workspace, [Choice(first, "exclude", reason="a map")], actor=ANNA)
    assert first not in digests(workspace, won) + digests(workspace, lost)


def test_an_image_that_also_shows_the_predicted_class_is_not_lost(
    workspace: Workspace, two_runs: tuple[int, int]
) -> None:
    a, b = two_runs
    won = compared_runs.won_queue(a, b, "valid")
    first = digests(workspace, won)[0]
    remarks.also(workspace, first, "sea", actor=ANNA)
    assert review_queue.count(workspace, won) == 1
    assert compare.compare(workspace, a, b, actor=ANNA).n_only_b == 1


def test_renamed_and_merged_classes_are_followed(workspace: Workspace, two_runs: tuple[int, int]) -> None:
    won = compared_runs.won_queue(*two_runs, "valid")
    classes.rename(workspace, "river", "stream")
    assert review_queue.count(workspace, won) == 2
    class_merges.merge(workspace, "sea", "stream", actor=ANNA)
    assert review_queue.count(workspace, won) == 0


def test_predictions_for_test_images_are_hidden_until_they_are_judged(
    workspace: Workspace, two_runs: tuple[int, int]
) -> None:
    won = compared_runs.won_queue(*two_runs, "test")
    item = review_queue.page(workspace, won)[0]
    assert (item.reason, item.score) == ("test image: the predictions are hidden until you judge it", None)
    choice = Choice(item.digest, "label", "river", basis={"queue": won})
    decisions.decide(workspace, [choice], actor=ANNA)
    basis = workspace.query("SELECT basis ->> '$.model_ranked' FROM decision ORDER BY id DESC LIMIT 1")
    assert basis[0][0] == 1  # A report can leave it out.
    judged = next(each for each in review_queue.page(workspace, won) if each.digest == item.digest)
    assert judged.reason == "run 1: sea 90 %, run 2: river 90 %"


@pytest.mark.parametrize("queue", ["won:1", "won:1:2", "won:a:2:valid", "won:1:2:valid:x"])
def test_an_incomplete_name_is_explained(workspace: Workspace, queue: str) -> None:
    with pytest.raises(NotFound):
        review_queue.count(workspace, queue)


def test_unknown_runs_have_an_empty_queue(workspace: Workspace) -> None:
    assert review_queue.count(workspace, "won:8:9:valid") == 0

"""Judging a whole queue at once."""

from collections.abc import Callable
from typing import Any

import pytest

from peakid.curate import decisions
from peakid.curate.queues import bulk, review_queue
from peakid.errors import BadInput
from peakid.records import Choice
from peakid.store.workspace import Workspace


def test_judging_a_whole_queue_is_one_step_that_one_undo_reverses(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    digests = plant(
        {f"r{n:04}": "river" for n in range(2300)} | {"s": "sea"}
    )  # More than two pages of the walk.
    step = bulk.decide_queue(
        workspace, "class:river", "exclude", reason="poor quality", at_most=2300, actor="human:anna"
    )
    assert step.n_images == 2300
    assert (review_queue.count(workspace, "excluded"), review_queue.count(workspace, "class:sea")) == (
        2300,
        1,
    )
    decisions.undo(workspace, actor="human:anna")
    assert (review_queue.count(workspace, "excluded"), review_queue.count(workspace, "unreviewed")) == (
        0,
        len(digests),
    )


def test_keeping_confirms_existing_labels_and_skips_images_without_one(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    digests = plant({"a": "river", "b": "sea", "c": None})
    step = bulk.decide_queue(workspace, "unreviewed", "label", actor="human:anna")
    assert {row.digest: row.label for row in step.decisions} == {digests["a"]: "river", digests["b"]: "sea"}
    assert [item.digest for item in review_queue.page(workspace, "unreviewed")] == [digests["c"]]


def test_no_image_is_judged_when_the_queue_has_more_than_was_confirmed(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    plant({"a": "river", "b": "river"})
    with pytest.raises(BadInput, match="2 images are in 'unreviewed' now; you confirmed 1"):
        bulk.decide_queue(workspace, "unreviewed", "flag", at_most=1, actor="human:anna")
    assert review_queue.count(workspace, "flagged") == 0


def test_judging_an_empty_queue_is_an_error(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    plant({"c": None})
    with pytest.raises(BadInput, match="No image in the queue 'unreviewed'"):
        bulk.decide_queue(workspace, "unreviewed", "label", actor="human:anna")


def test_a_whole_queue_delivered_twice_is_judged_once(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    digests = plant({"a": "river", "b": "river"})
    bulk.decide_queue(workspace, "all", "flag", actor="human:anna", event_id="e")
    decisions.decide(workspace, [Choice(digests["a"], "label", "river")], actor="human:anna")
    assert bulk.decide_queue(workspace, "all", "flag", actor="human:anna", event_id="e").decisions == []
    assert review_queue.count(workspace, "flagged") == 1


def test_the_command_shows_the_number_of_images_and_waits_for_yes(
    workspace: Workspace, plant: Callable[..., dict[str, str]], peakid: Callable[..., Any]
) -> None:
    plant({"a": "river", "b": "river"})
    asked = peakid("decide", "queue", "unreviewed", "keep")
    assert (asked.code, "This would keep up to 2 images" in asked.err) == (1, True)
    assert peakid("decide", "queue", "unreviewed", "keep", "--yes", "--json").json["n_images"] == 2
    assert peakid("decide", "queue", "all", "label", "--yes").code == 1

"""Selections: a queue of exactly the chosen images, bounded in number and age."""

import json

import pytest

from peakid.curate import decisions
from peakid.curate.queues import queue_plans, review_queue, saved_views, selections
from peakid.curate.queues.filters import Filters
from peakid.errors import BadInput, NotFound
from peakid.keep import forget
from peakid.records import Choice

ANNA = "human:anna"


@pytest.fixture
def digests(workspace, plant):
    return plant({name: ("dom", "eiger")[n % 2] for n, name in enumerate("abcdef")})


def shown(workspace, queue, **filters):
    return [item.path[-5] for item in review_queue.page(workspace, queue, filters=Filters(**filters))]


def test_a_selection_is_a_queue_of_exactly_its_images(workspace, digests):
    queue = selections.create(workspace, [5, 2, 3, 99], actor=ANNA)
    assert queue == "selection:1"
    assert shown(workspace, queue) == ["b", "c", "e"]
    assert review_queue.count_up_to(workspace, queue) == review_queue.QueueCount(queue, 3)
    assert shown(workspace, queue, class_name="dom") == ["c", "e"]
    assert review_queue.count(workspace, queue, filters=Filters(class_name="dom")) == 2


def test_a_selection_is_paged_by_key_and_keeps_judged_images(workspace, digests):
    queue = selections.create(workspace, [1, 2, 3], actor=ANNA)
    first = review_queue.page(workspace, queue, limit=2)
    decisions.decide(workspace, [Choice(digests["a"], "label", "eiger")], actor=ANNA)
    rest = review_queue.page(workspace, queue, limit=2, after=first[-1].cursor)
    assert [item.digest for item in rest] == [digests["c"]]
    assert shown(workspace, queue) == ["a", "b", "c"]


def test_a_forgotten_image_leaves_the_selections(workspace, digests):
    queue = selections.create(workspace, [1, 2], actor=ANNA)
    forget.forget(workspace, digests["a"], actor=ANNA)
    assert shown(workspace, queue) == ["b"]


def test_only_the_newest_selections_are_kept(workspace, digests, monkeypatch):
    monkeypatch.setattr(selections, "MOST_KEPT", 2)
    queues = [selections.create(workspace, [n], actor=ANNA) for n in (1, 2, 3)]
    assert [review_queue.exists(workspace, queue) for queue in queues] == [False, True, True]
    with pytest.raises(NotFound, match="selection '1'"):
        queue_plans.plan(workspace, queues[0])


def test_a_selection_ends_after_its_days_unless_a_saved_view_shows_it(workspace, digests):
    old, saved = (selections.create(workspace, [1, 2], actor=ANNA) for _ in range(2))
    saved_views.save(workspace, "mine", saved, filters=Filters(), actor=ANNA)
    workspace.connection().execute("UPDATE selection SET made_at = '2020-01-01T00:00:00.000Z'")
    selections.create(workspace, [3], actor=ANNA)
    assert not review_queue.exists(workspace, old)
    assert shown(workspace, saved) == ["a", "b"]
    left = workspace.query("SELECT DISTINCT selection_id FROM selection_image")
    assert [row[0] for row in left] == [2, 3]


@pytest.mark.parametrize("chosen", [[], [98, 99], list(range(100_001))])
def test_no_image_and_too_many_are_refused(workspace, digests, chosen):
    with pytest.raises(BadInput):
        selections.create(workspace, chosen, actor=ANNA)
    assert workspace.query("SELECT * FROM selection") == []


def test_one_image_is_a_queue_too(workspace, digests):
    assert shown(workspace, selections.image_queue(4)) == ["d"]
    assert shown(workspace, "image:77") == []
    assert shown(workspace, "image:x") == []


@pytest.mark.parametrize("queue", ["selection", "selection:x", "selection:7", "selection:²", "image"])
def test_a_selection_that_does_not_exist_is_not_found(workspace, digests, queue):
    with pytest.raises(NotFound):
        queue_plans.plan(workspace, queue)


def test_images_judged_in_a_selection_that_a_model_coloured_are_marked(workspace, digests, add_run):
    run_id = add_run(digests, ("a", "test", "dom", "dom", 0.9), ("b", "valid", "eiger", "eiger", 0.9))
    plain = selections.create(workspace, [1, 2], actor=ANNA)
    coloured = selections.create(workspace, [1, 2], actor=ANNA, run_id=run_id)

    def basis(name, queue):
        choice = Choice(digests[name], "label", "dom", basis={"queue": queue})
        decisions.decide(workspace, [choice], actor=ANNA)
        row = workspace.one("SELECT basis FROM decision ORDER BY id DESC LIMIT 1")
        return json.loads(row["basis"]).get("model_ranked", False)

    assert basis("a", coloured) is True
    assert basis("b", coloured) is True
    assert basis("a", plain) is False

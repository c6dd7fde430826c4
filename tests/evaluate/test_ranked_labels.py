"""Which labels of a score were reviewed because a model ranked them."""

import pytest

from peakid.curate import decisions
from peakid.dataset import snapshot
from peakid.evaluate import ranked_labels, scored_images
from peakid.records import Choice
from peakid.store import runs
from tests import planted_runs

ANNA = "human:anna"


@pytest.fixture
def digests(plant):
    return plant({**{f"d{i}": "dom" for i in range(30)}, **{f"e{i}": "eiger" for i in range(30)}})


@pytest.fixture
def train(workspace, digests):
    """Freeze and add a run with one dom of each split taken for an eiger: its validation images."""

    def trained(**recipe):
        run_id = planted_runs.plant(
            workspace, snapshot.create(workspace, actor=ANNA), {"dom": "eiger"}, **recipe
        )
        run = runs.show(workspace, run_id)
        return run, scored_images.load(workspace, run, "valid")

    return trained


def keep(workspace, images, n, queue):
    """Confirm the label of an image of a split in a queue."""
    label = images.class_names[images.given[n]]
    choice = Choice(images.digests[n], "label", label, basis={"queue": queue})
    return decisions.decide(workspace, [choice], actor=ANNA).step_id


def test_labels_reviewed_where_a_model_pointed_are_counted_and_the_others_are_scored_alone(
    workspace, train, peakid
):
    first, images = train()
    assert ranked_labels.find(workspace, first, "valid").sentence == ""
    [wrong] = [n for n in range(len(images)) if not images.is_right[n]]
    right = next(n for n in range(len(images)) if images.is_right[n])
    keep(workspace, images, wrong, "model-disagrees")
    keep(workspace, images, right, "unreviewed")
    run, images = train(seed=1)
    found = ranked_labels.find(workspace, run, "valid")
    assert (found.n_images, found.n_ranked) == (len(images), 1)
    assert found.accuracy_of_others == 1.0  # The only error is the image that the model pointed at.
    assert found.sentence.startswith(
        f"1 of {len(images)} validation labels was reviewed because a model doubted or suggested them."
    )
    assert "Accuracy on the others: 100 % (" in found.sentence
    assert ranked_labels.find(workspace, run, "test").n_ranked == 0
    assert peakid("evaluate", run.run_id, "--json").json["model_ranked"] == found.to_json()
    assert found.sentence in peakid("evaluate", run.run_id).out


def test_a_review_after_the_snapshot_or_one_that_was_undone_does_not_count(workspace, train):
    _, images = train()
    step = keep(workspace, images, 0, "uncertain")
    decisions.undo(workspace, actor=ANNA, step_id=step)
    run, images = train(seed=1)
    assert ranked_labels.find(workspace, run, "valid").n_ranked == 0
    workspace.connection().execute("UPDATE snapshot SET frozen_at = '2020-01-01T00:00:00.000Z'")
    keep(workspace, images, 0, "uncertain")
    assert ranked_labels.find(workspace, run, "valid").n_ranked == 0


def test_without_other_labels_there_is_no_accuracy_on_them(workspace, train):
    _, images = train()
    for n in range(len(images)):
        keep(workspace, images, n, "model-disagrees")
    run, images = train(seed=1)
    found = ranked_labels.find(workspace, run, "valid")
    assert (found.n_ranked, found.accuracy_of_others) == (len(images), None)
    assert found.to_json() == {
        "n_images": len(images),
        "n_ranked": len(images),
        "accuracy_of_others": None,
        "interval_of_others": None,
    }
    assert found.sentence.endswith("because a model doubted or suggested them.")

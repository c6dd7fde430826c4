"""The linear probe: a ridge head on stored embeddings, scored on the images of a run."""

import numpy as np
import pytest

from peakid.dataset import snapshot
from peakid.errors import BadInput, NoEmbeddings
from peakid.recipe.recipe import Recipe
from peakid.store import run_predictions, runs
from peakid.suggest import linear_probe
from tests import planted_embeddings, planted_runs

ANNA = "human:anna"


@pytest.fixture
def frozen(workspace, plant):
    plant({**{f"d{i}": "dom" for i in range(40)}, **{f"e{i}": "eiger" for i in range(40)}})
    return snapshot.create(workspace, actor=ANNA)


@pytest.fixture
def embed(workspace, frozen):
    """Give each image of a snapshot features that tell its class, but for the digests in `wrong`."""

    def embedded(wrong=(), *, leave_out=()):
        rng, features = np.random.default_rng(0), {}
        for item in snapshot.items(workspace, frozen.digest):
            is_dom = (item.label == "dom") != (item.digest in wrong)
            centre = np.array([3.0, 0, 1, 0]) if is_dom else np.array([0, 3.0, 0, 1])
            if item.digest not in leave_out:
                features[item.digest] = centre + rng.normal(0, 0.1, 4)
        planted_embeddings.plant(workspace, features)

    return embedded


def test_the_head_is_scored_on_the_images_of_the_run_and_the_difference_has_an_interval(
    workspace, frozen, embed
):
    run = runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}, per_class=1))
    rows = run_predictions.rows(workspace, run.run_id, "valid")
    right = [each.digest for each in rows if each.given_label == each.predicted_label]
    embed(wrong=right[:3])  # The head is wrong on three that the run has right, the run on another one.
    probe = linear_probe.of_run(workspace, run, "valid")
    n, n_train = frozen.splits["valid"], frozen.splits["train"]
    assert (probe.n_images, probe.n_all, probe.n_train) == (n, n, n_train)
    assert (probe.accuracy, probe.run_accuracy) == pytest.approx(((n - 3) / n, (n - 1) / n))
    assert probe.difference == pytest.approx(2 / n)
    low, high = probe.difference_interval
    assert low < 0 < probe.difference < high
    assert probe.mcnemar_p == pytest.approx(0.625)  # 1 and 3 of 4: 2 * (1 + 4) / 16.
    assert probe.verdict == "no difference established"


def test_labels_of_the_scored_images_are_not_learned(workspace, frozen, plant):
    # Features without information: a head that saw the labels would be right on nearly all.
    items, rng = snapshot.items(workspace, frozen.digest), np.random.default_rng(1)
    planted_embeddings.plant(workspace, {each.digest: rng.normal(0, 1, 200) for each in items})
    run = runs.show(workspace, planted_runs.plant(workspace, frozen, {}))
    assert linear_probe.of_run(workspace, run, "valid").accuracy < 0.85


def test_a_cross_validated_run_is_compared_with_a_head_that_leaves_each_group_out(workspace, frozen, embed):
    embed()
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=frozen.snapshot_id,
        recipe=Recipe(folds=5).model_dump(),
        class_names=frozen.class_names,
        seed=0,
        code_version="test",
        libraries={},
    )
    items = snapshot.items(workspace, frozen.digest)
    pred_probs = np.array([[0.9, 0.1]] * len(items))  # Always dom: half of them right.
    given = [item.label for item in items]
    digests = [item.digest for item in items]
    run_predictions.add(workspace, run_id, "cv", digests, pred_probs, given, is_out_of_sample=True)
    runs.finish(workspace, run_id, "done")
    probe = linear_probe.of_run(workspace, runs.show(workspace, run_id), "cv")
    assert (probe.n_images, probe.accuracy, probe.run_accuracy, probe.verdict) == (80, 1.0, 0.5, "worse")


def test_without_embeddings_it_says_what_to_do(workspace, frozen, embed):
    run = runs.show(workspace, planted_runs.plant(workspace, frozen, {}))
    with pytest.raises(NoEmbeddings) as error:
        linear_probe.of_run(workspace, run, "valid")
    assert error.value.actions[0].kind == "embed"
    embed(leave_out=[each.digest for each in run_predictions.rows(workspace, run.run_id, "valid")])
    with pytest.raises(BadInput, match="Too few images"):
        linear_probe.of_run(workspace, run, "valid")


def test_it_is_stored_until_more_images_have_an_embedding(workspace, frozen, embed):
    run = runs.show(workspace, planted_runs.plant(workspace, frozen, {}))
    rows = run_predictions.rows(workspace, run.run_id, "valid")
    embed(leave_out=[rows[0].digest])
    assert linear_probe.stored_score(workspace, run, "valid") is None
    first = linear_probe.of_run(workspace, run, "valid")
    assert linear_probe.stored_score(workspace, run, "valid") == first
    assert first.n_images == first.n_all - 1
    file = runs.folder(workspace, run.run_id) / "probe_valid.json"
    written = file.stat().st_mtime_ns
    assert linear_probe.of_run(workspace, run, "valid") == first
    assert file.stat().st_mtime_ns == written
    planted_embeddings.plant(workspace, {rows[0].digest: [3.0, 0, 1, 0]})
    assert linear_probe.of_run(workspace, run, "valid").n_images == first.n_all
    file.write_text('{"version": 1, "key": []')
    assert linear_probe.of_run(workspace, run, "valid").n_images == first.n_all

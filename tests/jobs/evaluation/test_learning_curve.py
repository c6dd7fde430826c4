"""The job that measures a learning curve, on planted embeddings and with small trainings."""

import numpy as np
import pytest

from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.errors import NoEmbeddings, NotFound, SplitMissing
from peakid.evaluate.learning_curve import images
from peakid.evaluate.learning_curve import stored as curves
from peakid.jobs import ledger, process, queue, tasks
from peakid.jobs.evaluation import learning_curve
from peakid.jobs.ledger import Cancelled
from peakid.store import runs
from tests import planted_embeddings, planted_runs

ANNA = "human:anna"


@pytest.fixture
def digests(plant):
    """Seventy images of two classes, which get the splits 70, 15 and 15 %."""
    return plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(35)})


@pytest.fixture
def run(workspace, digests):
    frozen = snapshots.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}))


@pytest.fixture
def embedded(workspace, digests):
    rng = np.random.default_rng(0)
    centre = {"dom": rng.normal(size=12), "eiger": rng.normal(size=12)}
    return planted_embeddings.plant(
        workspace,
        {digest: centre[name.rstrip("0123456789")] + rng.normal(size=12) for name, digest in digests.items()},
    )


def work_on(workspace, job):
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    work.end("done")
    return queue.show(workspace, job.job_id).result


def test_the_curve_is_stored_for_the_snapshot_and_its_embeddings(workspace, run, embedded, as_idle):
    assert learning_curve.find(workspace, run) is None
    result = work_on(workspace, learning_curve.compute(workspace, run.run_id))
    made = learning_curve.find(workspace, run)
    assert (made.n_train, made.n_valid, made.n_without) == (result.n_train, result.n_valid, 0)
    assert made.measured[-1].n_images == made.n_train
    assert (made.model, made.backbone) == ("head", "planted")
    assert {each.class_name for each in made.of_classes()} == {"dom", "eiger"}
    assert result.sentence
    # Another set of embeddings has no curve yet; it is the one in use from now on.
    images_of = workspace.query("SELECT digest FROM image LIMIT 3")
    planted_embeddings.plant(workspace, {row["digest"]: [1.0] for row in images_of}, backbone="other")
    assert learning_curve.find(workspace, run) is None


def test_no_test_image_is_read(workspace, run, embedded):
    found = images.load(workspace, snapshots.show(workspace), embedded.set_id)
    items = {item.digest: item for item in snapshots.items(workspace)}
    splits = [items[digest].split for digest in found.digests]
    assert splits == ["train" if is_train else "valid" for is_train in found.is_train]
    assert [found.class_names[label] for label in found.labels] == [
        items[digest].label for digest in found.digests
    ]
    assert found.n_train + found.n_valid == sum(item.split != "test" for item in items.values())


def test_the_same_curve_is_not_queued_twice(workspace, run, embedded, as_idle):
    first = learning_curve.compute(workspace, run.run_id)
    assert learning_curve.compute(workspace, run.run_id).job_id == first.job_id
    other = learning_curve.compute(workspace, run.run_id, with_training=True)
    assert other.job_id != first.job_id


def test_a_cancelled_job_keeps_the_curve_before(workspace, run, embedded, as_idle):
    work_on(workspace, learning_curve.compute(workspace, run.run_id))
    before = learning_curve.find(workspace, run)
    job = learning_curve.compute(workspace, run.run_id)
    work = ledger.claim(workspace, job.job_id, process.own())
    queue.cancel(workspace, job.job_id)
    with pytest.raises(Cancelled):
        tasks.run(work)
    assert learning_curve.find(workspace, run) == before


def test_without_embeddings_it_says_what_to_compute(workspace, run):
    with pytest.raises(NoEmbeddings) as refused:
        learning_curve.compute(workspace, run.run_id)
    assert [each.kind for each in refused.value.actions] == ["embed"]


def test_embeddings_of_other_images_are_no_embeddings(workspace, run, plant):
    more = plant({"later": "dom"})
    planted_embeddings.plant(workspace, {more["later"]: [1.0, 2.0]})
    with pytest.raises(NoEmbeddings, match="have no embedding of planted"):
        learning_curve.compute(workspace, run.run_id)


def test_images_without_an_embedding_are_left_out_and_counted(workspace, run, embedded):
    some = [row["image_id"] for row in workspace.query("SELECT image_id FROM embedding LIMIT 60")]
    rows = stored.load(workspace, embedded.set_id, some)
    other = stored.create(workspace, "part", size_px=8, weights_sha256="", n_dimensions=12)
    stored.add(workspace, other.set_id, rows.image_ids.tolist(), np.asarray(rows.features))
    found = images.load(workspace, snapshots.show(workspace), other.set_id)
    whole = images.load(workspace, snapshots.show(workspace), embedded.set_id)
    assert len(found.labels) + found.n_without == len(whole.labels)
    assert found.n_without > 0


def test_too_few_images_are_refused_with_numbers(workspace, plant):
    digests = plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(5)})
    frozen = snapshots.create(workspace, actor=ANNA)
    run_id = planted_runs.plant(workspace, frozen, {"dom": "eiger"})
    planted_embeddings.plant(workspace, {digest: [1.0, 2.0] for digest in digests.values()})
    with pytest.raises(SplitMissing, match="Too few images for a learning curve"):
        learning_curve.compute(workspace, run_id)


def test_one_class_is_refused(workspace, plant):
    digests = plant({f"dom{n}": "dom" for n in range(40)})
    frozen = snapshots.create(workspace, actor=ANNA)
    planted_embeddings.plant(workspace, {digest: [1.0, 2.0] for digest in digests.values()})
    run_id = planted_runs.plant(workspace, frozen, {})
    with pytest.raises(SplitMissing, match="two classes; there are 1"):
        learning_curve.compute(workspace, run_id)


def test_a_run_that_does_not_exist_is_refused(workspace):
    with pytest.raises(NotFound, match="no run 7"):
        learning_curve.compute(workspace, 7)


@pytest.mark.slow
def test_the_recipe_of_the_run_is_trained_on_parts_of_the_images(workspace, fill, as_idle):
    from peakid.jobs import submit
    from peakid.recipe.recipe import Recipe

    fill(river=30, sea=30)
    snapshots.create(workspace, actor=ANNA)
    recipe = Recipe(arch="small_resnet", image_size_px=32, pretrained="none", scratch_epochs=1, device="cpu")
    run_id = work_on(workspace, submit.train(workspace, recipe, allows_random=True)).run_id
    trained = runs.show(workspace, run_id)
    result = work_on(workspace, learning_curve.compute(workspace, run_id, with_training=True))
    made = learning_curve.find(workspace, trained, with_training=True)
    assert (made.model, made.n_fits, result.n_fits) == ("training", 9, 9)
    assert made.steps == ()
    assert made.measured[-1].accuracy == pytest.approx(trained.metrics["accuracy"])
    assert [each.run_id for each in runs.list_runs(workspace)] == [run_id]  # The trainings leave no run.
    assert not list(workspace.cache_dir.glob("learning-curve-*"))
    assert curves.of_run(workspace, run_id) == made

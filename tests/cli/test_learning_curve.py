"""The command learning-curve."""

import pytest

from peakid.dataset import snapshot as snapshots
from peakid.embed import stored
from peakid.evaluate.learning_curve import curve
from peakid.evaluate.learning_curve import stored as curves
from tests import planted_embeddings, planted_runs
from tests.evaluate.learning_curve import synthetic


@pytest.fixture
def run_id(workspace, plant):
    digests = plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(35)})
    planted_embeddings.plant(workspace, {digest: [1.0, 2.0] for digest in digests.values()})
    return planted_runs.plant(workspace, snapshots.create(workspace, actor="human:anna"), {"dom": "eiger"})


@pytest.fixture
def saved(workspace, run_id):
    fits = synthetic.fits(lambda counts, _: 1 - 2 / counts.sum() ** 0.5, n_valid=100, n_mixed=20)
    made = curve.build(fits, ["dom", "eiger"], model="head", backbone="planted")
    chosen = stored.find(workspace)
    curves.save(workspace, made, snapshot_id=snapshots.show(workspace).snapshot_id, set_id=chosen.set_id)
    return made


def test_without_a_curve_the_job_is_queued(peakid, run_id, as_idle):
    assert peakid("learning-curve", run_id, "--json").json == {"job_id": 1, "state": "queued"}


def test_a_stored_curve_is_printed(peakid, run_id, saved):
    answer = peakid("learning-curve", run_id)
    assert answer.code == 0
    first, second, *rest = answer.out.splitlines()
    assert "more images of" in first
    assert "more images of all classes" in second
    assert rest[0] == "Run 1 on 100 validation images, linear head on planted; intervals of 90 %."
    assert sum(line.startswith(("dom ", "eiger ")) for line in rest) == 2


def test_its_json_has_the_advice_and_the_curve(peakid, run_id, saved):
    found = peakid("learning-curve", run_id, "--json").json
    assert found["run_id"] == run_id
    assert found["n_train"] == saved.n_train
    assert [each["n_images"] for each in found["measured"]] == [each.n_images for each in saved.measured]
    assert {"class_name", "n_more", "gain", "low", "high"} <= set(found["gains"][0])
    assert isinstance(found["is_clear"], bool)


def test_it_can_be_measured_again(peakid, run_id, saved, as_idle):
    assert peakid("learning-curve", run_id, "--again", "--json").json == {"job_id": 1, "state": "queued"}


def test_without_embeddings_it_says_so(peakid, workspace, plant):
    plant({f"{name}{n}": name for name in ("dom", "eiger") for n in range(5)})
    run_id = planted_runs.plant(workspace, snapshots.create(workspace, actor="human:anna"), {})
    refused = peakid("learning-curve", run_id)
    assert refused.code == 1
    assert "No image has an embedding" in refused.err
    assert refused.err.strip().endswith("embed")

"""Before an image is removed, everything that used it is listed: also models built on models."""

import pytest

from peakid.dataset import snapshot as snapshots
from peakid.keep import forget
from peakid.run_records import StartingWeights
from peakid.store import exports, runs

ANNA = "human:anna"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def train(workspace, add_run):
    """Add a run of a snapshot, perhaps on the model of another run, with an export; return the run's id."""

    def trained(snapshot, started_from=None):
        run_id = add_run(snapshot)
        if started_from is not None:
            weights = StartingWeights("run", run_id=started_from)
            runs.finish(workspace, run_id, "done", best_epoch=0, metrics={}, starting_weights=weights)
        exports.add(
            workspace, run_id=run_id, path=workspace.exports_dir / f"run-{run_id}", files=[], parity={}
        )
        return run_id

    return trained


@pytest.fixture
def without(workspace, frozen):
    """A snapshot without the first image of `frozen`; returns (digest of that image, snapshot)."""
    digest = snapshots.items(workspace, frozen.digest)[0].digest
    with workspace.transaction() as connection:
        connection.execute(
            "UPDATE image_state SET verdict = 'exclude'"
            " WHERE image_id = (SELECT id FROM image WHERE digest = ?)",
            (digest,),
        )
    return digest, snapshots.create(workspace, name="second", actor=ANNA)


def test_exports_are_listed_with_their_stage_and_folder(workspace, frozen, train, without):
    digest, later = without
    first, second = train(frozen), train(later)
    exports.set_stage(workspace, 1, "current", actor=ANNA)
    plan = forget.plan(workspace, digest)
    assert [(each["digest"], each["n_held"]) for each in plan.snapshots] == [(frozen.digest, 1)]
    assert [each["run_id"] for each in plan.runs] == [first]
    (export,) = plan.exports
    path = str(workspace.exports_dir / f"run-{first}")
    assert (export["export_id"], export["stage"], export["path"]) == (1, "current", path)
    assert second not in {each["run_id"] for each in plan.exports}


def test_a_model_that_started_from_such_a_model_is_listed_with_its_way(workspace, frozen, train, without):
    digest, later = without
    first = train(frozen)
    second = train(later, started_from=first)
    third = train(later, started_from=second)
    plan = forget.plan(workspace, digest)
    assert [(each["run_id"], each["started_from"]) for each in plan.runs] == [
        (first, None),
        (second, first),
        (third, first),
    ]
    assert [each["run_id"] for each in plan.exports] == [first, second, third]


def test_a_training_that_still_runs_on_such_a_model_is_listed(workspace, frozen, train, without):
    digest, later = without
    train(frozen)
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=later.snapshot_id,
        recipe={"pretrained": "run:1"},
        class_names=["river", "sea"],
        seed=0,
        code_version="",
        libraries={},
    )
    assert forget.plan(workspace, digest).runs[-1]["run_id"] == run_id


def test_repositories_are_listed_also_after_the_image_was_removed(workspace, frozen, train, without, peakid):
    digest, _ = without
    train(frozen)
    for n, is_public in enumerate((False, True)):
        exports.add_push(
            workspace,
            1,
            endpoint="https://huggingface.co",
            repository="anna/peaks",
            revision=f"{n}{REVISION[1:]}",
            url=f"https://huggingface.co/anna/peaks/tree/{n}",
            is_public=is_public,
            actor=ANNA,
        )
    done = forget.forget(workspace, digest, actor=ANNA)
    (export,) = done.exports
    assert [(each["repository"], each["is_public"]) for each in export["pushed"]] == [
        ("anna/peaks", True),
        ("anna/peaks", False),
    ]
    assert forget.plan(workspace, digest).exports == done.exports
    text = peakid("forget", digest, "--dry-run").out
    assert "in the model of export 1 (candidate, at " in text
    assert "pushed to anna/peaks (public): https://huggingface.co/anna/peaks/tree/1" in text
    assert "A model keeps what it learned." in text


def test_a_circle_of_starting_weights_in_a_restored_database_ends(workspace, frozen, train, without):
    digest, later = without
    train(frozen)
    second = train(later, started_from=3)
    third = train(later, started_from=second)
    assert [each["run_id"] for each in forget.plan(workspace, digest).runs] == [1]
    assert third == 3

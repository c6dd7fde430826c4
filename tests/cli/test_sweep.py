"""The commands `sweep`, `tta` and `evaluate --tta`: what they ask for, what they print, what they refuse."""

import os
from dataclasses import asdict

import numpy as np
import pytest

from peakid.dataset import snapshot
from peakid.jobs import ledger, presence, process, queue
from peakid.jobs.arguments import TtaArguments
from peakid.jobs.results import SweepResult, TrialResult
from peakid.store import run_predictions, runs

pytestmark = pytest.mark.usefixtures("with_weights")


@pytest.fixture
def frozen(workspace, plant):
    lock = presence.take(workspace)  # No worker is started behind the test's back.
    plant({f"{name}-{n}": name for name in ("dom", "eiger") for n in range(10)})
    assert lock is not None
    yield snapshot.create(workspace, actor="human:anna")
    os.close(lock)


@pytest.fixture
def run_id(workspace, frozen):
    named = {"class_names": ["dom", "eiger"], "seed": 0, "code_version": "", "libraries": {}}
    made = runs.create(
        workspace, job_id=None, snapshot_id=frozen.snapshot_id, recipe={"is_mirrored": False}, **named
    )
    items = [item for item in snapshot.items(workspace, frozen.digest) if item.split == "valid"]
    plain = np.array([[0.9, 0.1]] * len(items))
    named = [item.digest for item in items]
    run_predictions.add(
        workspace, made, "valid", named, plain, [item.label for item in items], is_out_of_sample=True
    )
    runs.finish(workspace, made, "done", best_epoch=1)
    return made


def test_a_sweep_is_a_job_with_what_is_tried_and_its_minutes(workspace, frozen, peakid):
    asked = (
        "--recipe",
        "quick",
        "--set",
        "arch=mobilenet_v2",
        "--try",
        "image_size_px=128,160",
        "--try",
        "resize=crop,pad",
        "--minutes",
        5,
    )
    assert peakid("sweep", *asked, "--json").json == {"job_id": 1, "state": "queued"}
    job = queue.show(workspace, 1)
    assert (job.kind, job.lane, job.arguments.minutes) == ("sweep", "gpu", 5.0)
    assert job.arguments.tried == ("image_size_px=128,160", "resize=crop,pad")
    assert (job.arguments.recipe["arch"], job.arguments.recipe["method"]) == (
        "mobilenet_v2",
        "linear-head",
    )


def test_without_a_recipe_what_is_tried_decides_whether_it_is_the_quick_or_the_standard_one(
    workspace, frozen, peakid
):
    peakid("sweep", "--try", "image_size_px=128,160")
    peakid("sweep", "--try", "dropout=0.2,0.5", "--set", "fraction=0.25")
    made = [queue.show(workspace, job_id).arguments.recipe for job_id in (1, 2)]
    assert [(each["method"], each["fraction"]) for each in made] == [
        ("linear-head", 1.0),
        ("fine-tune", 0.25),
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--try", "colour=1,2"), "A recipe has no setting 'colour'."),
        (("--try", "base_lr=1e-3"), "base_lr=1e-3: a sweep needs 2 to 8 different values of a setting."),
        (
            ("--recipe", "quick", "--try", "base_lr=1e-3,3e-3"),
            "base_lr=3e-3 would change nothing: a linear head is not trained by gradient descent.",
        ),
        (("--try", "dropout=0.2,2"), "dropout=2 does not fit"),
        (("--try", "dropout=0.2,0.5", "--minutes", "0"), "The time budget of a sweep is over 0"),
        ((), "No setting to try: a sweep takes 1 to 3."),
    ],
)
def test_a_sweep_that_cannot_work_is_refused_before_a_job_is_made(workspace, frozen, peakid, asked, told):
    answer = peakid("sweep", *asked)
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert answer.err.startswith(told)
    assert queue.list_jobs(workspace) == []


def test_an_ended_sweep_is_printed_ranked_with_the_command_that_uses_the_best(workspace, frozen, peakid):
    asked = ("sweep", "--try", "dropout=0.2,0.5", "--try", "base_lr=1e-3,3e-3", "--request-id", "mine")
    peakid(*asked)
    work = ledger.claim(workspace, 1, process.own())
    base = TrialResult(run_id=1, valid_loss=0.5, accuracy=0.8, seconds=61.3)
    settings = {"dropout": 0.2, "base_lr": 0.003}
    best = TrialResult(run_id=2, settings=settings, valid_loss=0.4, accuracy=0.8, seconds=61.3)
    work.note(
        SweepResult(
            trials=(base, best),
            best=best,
            not_tried=({"base_lr": 0.003},),
            finding="It may be chance.",
            n_trials=4,
        )
    )
    work.end("done")
    lines = peakid(*asked, "--wait").out.splitlines()
    assert lines[1].split() == ["run_id", "settings", "valid_loss", "accuracy", "seconds"]
    assert lines[2].split() == ["2", "dropout=0.2", "base_lr=0.003", "0.4", "0.8", "61"]
    assert lines[3].split()[:2] == ["1", "the"]
    assert lines[4:] == [
        "Not tried for lack of time: base_lr=0.003",
        "It may be chance.",
        "Use it with: peakid train --set dropout=0.2 --set base_lr=0.003",
    ]
    document = peakid(*asked, "--wait", "--json").json
    assert {
        "job_id",
        "state",
        "error",
        "seconds",
        "n_trials",
        "trials",
        "best",
        "not_tried",
        "skipped",
        "finding",
    } <= set(document)
    assert document["trials"][0] == asdict(base)


def test_test_time_augmentation_is_a_job_and_too_many_views_are_refused(workspace, run_id, peakid):
    refused = peakid("tta", run_id, "--views", 6)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("views=6: ")
    assert peakid("tta", run_id, "--json").json == {"job_id": 1, "state": "queued"}
    job = queue.show(workspace, 1)
    assert (job.kind, job.lane, job.arguments) == ("tta", "gpu", TtaArguments(run_id=run_id, n_views=4))


def test_runs_that_keep_no_model_are_refused_with_the_reason(workspace, frozen, peakid):
    named = {"class_names": ["dom", "eiger"], "seed": 0, "code_version": "", "libraries": {}}
    runs.finish(
        workspace, runs.create(workspace, job_id=None, snapshot_id=1, recipe={"folds": 5}, **named), "done"
    )
    runs.finish(workspace, runs.create(workspace, job_id=None, snapshot_id=1, recipe={}, **named), "failed")
    assert "Run 1 was cross-validated with 5 folds: it has predictions, no model." in peakid("tta", 1).err
    assert "Run 2 has no model; it is failed." in peakid("tta", 2).err
    assert peakid("tta", 3).code == 1
    assert queue.list_jobs(workspace) == []


def test_evaluate_scores_the_averaged_answers_where_they_were_computed(workspace, run_id, peakid):
    missing = peakid("evaluate", run_id, "--tta")
    assert missing.code == 1
    assert f"tta {run_id} --wait" in missing.err
    digests, _ = run_predictions.pred_probs(workspace, run_id, "valid")
    labels = {item.digest: item.label for item in snapshot.items(workspace)}
    right = np.array([[0.9, 0.1] if labels[digest] == "dom" else [0.1, 0.9] for digest in digests])
    run_predictions.add_tta(workspace, run_id, {"valid": (digests, right)}, n_views=4)
    assert peakid("evaluate", run_id, "--json").json["tta"] is None
    scored = peakid("evaluate", run_id, "--tta", "--json").json
    assert (scored["accuracy"], scored["tta"]["plain_accuracy"], scored["tta"]["n_views"]) == (1.0, 0.5, 4)
    assert (
        "on valid with test-time augmentation (4 views; without 50 %,"
        in peakid("evaluate", run_id, "--tta").out
    )

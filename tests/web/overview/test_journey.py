"""The six steps from photos to an exported model: done, next, running or waiting, and the one action."""

from dataclasses import replace

from peakid.curate.queues.review_queue import QueueCount
from peakid.jobs.job import Job
from peakid.records import Run
from peakid.store.status import Status
from peakid.web.navigation import NextStep, Progress
from peakid.web.overview.journey import Journey

NOTHING = Status(86, 80, 0, 0, 0, 0, 80, 0, 0, {"dom": 80})
FROZEN = replace(NOTHING, n_snapshots=1)
NO_WORTH, WORTH = QueueCount("worth", 0, False), QueueCount("worth", 25, False)
RUN = Run(
    run_id=4,
    job_id=None,
    snapshot_id=1,
    snapshot_digest="d",
    snapshot_name="",
    state="done",
    recipe={},
    class_names=["dom"],
    seed=0,
    code_version="",
    libraries={},
    device="cpu",
    n_workers=0,
    starting_weights=None,
    best_epoch=1,
    metrics={"accuracy": 0.91},
    warnings=[],
    path="",
    created_at="",
    finished_at=None,
    seconds=None,
    n_test_looks=0,
)
JOB = Job(1, "train", "gpu", "queued", None, "", 0, 0, "", "", "", (), None, None, "", None, None, 0.0)
TRAIN = NextStep("No model has been trained on a snapshot yet.", "Train a model", "train")
EVALUATE = NextStep("A model is trained.", "Evaluate the run", "evaluate")


def states(journey: Journey, page: str) -> dict[str, str]:
    return {step.name: step.state for step in journey.steps(page)}


def details(journey: Journey, page: str = "review") -> dict[str, str]:
    return {step.name: step.detail for step in journey.steps(page)}


def test_after_an_import_the_review_is_next_and_the_rest_waits() -> None:
    journey = Journey(NOTHING, WORTH, Progress(80, 0, 0), [], [])
    assert states(journey, "review") == {
        "Collect": "done",
        "Review": "next",
        "Freeze": "waiting",
        "Train": "waiting",
        "Evaluate": "waiting",
        "Export": "waiting",
    }
    assert details(journey) == {
        "Collect": "86 images",
        "Review": "25 worth your time",
        "Freeze": "after the review",
        "Train": "needs a snapshot",
        "Evaluate": "needs a run",
        "Export": "needs a run",
    }


def test_a_review_that_is_done_no_longer_delays_the_snapshot() -> None:
    journey = Journey(NOTHING, NO_WORTH, Progress(80, 0, 0), [], [])
    assert states(journey, "snapshots")["Freeze"] == "next"
    assert details(journey, "snapshots")["Freeze"] == "no snapshot yet"


def test_labels_in_doubt_wait_and_the_others_are_optional_once_a_snapshot_is_frozen() -> None:
    progress = Progress(80, 0, 0)
    assert states(Journey(NOTHING, NO_WORTH, progress, [], []), "")["Review"] == "waiting"
    assert states(Journey(NOTHING, NO_WORTH, progress, [], []), "snapshots")["Review"] == "done"
    assert details(Journey(NOTHING, NO_WORTH, progress, [], []))["Review"] == "80 not reviewed"
    assert states(Journey(FROZEN, NO_WORTH, progress, [], []), "train")["Review"] == "done"
    assert details(Journey(FROZEN, NO_WORTH, progress, [], []))["Review"] == "80 left, optional"
    assert states(Journey(FROZEN, WORTH, progress, [], []), "train")["Review"] == "waiting"
    assert details(Journey(FROZEN, replace(WORTH, is_more=True), progress, [], []))["Review"] == (
        "25+ worth your time"
    )
    assert states(Journey(NOTHING, NO_WORTH, Progress(0, 0, 0), [], []), "snapshots")["Review"] == "done"


def test_a_training_that_runs_is_watched_instead_of_started_again() -> None:
    journey = Journey(FROZEN, NO_WORTH, Progress(0, 0, 0), [], [JOB])
    action = journey.action(TRAIN)
    assert (action.button, action.page) == ("Watch the training", "train")
    assert states(journey, action.page)["Train"] == "running"
    assert details(journey)["Train"] == "queued"
    assert details(replace(journey, trainings=[replace(JOB, state="running")]))["Train"] == "in training"
    assert replace(journey, trainings=[]).action(TRAIN) == TRAIN


def test_a_run_is_evaluated_once_its_test_score_was_shown_and_then_exported() -> None:
    journey = Journey(FROZEN, NO_WORTH, Progress(0, 1, 0), [RUN], [])
    assert journey.action(EVALUATE) == EVALUATE
    assert states(journey, "evaluate")["Evaluate"] == "next"
    assert details(journey)["Train"] == "Run 4"
    assert details(journey)["Evaluate"] == "91 % on validation"
    looked = replace(journey, runs=[replace(RUN, n_test_looks=1)])
    action = looked.action(EVALUATE)
    assert (action.button, action.page) == ("Export the model", "models")
    assert states(looked, action.page) == {
        "Collect": "done",
        "Review": "done",
        "Freeze": "done",
        "Train": "done",
        "Evaluate": "done",
        "Export": "next",
    }
    newer = replace(looked, runs=[replace(RUN, run_id=5), *looked.runs])
    assert newer.action(EVALUATE) == EVALUATE


def test_with_an_export_every_step_is_done() -> None:
    journey = Journey(FROZEN, NO_WORTH, Progress(0, 1, 1), [RUN], [])
    assert set(states(journey, "").values()) == {"done"}
    assert details(journey)["Export"] == "1 export"

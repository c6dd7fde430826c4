"""What decisions bought, as a job: the models of both snapshots, what is reused, resumed and hidden."""

from collections.abc import Callable

import numpy as np
import pytest

from peakid.curate import decisions
from peakid.curate.decision_sets import DecisionSet
from peakid.curate.queues import queue_plans
from peakid.dataset import snapshot
from peakid.errors import BadInput, NotFound
from peakid.jobs import ledger, process, queue
from peakid.jobs.evaluation import attribute
from peakid.jobs.ledger import Work
from peakid.jobs.results import AttributionResult
from peakid.recipe.recipe import Recipe
from peakid.records import Choice, Report, Run, Snapshot
from peakid.store import run_predictions, runs, status
from peakid.store.workspace import Workspace

ANNA = "human:anna"


@pytest.fixture
def frozen(workspace: Workspace, plant: Callable[..., dict[str, str]], as_worker: None) -> Snapshot:
    plant({f"{name}-{n}": name for name in ("dom", "eiger") for n in range(40)})
    return snapshot.create(workspace, name="first", actor=ANNA)


class Trainer:
    """Replaces a training: a model is wrong about as many validation images as training labels are wrong.

    The images are named by their true class, so that wrong labels are known.
    """

    def __init__(self, workspace: Workspace, job_id: int | None = None, fails_at: int = 0) -> None:
        self.workspace, self.job_id, self.fails_at = workspace, job_id, fails_at
        self.calls: list[tuple[str, int]] = []

    def __call__(self, frozen: Snapshot, recipe: Recipe, earlier: Run | None, report: Report) -> int:
        report("Training, epoch 1 of 2", 1, 2, "8 of 16 images")
        self.calls.append((frozen.digest, recipe.seed))
        run_id = earlier.run_id if earlier else self._create(frozen, recipe)
        runs.reopen(self.workspace, run_id)
        if len(self.calls) == self.fails_at:
            raise ledger.Cancelled
        items = snapshot.items(self.workspace, frozen.digest)
        n_wrong = sum(
            not item.path.split("/")[1].startswith(item.label) for item in items if item.split == "train"
        )
        for split in ("valid", "test"):
            chosen = [item for item in items if item.split == split]
            right = np.array([[1.0, 0.0] if item.label == "dom" else [0.0, 1.0] for item in chosen])
            right[:n_wrong] = right[:n_wrong, ::-1]
            named = [item.digest for item in chosen], right, [item.label for item in chosen]
            run_predictions.add(self.workspace, run_id, split, *named, is_out_of_sample=True)
        runs.finish(self.workspace, run_id, "done", best_epoch=1, metrics={"accuracy": 0.5})
        return run_id

    def _create(self, frozen: Snapshot, recipe: Recipe) -> int:
        return runs.create(
            self.workspace,
            job_id=self.job_id,
            snapshot_id=frozen.snapshot_id,
            recipe=recipe.model_dump(),
            class_names=frozen.class_names,
            seed=recipe.seed,
            code_version="test",
            libraries={},
            made_for="attribution" if self.job_id else "",
        )


@pytest.fixture
def run_id(workspace: Workspace, frozen: Snapshot) -> int:
    """A run of a person on images of which six have a wrong label."""
    train = [item for item in snapshot.items(workspace, frozen.digest) if item.split == "train"]
    doms = [item.digest for item in train if item.label == "dom"][:6]
    decisions.decide(workspace, [Choice(each, "label", "eiger") for each in doms], actor="human:ben")
    noisy = snapshot.create(workspace, actor=ANNA)
    return Trainer(workspace)(noisy, Recipe(seed=5), None, lambda *_: None)


def fixed(workspace: Workspace) -> int:
    """Correct the wrong labels as one step, and return it."""
    wrong = [
        item.digest
        for item in snapshot.items(workspace, snapshot.create(workspace, actor=ANNA).digest)
        if not item.path.split("/")[1].startswith(item.label)
    ]
    made = decisions.decide(workspace, [Choice(each, "label", "dom") for each in wrong], actor=ANNA)
    return made.step_id or 0


def claimed(workspace: Workspace, run_id: int, chosen: DecisionSet, **options: object) -> Work:
    job = attribute.attribute(workspace, run_id, chosen, actor=ANNA, **options)
    work = ledger.claim(workspace, job.job_id, process.own())
    assert work is not None
    return work


def result_of(work: Work) -> AttributionResult:
    assert isinstance(work.result, AttributionResult)
    return work.result


def test_corrections_are_measured_with_the_same_seeds(workspace: Workspace, run_id: int) -> None:
    step = fixed(workspace)
    work = claimed(workspace, run_id, DecisionSet(steps=(step,)), n_seeds=2)
    trainer = Trainer(workspace, work.job_id)
    attribute.run(work, trainer)
    found = result_of(work)
    assert found.seeds == (5, 6)
    assert found.runs_without[0] == run_id  # It was trained without them, with that recipe and seed.
    assert [seed for _, seed in trainer.calls] == [5, 6, 6]
    assert found.bought is not None
    n = found.bought.n_images
    assert found.bought.difference == pytest.approx(6 / n)  # Six errors less on the same images.
    assert found.bought.accuracy_with == 1.0
    assert (found.n_relabelled, found.n_added, found.n_removed) == (6, 0, 0)
    text = attribute.finding_text(found)
    assert text.startswith(f"Step {step} bought +")
    assert text.endswith("In training, they changed the label of 6 images.")


def test_its_runs_and_snapshots_are_not_what_anything_uses_as_the_newest(
    workspace: Workspace, run_id: int, frozen: Snapshot
) -> None:
    step = fixed(workspace)
    newest, counts = snapshot.show(workspace).digest, status.read(workspace)
    work = claimed(workspace, run_id, DecisionSet(steps=(step,)), n_seeds=1)
    attribute.run(work, Trainer(workspace, work.job_id))
    made = result_of(work).runs_with[0]
    assert made not in [run.run_id for run in runs.list_runs(workspace)]
    assert made in [run.run_id for run in runs.list_runs(workspace, with_attributed=True)]
    assert queue_plans.newest_run(workspace) == run_id
    assert snapshot.show(workspace).digest == newest
    assert (status.read(workspace).n_runs, status.read(workspace).n_snapshots) == (
        counts.n_runs,
        counts.n_snapshots,
    )


def test_a_resumed_job_trains_only_what_is_missing(workspace: Workspace, run_id: int) -> None:
    work = claimed(workspace, run_id, DecisionSet(steps=(fixed(workspace),)), n_seeds=2)
    with pytest.raises(ledger.Cancelled):
        attribute.run(work, Trainer(workspace, work.job_id, fails_at=2))
    assert result_of(work).bought is None
    again = Trainer(workspace, work.job_id)
    attribute.run(work, again)
    assert [seed for _, seed in again.calls] == [6, 6]  # Both models of seed 5 are there.
    assert len(runs.all_of_job(workspace, work.job_id)) == 3
    assert result_of(work).bought is not None


def test_the_decisions_of_a_person_and_of_a_time_are_sets_too(workspace: Workspace, run_id: int) -> None:
    fixed(workspace)
    work = claimed(workspace, run_id, DecisionSet(person="anna"), n_seeds=1)
    attribute.run(work, Trainer(workspace, work.job_id))
    work.end("done")
    assert attribute.finding_text(result_of(work)).startswith("The decisions of anna bought +")
    assert [each.title for each in attribute.results_of(workspace)] == ["the decisions of anna"]
    assert queue.show(workspace, work.job_id).state == "done"


def test_a_look_at_test_is_counted(workspace: Workspace, run_id: int) -> None:
    work = claimed(workspace, run_id, DecisionSet(steps=(fixed(workspace),)), n_seeds=1, split="test")
    attribute.run(work, Trainer(workspace, work.job_id))
    assert runs.show(workspace, run_id).n_test_looks == 1
    assert "test images" in attribute.finding_text(result_of(work))


def test_what_cannot_be_measured_is_refused_at_once(workspace: Workspace, run_id: int) -> None:
    step = fixed(workspace)
    with pytest.raises(BadInput, match="11 seeds on valid cannot be measured"):
        attribute.attribute(workspace, run_id, DecisionSet(steps=(step,)), n_seeds=11, actor=ANNA)
    with pytest.raises(NotFound):
        attribute.attribute(workspace, 99, DecisionSet(steps=(step,)), actor=ANNA)
    with pytest.raises(BadInput, match="judged no image"):
        attribute.attribute(workspace, run_id, DecisionSet(person="carl"), actor=ANNA)


def test_the_command_lists_what_can_be_left_out_and_queues_a_job(
    peakid, workspace: Workspace, run_id: int
) -> None:
    step = fixed(workspace)
    text = peakid("attribute", run_id).out
    assert "--person anna" in text
    assert f"--without {step}" in text
    queued = peakid("attribute", run_id, "--without", step, "--seeds", 1, "--json").json
    assert queue.show(workspace, queued["job_id"]).kind == "attribute"
    document = peakid("attribute", run_id, "--json").json
    assert {each["kind"] for each in document["offers"]} == {"person", "step"}
    assert document["measured"] == []

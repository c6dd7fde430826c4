"""The task of the learning curve, and its trainings with the recipe of a run on parts of the images."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from peakid import progress_text
from peakid.dataset import snapshot as snapshots
from peakid.evaluate.learning_curve import curve, images
from peakid.evaluate.learning_curve import stored as curves
from peakid.evaluate.learning_curve.images import CurveImages
from peakid.evaluate.learning_curve.measured import Measured
from peakid.jobs.arguments import LearningCurveArguments
from peakid.jobs.evaluation import learning_curve
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.tasks import training_tasks
from peakid.recipe.recipe import Recipe
from peakid.records import Report, Run
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace
from peakid.suggest.learning_curve import shares
from peakid.suggest.learning_curve.shares import Part

N_DRAWS = 2  # Each is four trainings of together 1.8 times as many images as the run has.
LEAST_SHARE = 0.25  # A training on fewer images fails in other ways than one on many.


def run(work: Work) -> None:
    """Measure and store the learning curve of a run.

    Raises:
        Cancelled: If the job was cancelled; the curve before stays.
    """
    if work.arguments_as(LearningCurveArguments).with_training:
        measure_by_trainings(work)
    else:
        learning_curve.measure_on_embeddings(work)


def measure_by_trainings(work: Work) -> None:
    """Train the recipe of the run on parts of its training images; the run itself is the last point."""
    began, workspace = time.monotonic(), work.workspace
    trained = runs.show(workspace, work.arguments_as(LearningCurveArguments).run_id)
    frozen = snapshots.show(workspace, trained.snapshot_digest)
    found = images.load(workspace, frozen, None)
    labels, groups = found.labels[found.is_train], found.groups[found.is_train]
    parts = shares.common_parts(labels, groups, n_draws=N_DRAWS, least=LEAST_SHARE)
    predicted = [
        _trained_on(work, trained, found, part, _reporting(work, parts, number))
        for number, part in enumerate(parts[:-1])
    ]
    predicted.append(_predicted_by(work.workspace, trained))
    digests = [digest for digest, is_train in zip(found.digests, found.is_train, strict=True) if not is_train]
    names = np.array(found.class_names)[found.labels[~found.is_train]]
    correct = [
        [answer.get(digest) == name for digest, name in zip(digests, names, strict=True)]
        for answer in predicted
    ]
    measured = Measured(
        counts=np.array([np.bincount(labels[each.rows], minlength=len(found.class_names)) for each in parts]),
        draws=np.array([each.draw for each in parts]),
        correct=np.array(correct, dtype=bool),
        answers=found.labels[~found.is_train],
        groups=found.groups[~found.is_train],
    )
    made = curve.build(measured, found.class_names, model="training", n_without=found.n_without)
    curves.save(workspace, made, snapshot_id=frozen.snapshot_id, run_id=trained.run_id)
    learning_curve.note(work, trained, made, began)


def _trained_on(work: Work, trained: Run, found: CurveImages, part: Part, report: Report) -> dict[str, str]:
    """Return what a training on a part predicts for each validation image, by digest. It keeps no model.

    Raises:
        Cancelled: If the job was cancelled.
    """
    report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import train as training

    digests = np.array(found.digests)
    chosen = set(digests[found.is_train][part.rows]) | set(digests[~found.is_train])
    every = snapshots.items(work.workspace, trained.snapshot_digest)
    items = [item for item in every if item.digest in chosen]
    recipe = Recipe.model_validate(trained.recipe).model_copy(update={"refit": False})
    with tempfile.TemporaryDirectory(prefix="learning-curve-", dir=work.workspace.cache_dir) as folder:
        result = training.train(
            training_tasks.training_images(work.workspace, items, list(trained.class_names)),
            training_tasks.with_weights(work.workspace, recipe),
            folder=Path(folder),
            cache_dir=work.workspace.cache_dir,
            settings=work.settings,
            allows_random=True,  # As the run was trained, or it would not be there.
            report=report,
            on_epoch=lambda metrics: None,
            should_stop=work.should_stop,
        )
    if result.is_cancelled:
        raise Cancelled
    return _named(*result.pred_probs["valid"], trained)


def _predicted_by(workspace: Workspace, trained: Run) -> dict[str, str]:
    return _named(*run_predictions.pred_probs(workspace, trained.run_id, "valid"), trained)


def _named(digests: Sequence[str], pred_probs: np.ndarray, trained: Run) -> dict[str, str]:
    """Return the predicted class of each image, by digest."""
    best = np.asarray(pred_probs).argmax(axis=1)
    return {digest: trained.class_names[column] for digest, column in zip(digests, best, strict=True)}


def _reporting(work: Work, parts: Sequence[Part], number: int) -> Report:
    """Return a report of the whole job: trainings count by their images."""
    sizes = np.array([len(part.rows) for part in parts[:-1]])

    def report(phase: str, step: int, total: int, message: str) -> None:
        share = progress_text.share(step, total) if phase.startswith("Training") else 0.0
        share = 1.0 if phase.startswith("Evaluating") else share
        done = (sizes[:number].sum() + share * sizes[number]) / sizes.sum()
        doing = progress_text.line(phase, progress_text.without_time_left(message))
        work.report(f"Training {number + 1} of {len(sizes)}", round(1000 * done), 1000, doing)

    return report

"""The command for learning curves: what more images of each class would gain."""

from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.evaluate import score_text
from peakid.evaluate.learning_curve import advice
from peakid.evaluate.learning_curve.curve import LearningCurve
from peakid.jobs.evaluation import learning_curve as curves
from peakid.store import runs
from peakid.store.workspace import Workspace


@click.command("learning-curve")
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--with-training",
    is_flag=True,
    help="Train the recipe of RUN on eight parts of its images, instead of a linear head on embeddings.",
)
@click.option("--again", "is_again", is_flag=True, help="Measure it again.")
@wait_option(by_default=False)
@request_option
@actor_option
@json_option
@pass_workspace
def learning_curve(
    workspace: Workspace,
    run_id: int,
    with_training: bool,
    is_again: bool,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int | None:
    """Print the learning curve of RUN on validation, or measure it: what more images of a class would gain.

    The intervals are to hold the measured gain in nine of ten cases. The test split is never read.
    """
    run = runs.show(workspace, run_id)
    found = None if is_again else curves.find(workspace, run, with_training=with_training)
    if found is None:
        job = curves.compute(
            workspace, run_id, with_training=with_training, request_id=request_id, actor=actor
        )
        if not is_waiting:
            return emit_queued(as_json, job)
        job = follow(workspace, job.job_id)
        found = curves.find(workspace, run, with_training=with_training)
        if job.state != "done" or found is None:
            emit(as_json, ending(job), job_text(job))
            return EXIT_CODES[job.state]
    emit(as_json, _document(run_id, found), _text(run_id, found))
    return None


def _document(run_id: int, found: LearningCurve) -> dict[str, Any]:
    said = advice.advice(found)
    return {
        "run_id": run_id,
        "advice": said.sentence,
        "advice_of_all": said.of_all,
        "is_clear": said.is_clear,
        **found.document(),
    }


def _text(run_id: int, found: LearningCurve) -> str:
    said = advice.advice(found)
    how = f"linear head on {found.backbone}" if found.model == "head" else "trainings with its recipe"
    lines = [said.sentence, said.of_all] if said.class_name is not None else [said.sentence]
    lines.append(f"Run {run_id} on {found.n_valid:,} validation images, {how}; intervals of 90 %.")
    if found.n_without:
        lines.append(f"Images left out: {found.n_without:,}")
    points = [
        {"images": each.n_images, "accuracy": score_text.score(each.accuracy, (each.low, each.high))}
        for each in found.measured
    ]
    lines.append(table(points, ["images", "accuracy"], empty=""))
    rows = [
        {
            "class": each.class_name,
            "images": each.n_images,
            "more": each.n_more,
            "accuracy": advice.points(each),
            "clear": "yes" if each.is_clear else "no",
        }
        for each in found.of_classes()
    ]
    lines.append(table(rows, ["class", "images", "more", "accuracy", "clear"], empty=""))
    return "\n".join(line for line in lines if line)

"""Commands for the score of one run, with or without test-time augmentation."""

import click

from peakid.cli import usage
from peakid.cli.engines.options import engine_document, engine_options
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.curate.queues import review_queue
from peakid.dataset import snapshot
from peakid.errors import BadInput, NoEmbeddings
from peakid.evaluate import figures, finding, ranked_labels, report, score_text
from peakid.evaluate.errors import confusion
from peakid.evaluate.finding import Surroundings
from peakid.evaluate.report import EvaluationReport
from peakid.job_settings import JobSettings
from peakid.jobs import results, submit
from peakid.jobs.evaluation import figures as figures_job
from peakid.jobs.results import TtaResult
from peakid.recipe import tta_views
from peakid.records import Run
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.suggest import linear_probe
from peakid.suggest.linear_probe import ProbeScore

N_CONFUSIONS = 10  # As on the Evaluate page.
# `cv` can be requested for every run. The error says whether a run has cross-validation predictions.
split_option = click.option(
    "--split",
    type=usage.Choice([*report.SPLITS, report.CV]),
    default="valid",
    show_default=True,
    help="Each look at the test score is counted.",
)


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@click.option(
    "--tta",
    "with_tta",
    is_flag=True,
    help="Score the predictions with test-time augmentation, which `peakid tta` computes.",
)
@wait_option(by_default=True)
@actor_option
@json_option
@pass_workspace
def evaluate(
    workspace: Workspace,
    run_id: int,
    split: str,
    with_tta: bool,
    is_waiting: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Score RUN on one split: accuracy with its interval, baselines, each class and what to do next.

    With --no-wait, a job computes the figures of all splits, so that the page has them at once.
    """
    if not is_waiting:
        return emit_queued(as_json, figures_job.submit(workspace, run_id, actor=actor))
    found = figures.evaluate(workspace, run_id, split=split, with_tta=with_tta, actor=actor)
    run = runs.show(workspace, run_id)
    probe, why_no_probe = _probe(workspace, run, split)
    frozen = snapshot.show(workspace, run.snapshot_digest)
    around = Surroundings(frozen.splits, frozen.n_leaks, is_imported=run.is_imported)
    first = finding.choose(found, around)
    ranked = ranked_labels.find(workspace, run, split, with_tta=with_tta)
    document = found.scored.to_json() | {
        "model_ranked": ranked.to_json(),
        "probe": probe.to_json() if probe else None,
        "finding": {"kind": first.kind, "sentence": first.sentence, "next": first.button},
    }
    lines = [
        _text(found.scored, probe_text(probe) if probe else f"Linear probe: {why_no_probe}"),
        ranked.sentence,
        f"{first.sentence} Next: {first.button}.",
    ]
    emit(as_json, document, "\n".join(filter(None, lines)))
    return 0


def _probe(workspace: Workspace, run: Run, split: str) -> tuple[ProbeScore | None, str]:
    """Return the linear probe, or why there is none."""
    if split == "train":
        return None, "it is trained on these images."
    try:
        return linear_probe.of_run(workspace, run, split), ""
    except (NoEmbeddings, BadInput) as error:
        return None, f"{error.message} Use: peakid embed"


def probe_text(probe: ProbeScore) -> str:
    """Return the linear probe in one line, with the difference of the run from it."""
    lo, hi = map(score_text.difference, probe.difference_interval)
    return (
        f"Linear probe ({probe.backbone}, {probe.n_train:,} training images):"
        f" {score_text.score(probe.accuracy, probe.accuracy_interval, probe.n_images)}; this run"
        f" {score_text.difference(probe.difference)} ({lo} to {hi}, p = {probe.mcnemar_p:.2g}):"
        f" {probe.verdict}"
    )


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--views",
    "n_views",
    default=tta_views.DEFAULT,
    show_default=True,
    help="Number of views besides the original image.",
)
@wait_option(by_default=False)
@request_option
@engine_options
@actor_option
@json_option
@pass_workspace
def tta(
    workspace: Workspace,
    run_id: int,
    n_views: int,
    is_waiting: bool,
    request_id: str | None,
    job_settings: JobSettings,
    actor: str,
    as_json: bool,
) -> int:
    """Compute test-time augmentation: average the predictions of RUN over fixed views of each image.

    The predictions without it are kept. Score the result with: peakid evaluate RUN --tta
    """
    job = submit.score_with_views(
        workspace, run_id, n_views=n_views, settings=job_settings, request_id=request_id, actor=actor
    )
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    found = job.result_as(TtaResult) or TtaResult(run_id=run_id, n_views=n_views)
    lines = [job_text(job), *([found.engine.text()] if found.engine else [])]
    if job.state == "done":
        lines.append(f"Score it with: peakid evaluate {run_id} --tta")
    document = {**ending(job), **results.document(found), **engine_document(found.engine)}
    emit(as_json, document, "\n".join(lines))
    return EXIT_CODES[job.state]


def _text(scored: EvaluationReport, probe: str) -> str:
    accuracy = score_text.score(scored.accuracy, scored.accuracy_interval, scored.n_images)
    chance, majority = map(score_text.baseline, (scored.chance_accuracy, scored.majority_accuracy))
    lines = [
        f"Run {scored.run_id} on {scored.split}{_tta_text(scored)}: accuracy {accuracy}",
        f"Baselines: chance {chance}, always {scored.majority_class!r} {majority}",
        probe,
        f"Calibration error {score_text.percent(scored.ece)} (0 is best)",
        f"Labels: {scored.n_unreviewed} not reviewed, {scored.n_changed} changed since the run",
    ]
    if scored.n_either:
        lines.append(f"Correct by a class that the image also shows: {scored.n_either}")
    if scored.top5_accuracy is not None:
        lines.append(f"Top-5 accuracy {score_text.percent(scored.top5_accuracy)}")
    if scored.split == "test":
        lines.append(f"Looks at the test score of this run: {scored.n_test_looks}")
    lines.append(_per_class_table(scored))
    lines.append(f"{confusion.finding(scored.class_names, scored.confusion)}.")
    lines.append(_confusions_table(scored))
    lines = [line for line in lines if line]
    return "\n".join([*lines, *(f"Warning: {sentence}" for sentence in scored.warnings)])


def _per_class_table(scored: EvaluationReport) -> str:
    rows = [
        {
            "class": each.class_name,
            "precision": score_text.percent(each.precision),
            "recall": score_text.score(each.recall, each.recall_interval),
            "f1": score_text.percent(each.f1),
            "images": each.support,
        }
        for each in scored.per_class
    ]
    return table(rows, ["class", "precision", "recall", "f1", "images"], empty="")


def _confusions_table(scored: EvaluationReport) -> str:
    """Return the most frequent errors, each with the queue of its images, which `peakid queue` lists."""
    names, totals = scored.class_names, scored.confusion.sum(axis=1)
    rows = [
        {
            "given": names[given],
            "predicted": names[predicted],
            "images": f"{scored.confusion[given, predicted]} of {totals[given]}",
            "queue": review_queue.confusion_queue(
                scored.run_id, scored.split, names[given], names[predicted]
            ),
        }
        for given, predicted in confusion.most_frequent(scored.confusion, N_CONFUSIONS)
    ]
    return table(rows, ["given", "predicted", "images", "queue"], empty="")


def _tta_text(scored: EvaluationReport) -> str:
    if scored.tta is None:
        return ""
    effect = scored.tta
    return (
        f" with test-time augmentation ({effect.n_views} views;"
        f" without {score_text.percent(effect.plain_accuracy)},"
        f" {effect.n_only_views} images correct only with it, {effect.n_only_plain} only without,"
        f" p = {effect.mcnemar_p:.2f})"
    )

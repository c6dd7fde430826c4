"""Commands of scoring: evaluate one run, plain or with test-time augmentation, and compare two."""

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, follow, request_option, told
from peakid.dataset import snapshot
from peakid.evaluate import compare as comparing
from peakid.evaluate import confusion, report
from peakid.evaluate.compare import Comparison
from peakid.evaluate.report import EvaluationReport
from peakid.jobs import submit
from peakid.recipe import tta_views
from peakid.store import runs
from peakid.store.workspace import Workspace

# `cv` is a word of the contract; asking for it says that it is not there yet.
split_option = click.option(
    "--split",
    type=click.Choice([*report.SPLITS, report.CV]),
    default="valid",
    show_default=True,
    help="A look at test is counted.",
)


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@click.option(
    "--tta",
    "with_tta",
    is_flag=True,
    help="Score the answers averaged over views of each image, as `peakid tta` computes them.",
)
@actor_option
@json_option
@pass_workspace
def evaluate(
    workspace: Workspace, run_id: int, split: str, with_tta: bool, actor: str, as_json: bool
) -> None:
    """Score RUN on one split: accuracy with its interval, every class, every confusion."""
    scored = report.evaluate(workspace, run_id, split=split, with_tta=with_tta, actor=actor)
    emit(as_json, scored.to_json(), _text(scored))


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--views", "n_views", default=tta_views.DEFAULT, show_default=True, help="Views beside the plain image."
)
@click.option(
    "--wait", "is_waiting", is_flag=True, help="Follow it to its end; the exit code then says how it ended."
)
@request_option
@actor_option
@json_option
@pass_workspace
def tta(
    workspace: Workspace,
    run_id: int,
    n_views: int,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Test-time augmentation: average what RUN answers for each image of valid and test over fixed views of it.

    Its plain answers stay what they are. Score it with: peakid evaluate RUN --tta
    """
    job = submit.score_with_views(workspace, run_id, n_views=n_views, request_id=request_id, actor=actor)
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    nothing = {"run_id": run_id, "n_views": n_views, "n_images": {}}
    document = {"job_id": job.job_id, "state": job.state, "error": job.error, **nothing, **job.result}
    emit(
        as_json,
        document,
        told(job) + (f"\nScore it with: peakid evaluate {run_id} --tta" if job.state == "done" else ""),
    )
    return EXIT_CODES[job.state]


@click.command()
@click.argument("a", metavar="RUN", type=int)
@click.argument("b", metavar="RUN", type=int)
@split_option
@actor_option
@json_option
@pass_workspace
def compare(workspace: Workspace, a: int, b: int, split: str, actor: str, as_json: bool) -> None:
    """Tell whether the second RUN is better than the first, on the same images under the newest labels."""
    compared = comparing.compare(workspace, a, b, split=split, actor=actor)
    digests = [runs.show(workspace, run_id).snapshot_digest for run_id in (a, b)]
    changed = snapshot.diff(workspace, *digests)
    told = ", ".join(f"{len(rows)} {kind}" for kind, rows in changed.items())
    emit(
        as_json,
        compared.to_json(changed),
        f"{_comparison(compared)}\nBetween their snapshots: {told} images.",
    )


def _text(scored: EvaluationReport) -> str:
    lo, hi = scored.accuracy_interval
    scored_on = f"{scored.split}{_with_views(scored)}"
    lines = [
        f"Run {scored.run_id} on {scored_on}: accuracy {scored.accuracy:.3f} ({lo:.3f}-{hi:.3f}), n = {scored.n_images}",
        f"To beat: chance {scored.chance_accuracy:.3f}, always {scored.majority_class!r} {scored.majority_accuracy:.3f}",
        f"Calibration error {scored.ece:.3f} (0 = honest); {scored.n_unreviewed} labels not reviewed, {scored.n_changed} changed since,"
        f" {scored.n_either} also show what was answered",
    ]
    if scored.top5_accuracy is not None:
        lines.append(f"Among the first five: {scored.top5_accuracy:.3f}")
    if scored.split == "test":
        lines.append(f"Looks at the test score of this run: {scored.n_test_looks}")
    rows = [
        vars(each) | {"recall from-to": "{:.2f}-{:.2f}".format(*each.recall_interval)}
        for each in scored.per_class
    ]
    lines.append(
        table(rows, ["class_name", "precision", "recall", "recall from-to", "f1", "support"], empty="")
    )
    lines.append(f"{confusion.finding(scored.class_names, scored.confusion)}.")
    return "\n".join([*lines, *(f"Warning: {sentence}" for sentence in scored.warnings)])


def _with_views(scored: EvaluationReport) -> str:
    if scored.tta is None:
        return ""
    effect = scored.tta
    return (
        f" with test-time augmentation ({effect.n_views} views; plain {effect.plain_accuracy:.3f}, {effect.n_only_views} images only right"
        f" with views, {effect.n_only_plain} only without, p = {effect.mcnemar_p:.2f})"
    )


def _comparison(compared: Comparison) -> str:
    lo, hi = compared.difference_interval
    verdict = "a real difference" if compared.is_real else "no difference that these images can prove"
    return (
        f"On {compared.n_common} images of {compared.split}: run {compared.a} {compared.accuracy_a:.3f}, "
        f"run {compared.b} {compared.accuracy_b:.3f}, difference from {lo:+.3f} to {hi:+.3f}, p = {compared.mcnemar_p:.3f}: {verdict}.\n"
        f"Only run {compared.a} is right on {compared.n_only_a}, only run {compared.b} on {compared.n_only_b}."
    )

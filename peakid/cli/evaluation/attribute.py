"""The command that measures what decisions bought."""

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, emit_queued, ending, follow, job_text, request_option, wait_option
from peakid.curate import decision_sets
from peakid.curate.decision_sets import DecisionSet
from peakid.jobs import results
from peakid.jobs.evaluation import attribute as attributing
from peakid.jobs.results import AttributionResult
from peakid.store.workspace import Workspace


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--without", "steps", type=int, multiple=True, metavar="STEP", help="A step of the log; may be repeated."
)
@click.option("--person", default="", help="All decisions of a person, or of an actor such as model:head.")
@click.option("--queue", default="", help="All decisions made in a queue.")
@click.option("--after", default="", metavar="TIME", help="All decisions since a time, such as 2026-01-31.")
@click.option(
    "--seeds",
    "n_seeds",
    default=attributing.DEFAULT_SEEDS,
    show_default=True,
    type=click.IntRange(1, attributing.MOST_SEEDS),
    help="Models trained with and without the decisions.",
)
@click.option(
    "--split",
    type=usage.Choice(list(attributing.SPLITS)),
    default="valid",
    show_default=True,
    help="A test score is a counted look.",
)
@wait_option(by_default=False)
@request_option
@actor_option
@json_option
@pass_workspace
def attribute(
    workspace: Workspace,
    run_id: int,
    steps: tuple[int, ...],
    person: str,
    queue: str,
    after: str,
    n_seeds: int,
    split: str,
    is_waiting: bool,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Measure what decisions bought: train the recipe of RUN with and without them, with the same seeds.

    Without a choice of decisions, it lists those that can be left out, and what was measured before.
    """
    chosen = DecisionSet(steps, person, queue, after)
    if chosen == DecisionSet():
        return _list(workspace, as_json)
    job = attributing.attribute(
        workspace, run_id, chosen, n_seeds=n_seeds, split=split, request_id=request_id, actor=actor
    )
    if not is_waiting:
        return emit_queued(as_json, job)
    job = follow(workspace, job.job_id)
    found = job.result_as(AttributionResult) or AttributionResult(run_id=run_id)
    text = attributing.finding_text(found) if job.state == "done" else job_text(job)
    emit(as_json, {**ending(job), **results.document(found)}, text)
    return EXIT_CODES[job.state]


def _list(workspace: Workspace, as_json: bool) -> int:
    offers = decision_sets.offered(workspace)
    measured = attributing.results_of(workspace)
    document = {
        "offers": [vars(each) for each in offers],
        "measured": [results.document(each) for each in measured],
    }
    rows = [{"option": _option(each), "what": each.title, "images": each.n_images} for each in offers]
    offered = table(rows, ["option", "what", "images"], empty="No person has judged an image yet.")
    emit(as_json, document, "\n".join([offered, *(attributing.finding_text(each) for each in measured)]))
    return 0


def _option(offer: decision_sets.Offer) -> str:
    return f"--{'without' if offer.kind == 'step' else offer.kind} {offer.value}"

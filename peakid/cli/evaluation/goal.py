"""The command for the goal: set it, remove it, and see whether the newest run reaches it."""

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import figures, goal_check
from peakid.store import runs
from peakid.store.evaluation import goals
from peakid.store.workspace import Workspace


@click.command()
@click.option("--accuracy", type=float, help="The wanted accuracy on validation, 0..1.")
@click.option(
    "--gap", "max_gap", type=float, help="The largest accepted accuracy on train minus validation, 0..1."
)
@click.option("--clear", is_flag=True, help="Remove the goal.")
@actor_option
@json_option
@pass_workspace
def goal(
    workspace: Workspace,
    accuracy: float | None,
    max_gap: float | None,
    clear: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Show whether the newest run reaches the goal; with options, set it first."""
    if clear:
        goals.remove(workspace)
    elif accuracy is not None or max_gap is not None:
        goals.set_goal(workspace, accuracy=accuracy, max_gap=max_gap, actor=actor)
    found = goals.read(workspace)
    if found is None:
        emit(as_json, {"accuracy": None, "max_gap": None, "check": None}, "No goal is set.")
        return
    figures.keep_scores(workspace)
    usable = [run for run in runs.list_runs(workspace) if run.has_score]
    scored = next(iter([run for run in usable if not run.is_imported] or usable), None)
    by_digest = {each.digest: each for each in snapshots.list_snapshots(workspace)}
    check = goal_check.of_run(workspace, found, scored, by_digest) if scored else None
    lines = [f"Run {check.run_id}", *goal_check.texts(check)] if check else ["No run has a score yet."]
    document = {"accuracy": found.accuracy, "max_gap": found.max_gap}
    emit(as_json, {**document, "check": check.to_json() if check else None}, "\n".join(lines))

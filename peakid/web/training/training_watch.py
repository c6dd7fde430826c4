"""A training or LR finder while it runs and after it has ended: curves, warnings, and a link to its score."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.dataset import snapshot as datasets
from peakid.evaluate import charts, score_text
from peakid.jobs.arguments import RecipeArguments
from peakid.jobs.job import Job
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Run, Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web import names, navigation, session, theme, words
from peakid.web.jobs import job_panel, progress
from peakid.web.training import rate_panel, sample_panel, schedule_panel, trainings


def show(workspace: Workspace, job: Job, snapshots: Mapping[str, Snapshot]) -> None:
    """Draw a job with its heading; redrawn each second while it runs.

    Args:
        snapshots: By digest.
    """
    run = runs.of_job(workspace, job.job_id)
    arguments = job.arguments_as(RecipeArguments)
    title = f"Run {run.run_id}" if run else job_panel.name(job)
    st.header(f"{title}: {names.recipe_summary(arguments.recipe)}")
    st.caption(session.plain(_details(job, run, trainings.snapshot_name(arguments.snapshot, snapshots))))
    frozen = snapshots.get(arguments.snapshot)
    if frozen is not None and (warning := datasets.compared(frozen).warning):
        st.caption(f":material/warning: {warning}")
    body = rate_panel.show_found if job.kind == "lr-find" else lambda job: show_learning(workspace, job)
    job_panel.show(workspace, job, body=body)


def show_learning(workspace: Workspace, job: Job) -> None:
    """Draw a training from the top: sample predictions, curves, warnings, and the link to its score."""
    run = runs.of_job(workspace, job.job_id)
    if run is None:
        return
    epochs = runs.epochs(workspace, run.run_id)
    sample_panel.show(workspace, run.run_id)
    show_curves(run, epochs)
    for warning in run.warnings:
        st.warning(session.plain(warning.text))
    show_next_step(run)


def show_curves(run: Run, epochs: Sequence[EpochMetrics]) -> None:
    """Draw loss, accuracy and learning rate over the epochs; for a linear head, which has one, its score."""
    if not epochs:
        return
    has_rates = schedule_panel.has_rates(epochs, Recipe.model_validate(run.recipe))
    if len(epochs) == 1 and run.recipe.get("method") == "linear-head" and not has_rates:
        accuracy = score_text.percent(epochs[0].accuracy)
        st.markdown(f"**Validation accuracy {accuracy}, loss {epochs[0].valid_loss:.2f}.**")
        return
    figure = charts.training_curves(epochs, theme=theme.current())
    theme.plot(figure.update_layout(title=_finding(epochs, run)), key=f"curves:{run.run_id}")
    if has_rates:
        with st.expander("Learning rate", icon=":material/stacked_line_chart:"):
            schedule_panel.show_reached(run, epochs)


def show_next_step(run: Run) -> None:
    """Draw what a finished run started from, and the button that leads to its score."""
    if run.best_epoch is None:
        return
    st.caption(session.plain(f"Started from {run.started_from}, on {run.trained_on}."))
    if st.button(f"Evaluate run {run.run_id}", type="primary"):
        navigation.go("evaluate", run=str(run.run_id))


def _details(job: Job, run: Run | None, snapshot: str) -> str:
    seconds = run.seconds if run and run.seconds else job.seconds  # As in the table of runs.
    took = f", took {progress.duration(seconds)}" if job.state == "done" else ""
    return f"{snapshot}, started {words.ago(job.created_at)} by {words.who(job.actor)}{took}"


def _finding(epochs: Sequence[EpochMetrics], run: Run) -> str:
    """Return which epoch is kept: the one with the lowest loss, which may not have the highest accuracy."""
    best = min(epochs, key=lambda each: each.valid_loss)
    kept = "is kept" if run.best_epoch else "is the best so far"
    accuracy = score_text.percent(best.accuracy)
    return f"Epoch {best.epoch} {kept}: lowest validation loss {best.valid_loss:.2f}, accuracy {accuracy}"

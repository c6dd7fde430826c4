"""A training or a search as it runs and once it has ended: curves, rate, what to mind, and the way on."""

from collections.abc import Sequence

import streamlit as st

from peakid.evaluate import charts
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Job, Run
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.web import names, navigation, session, theme, words
from peakid.web.jobs import job_panel, progress
from peakid.web.training import rate_panel, sample_panel, schedule_panel


def show(workspace: Workspace, job: Job, snapshot_name: str) -> None:
    """Draw a job with its heading; redrawn each second while it runs."""
    run = runs.of_job(workspace, job.job_id)
    st.subheader(
        f"{f'Run {run.run_id}' if run else job_panel.name(job)}: {names.recipe(job.arguments['recipe'])}"
    )
    name = names.short_snapshot(snapshot_name, job.arguments["snapshot"])
    took = f", took {progress.duration(job.seconds)}" if job.state == "done" else ""
    st.caption(
        f"Snapshot {session.plain(name)}, asked for {words.ago(job.created_at)} by {session.plain(words.who(job.actor))}{took}"
    )
    body = rate_panel.show_found if job.kind == "lr-find" else lambda job: show_learning(workspace, job)
    job_panel.show(workspace, job, body=body)


def show_learning(workspace: Workspace, job: Job) -> None:
    """Draw what a training has to show, from the top: what it does now, how it learns, what to mind, the way on."""
    run = runs.of_job(workspace, job.job_id)
    if run is None:
        return
    epochs = runs.epochs(workspace, run.run_id)
    sample_panel.show(workspace, run.run_id)
    show_curves(run, epochs)
    for warning in run.warnings:
        st.warning(session.plain(warning.text))
    show_way_on(run)


def show_curves(run: Run, epochs: Sequence[EpochMetrics]) -> None:
    """Draw loss, accuracy and rate over the epochs; a linear head has one, which is no curve."""
    if not epochs:
        return
    has_rates = schedule_panel.has_rates(epochs, Recipe.model_validate(run.recipe))
    if len(epochs) == 1 and run.recipe.get("method") == "linear-head" and not has_rates:
        st.markdown(
            f"**Accuracy {epochs[0].accuracy:.0%} on valid, loss {epochs[0].valid_loss:.2f}.** One linear layer, solved at once."
        )
        return
    figure = charts.training_curves(epochs, theme=theme.current())
    theme.plot(figure.update_layout(title=_finding(epochs, run)), key=f"curves:{run.run_id}")
    if has_rates:
        with st.expander("Learning rate", icon=":material/stacked_line_chart:"):
            schedule_panel.show_reached(run, epochs)


def show_way_on(run: Run) -> None:
    """Say what the run started from, and lead to its score."""
    if run.best_epoch is not None:
        st.caption(session.plain(f"Started from {run.started_from}, on {run.device}."))
        if st.button(f"Evaluate run {run.run_id}", type="primary"):
            navigation.go("evaluate", run=str(run.run_id))


def _finding(epochs: Sequence[EpochMetrics], run: Run) -> str:
    """Name the epoch that is kept: the one with the lowest loss, which need not have the highest accuracy."""
    best = min(epochs, key=lambda each: each.valid_loss)
    kept = "is kept" if run.best_epoch else "is the best so far"
    return f"Epoch {best.epoch} {kept}: loss {best.valid_loss:.2f} on valid, the lowest; accuracy {best.accuracy:.0%}"

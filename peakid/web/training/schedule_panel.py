"""Phases and learning rate: the table of phases, the planned learning rate, and the LR finder."""

from collections.abc import Sequence

import streamlit as st

from peakid.evaluate import training_charts
from peakid.jobs.job import Job
from peakid.recipe import schedule
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Run
from peakid.store.workspace import Workspace
from peakid.web import session, theme
from peakid.web.training import phase_editor, rate_panel, recipe_draft


def show(workspace: Workspace, digest: str, searches: Sequence[Job]) -> None:
    """Draw phases, planned learning rate and LR finder, or the error of a value that does not fit.

    Args:
        digest: Of the snapshot that the LR finder runs on.
        searches: Earlier jobs of the LR finder, newest first.
    """
    has_phases = recipe_draft.values()["phases"] is not None
    with st.expander("Phases and learning rate", icon=":material/stacked_line_chart:", expanded=has_phases):
        phase_editor.show()
        recipe, error = recipe_draft.checked()
        if error is not None and has_phases:
            session.show_error(error)
        elif recipe is not None and (rates := recipe_draft.planned_rates(recipe)):
            theme.plot(training_charts.planned_rates(rates, theme=theme.current()), key="schedule:planned")
        elif recipe is not None:
            st.caption("A linear head is solved directly: it has no epochs and no learning rate.")
        with st.container(horizontal=True, vertical_alignment="center"):
            rate_panel.offer(workspace, recipe, digest)
            rate_panel.show_earlier(searches)


def has_rates(epochs: Sequence[EpochMetrics], recipe: Recipe) -> bool:
    """Return whether a run follows one LR schedule; folds repeat it, and a linear head has none."""
    return not recipe.folds and any(each.learning_rate > 0 for each in epochs)


def show_reached(run: Run, epochs: Sequence[EpochMetrics]) -> None:
    """Draw the learning rate of a run that `has_rates`, with the epoch it has reached."""
    recipe = Recipe.model_validate(run.recipe)
    done = [each.phase for each in epochs]
    phases = recipe.planned(is_pretrained=_was_pretrained(run, recipe, done))
    if rates := schedule.over_epochs(phases, done, has_ended=run.finished_at is not None):
        figure = training_charts.planned_rates(rates, n_done=len(done), theme=theme.current())
        theme.plot(figure, key=f"schedule:{run.run_id}")


def _was_pretrained(run: Run, recipe: Recipe, done: Sequence[str]) -> bool:
    """Return whether a run started from pretrained weights.

    A run records that when it ends; until then its first phase tells.
    """
    if run.starting_weights is not None:
        return run.starting_weights.is_pretrained
    return recipe.pretrained != "none" and done[:1] != ["scratch"]

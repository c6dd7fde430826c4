"""What the learning rate will do over the epochs: drawn before it runs, with the phases to edit and the rate to search for."""

from collections.abc import Sequence

import streamlit as st

from peakid.evaluate import training_charts
from peakid.recipe import schedule
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Job, Run
from peakid.store.workspace import Workspace
from peakid.web import theme
from peakid.web.training import phase_editor, rate_panel, recipe_draft


def show(workspace: Workspace, digest: str, searches: Sequence[Job]) -> None:
    """Draw phases, planned rate and the search for one; what does not fit is said at once.

    Args:
        digest: Of the snapshot to search on.
        searches: Earlier ones, newest first.
    """
    has_phases = recipe_draft.values()["phases"] is not None
    with st.expander("Phases and learning rate", icon=":material/stacked_line_chart:", expanded=has_phases):
        phase_editor.show()
        recipe, error = recipe_draft.checked()
        if error is not None and has_phases:
            recipe_draft.show_problem(error)
        elif recipe is not None and (lines := recipe_draft.lines(recipe)):
            theme.plot(training_charts.planned_rates(lines, theme=theme.current()), key="schedule:planned")
        elif recipe is not None:
            st.caption("A linear head is solved at once: there are no epochs, and no rate to choose.")
        with st.container(horizontal=True, vertical_alignment="center"):
            rate_panel.ask(workspace, recipe, digest)
            rate_panel.show_earlier(searches)


def has_rates(epochs: Sequence[EpochMetrics], recipe: Recipe) -> bool:
    """Tell whether a run walks through a schedule: folds do so again and again, a linear head is solved at once."""
    return not recipe.folds and any(each.learning_rate > 0 for each in epochs)


def show_reached(run: Run, epochs: Sequence[EpochMetrics]) -> None:
    """Draw the rate of a run that `has_rates`, with the epoch that it has reached."""
    recipe = Recipe.model_validate(run.recipe)
    done = [each.phase for each in epochs]
    phases = recipe.planned(is_pretrained=_was_pretrained(run, recipe, done))
    if lines := schedule.over_epochs(phases, done, has_ended=run.finished_at is not None):
        figure = training_charts.planned_rates(lines, n_done=len(done), theme=theme.current())
        theme.plot(figure, key=f"schedule:{run.run_id}")


def _was_pretrained(run: Run, recipe: Recipe, done: Sequence[str]) -> bool:
    """Tell from the run, which says it at its end, or from the phases it went through before."""
    if run.starting_weights is not None:
        return run.starting_weights.is_pretrained
    return recipe.pretrained != "none" and done[:1] != ["scratch"]

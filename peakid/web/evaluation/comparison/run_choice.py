"""The runs that a run is compared with: a menu of several, kept in the address."""

from collections.abc import Mapping

import streamlit as st

from peakid.evaluate.comparing.compare import MOST_RUNS
from peakid.records import Run
from peakid.store import run_predictions, runs
from peakid.web import address, choices, names, words
from peakid.web.evaluation.view import EvaluationView

_NAME = "against"
_KEY = "compare:against"


def choose(view: EvaluationView) -> list[Run]:
    """Draw the menu and return the chosen runs, oldest first: the run before this one at first."""
    options = comparable(view)
    if not options:
        st.info("No other run has predictions for these images yet. Train another one to compare them.")
        return []
    given = [str(each) for each in address.numbers(_NAME, what="run numbers")]
    chosen = [each for each in given if each in options]
    if given and not chosen:
        address.ignore(_NAME, "there is no such run to compare with")
    earlier = next((each for each in options if int(each) < view.run.run_id), next(iter(options)))
    wanted = chosen or [earlier]
    if st.session_state.get(_KEY) != wanted:
        st.session_state[_KEY] = wanted

    def label(option: str) -> str:
        return words.shown(names.run_option(options[option]))

    choices.keep(_KEY, list(options), label, several=True)
    st.multiselect(
        "Compared with",
        list(options),
        format_func=label,
        key=_KEY,
        max_selections=MOST_RUNS - 1,
        on_change=_write,
        help="Several runs are compared at once, on the images that all of them were scored on.",
    )
    return sorted((options[each] for each in wanted), key=lambda run: run.run_id)


def comparable(view: EvaluationView) -> Mapping[str, Run]:
    """Return the other runs with predictions for the split by their id, newest first; they need no model."""
    return {
        str(run.run_id): run
        for run in runs.list_runs(view.workspace)
        if run.run_id != view.run.run_id
        and run_predictions.has_pred_probs(view.workspace, run.run_id, view.split)
    }


def _write() -> None:
    address.write(**{_NAME: ",".join(st.session_state[_KEY]) or None})

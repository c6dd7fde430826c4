"""The tab Compare: the run beside another one, on the same images."""

import streamlit as st

from peakid.errors import PeakidError
from peakid.web import address, names, session
from peakid.web.evaluation.comparison import run_comparison
from peakid.web.evaluation.view import EvaluationView


def show(view: EvaluationView) -> None:
    """Draw the comparison with the run chosen here: the one before it at first."""
    others = {str(each.run_id): each for each in view.others}
    if not others:
        st.info("There is no other run yet. Train another one to compare them.")
        return
    earlier = next((each for each in others if int(each) < view.run.run_id), None)
    other = address.select(
        "Compared with",
        "against",
        list(others),
        default=earlier,
        format_func=lambda each: names.run_option(others[each]),
    )
    try:
        run_comparison.show(view.workspace, others[other], view.run, actor=view.actor)
    except PeakidError as error:
        session.show_error(error)

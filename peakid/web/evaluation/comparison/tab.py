"""The tab Compare: the run beside others on the same images, and what decisions bought."""

import streamlit as st

from peakid.errors import PeakidError
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.records import Run
from peakid.web import address, names, session
from peakid.web.evaluation import figures_panel
from peakid.web.evaluation.comparison import (
    class_changes,
    decisions_panel,
    findings,
    run_choice,
    setting_table,
    walls,
)
from peakid.web.evaluation.comparison.compared_now import compared_now
from peakid.web.evaluation.view import EvaluationView


def show(view: EvaluationView) -> None:
    """Draw the comparison with the runs chosen here: the one before it at first."""
    others = run_choice.choose(view)
    if others and _may_look(view, others):
        try:
            _show_compared(view, others)
        except PeakidError as error:
            session.show_error(error)
    decisions_panel.show(view)


def _show_compared(view: EvaluationView, others: list[Run]) -> None:
    stored = compared_now(view, [*others, view.run])
    if not stored.is_current:
        figures_panel.show_part_outdated(view.workspace, view.run, view.figures, "These comparisons")
    findings.show(stored.found)
    other = others[0] if len(others) == 1 else _choose_pair(view, others)
    pair = stored if len(others) == 1 else compared_now(view, [other, view.run])
    _show_pair(view, other, pair.found)
    setting_table.show(view.workspace, [*others, view.run])


def _show_pair(view: EvaluationView, other: Run, pair: RunsCompared) -> None:
    """Draw which images and which classes changed from the other run to this one."""
    walls.show(view.workspace, pair)
    st.header(f"Classes, from run {other.run_id} to run {view.run.run_id}")
    class_changes.show(pair)


def _choose_pair(view: EvaluationView, others: list[Run]) -> Run:
    st.header("In detail")
    by_id = {str(each.run_id): each for each in others}
    chosen = address.segments(
        "In detail",
        "pair",
        list(by_id),
        default=str(others[-1].run_id),
        format_func=lambda each: f"{names.run_name(int(each))} and {names.run_name(view.run).lower()}",
    )
    return by_id[chosen]


def _may_look(view: EvaluationView, others: list[Run]) -> bool:
    """Return whether the scores may be shown: on test only after a click, which is counted for each run."""
    if view.split != "test":
        return True
    key = f"compare:test:{sorted(run.run_id for run in [*others, view.run])}"
    if st.session_state.get(key):
        return True
    st.markdown(
        "Comparing on test is a look at the test score of each of these runs, and is counted. Runs that are"
        " chosen by it have a score that is too optimistic."
    )
    if st.button("Compare on test", icon=":material/visibility:"):
        st.session_state[key] = True
        st.rerun()
    return False

"""The tab Trust: scores with intervals, calibration, the threshold of exports, sets, and new photos."""

import streamlit as st

from peakid.evaluate.trust import stored_trust
from peakid.evaluate.trust.stored_trust import TrustFigures
from peakid.store.evaluation import operating_points
from peakid.web import session
from peakid.web.evaluation import figures_panel
from peakid.web.evaluation.trust import photos_panel, score_table, sets_panel, threshold_panel
from peakid.web.evaluation.view import EvaluationView


def show(view: EvaluationView) -> None:
    """Draw how far the run can be trusted on the split, by its plain predictions, from stored figures."""
    found = stored_trust.of_run(view.workspace, view.run, view.split)
    if found is None:
        figures_panel.show_missing(view.workspace, view.run, "The figures of this tab")
        return
    if not found.is_current:
        figures_panel.show_part_outdated(view.workspace, view.run, view.figures, "The figures of this tab")
    _show_found(view, found)


def _show_found(view: EvaluationView, found: TrustFigures) -> None:
    point = operating_points.of_run(view.workspace, view.run.run_id)
    report = found.at(point, n_test_looks=view.scored.n_test_looks)
    if view.scored.tta:
        st.caption("These figures are without test-time augmentation, as exports predict.")
    for note in report.notes:
        st.caption(session.plain(note))
    score_table.show(report)
    left, right = st.columns(2, gap="large")
    with left:
        score_table.show_calibration(report)
    with right:
        threshold_panel.show(view, report, found)
    st.header("Prediction sets")
    sets_panel.show(view, found.sets)
    if view.run.has_model:
        st.header("New photos")
        photos_panel.show(view, point, found)

"""The tab Trust: scores with intervals, calibration, the threshold of exports, sets, and new photos."""

import streamlit as st

from peakid.evaluate import scored_images
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import trust_report
from peakid.evaluate.trust.trust_report import TrustReport
from peakid.store import run_predictions
from peakid.store.evaluation import operating_points
from peakid.web import session
from peakid.web.evaluation.trust import photos_panel, score_table, sets_panel, threshold_panel
from peakid.web.evaluation.view import EvaluationView

_KEPT = "trust:report"  # Session state: the newest report, and what it is of.


def show(view: EvaluationView) -> None:
    """Draw how far the run can be trusted on the split, by its plain predictions."""
    images = _plain_images(view)
    found = _report(view, images)
    if view.scored.tta:
        st.caption("These figures are without test-time augmentation, as exports predict.")
    for note in found.notes:
        st.caption(session.plain(note))
    score_table.show(found)
    left, right = st.columns(2, gap="large")
    with left:
        score_table.show_calibration(found)
    with right:
        threshold_panel.show(view, found, images)
    st.header("Prediction sets")
    sets_panel.show(view, found, images)
    if view.run.has_model:
        st.header("New photos")
        photos_panel.show(view, found.point, images)


def _plain_images(view: EvaluationView) -> ScoredImages:
    if view.scored.tta is None:
        return view.images
    return scored_images.load(view.workspace, view.run, view.split)


def _report(view: EvaluationView, images: ScoredImages) -> TrustReport:
    """Return the report of the split, computed again only where something has changed."""
    point = operating_points.of_run(view.workspace, view.run.run_id)
    remarks = images.also_shows.tobytes()
    key = (str(view.workspace.path), view.run.run_id, view.split, len(images), point, remarks)
    kept = st.session_state.get(_KEPT)
    if kept is None or kept[0] != key:
        is_refit = run_predictions.has_pred_probs(view.workspace, view.run.run_id, run_predictions.REFIT)
        found = trust_report.of_images(
            images,
            trust_report.fitting_images(view.workspace, view.run, view.split),
            point=point,
            n_test_looks=view.scored.n_test_looks,
            is_refit=is_refit,
        )
        st.session_state[_KEPT] = kept = key, found
    return kept[1]

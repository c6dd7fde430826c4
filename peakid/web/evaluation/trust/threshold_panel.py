"""The threshold below which exports abstain: a slider on validation, and what the chosen one does on test."""

import streamlit as st

from peakid.curate.queues import selections
from peakid.errors import PeakidError
from peakid.evaluate.trust import operating_point, trust_charts, trust_text
from peakid.evaluate.trust.selective import Coverage
from peakid.evaluate.trust.stored_trust import TrustFigures
from peakid.evaluate.trust.trust_report import TrustReport
from peakid.store.evaluation.operating_points import OperatingPoint
from peakid.web import navigation, session, theme, words
from peakid.web.evaluation.view import EvaluationView

DEFAULT = 0.8
ACCURACY_TIP = (
    "The lowest threshold above which the answers are right at least this often, with 95 % certainty."
)


def show(view: EvaluationView, found: TrustReport, stored: TrustFigures) -> None:
    """Draw coverage against accuracy; on validation, with the means to choose a threshold."""
    st.header("Threshold")
    if view.split == "valid" and view.run.has_model:
        _choose(view, found, stored)
        return
    theme.plot(trust_charts.risk_coverage(found.curve, found.at_point, theme=theme.current()), key="coverage")
    if not view.run.has_model:
        st.caption("This run has no model here, so that there is no export with a threshold.")
    elif found.point is None:
        st.caption("No threshold is chosen. Choose one on validation, so that this split can judge it.")
    else:
        st.caption(f"The threshold was chosen on validation. {_in_exports(found.point)}")


@st.fragment
def _choose(view: EvaluationView, found: TrustReport, stored: TrustFigures) -> None:
    point = found.point
    temperature = stored.temperature_of(point)
    key = f"trust:threshold:{view.run.run_id}"
    st.session_state.setdefault(key, round(point.threshold, 2) if point else DEFAULT)
    place = st.container()
    threshold = st.slider("Answer from this confidence on", 0.0, 1.0, step=0.01, key=key)
    if point is not None and threshold == round(point.threshold, 2):
        threshold = point.threshold  # A chosen one has more decimals than the slider.
    at = stored.answers.at(threshold, temperature)
    with place:
        theme.plot(trust_charts.risk_coverage(found.curve, at, theme=theme.current()), key="coverage")
    is_in_use = point is not None and threshold == point.threshold
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button("Use this threshold in exports", icon=":material/check:", disabled=is_in_use):
            _set(view, threshold, temperature != 1)
        if point is not None and st.button("Remove the threshold", type="tertiary"):
            operating_point.remove(view.workspace, view.run.run_id)
            st.rerun()
    _offer_review(view, stored, at, temperature)
    _choose_for_accuracy(view)
    st.caption(_in_exports(point) if point else "No threshold is chosen: exports answer every photo.")
    if error := st.session_state.pop(_error_key(view), None):
        session.show_error(error)


def _offer_review(view: EvaluationView, stored: TrustFigures, at: Coverage, temperature: float) -> None:
    """Draw a button that opens the images which are answered wrong, the surest first."""
    if not at.n_wrong:
        return
    label = f"Review the {words.n_of(at.n_wrong, 'wrong answer')}"
    if st.button(label, icon=":material/arrow_forward:", type="tertiary", key="trust:review"):
        chosen = stored.answers.wrong(at.threshold, temperature)[: selections.MOST_IMAGES]
        queue = selections.create(view.workspace, chosen, actor=view.actor, run_id=view.run.run_id)
        navigation.go("review", queue=queue)


def _choose_for_accuracy(view: EvaluationView) -> None:
    with st.expander("Choose it for an accuracy"), st.form("trust:accuracy", border=False):
        percent = st.number_input(
            "Accuracy of the answers, percent", 50.0, 99.9, 95.0, step=1.0, format="%.1f", help=ACCURACY_TIP
        )
        is_calibrated = st.checkbox(
            "Scale the probabilities by the fitted temperature",
            help="Exports then predict with probabilities that are less or more certain.",
        )
        if st.form_submit_button("Choose the threshold"):
            _choose_for(view, percent / 100, is_calibrated)
            st.rerun()


def _choose_for(view: EvaluationView, accuracy: float, is_calibrated: bool) -> None:
    try:
        chosen = operating_point.choose_for_accuracy(
            view.workspace, view.run.run_id, accuracy, is_calibrated=is_calibrated, actor=view.actor
        )
    except PeakidError as error:
        st.session_state[_error_key(view)] = error
    else:
        st.session_state.pop(f"trust:threshold:{view.run.run_id}", None)
        st.toast(f"Exports made from now on abstain below {chosen.threshold:.3f}.")


def _set(view: EvaluationView, threshold: float, is_calibrated: bool) -> None:
    try:
        operating_point.set_threshold(
            view.workspace, view.run.run_id, threshold, is_calibrated=is_calibrated, actor=view.actor
        )
    except PeakidError as error:
        st.session_state[_error_key(view)] = error
    st.rerun()


def _error_key(view: EvaluationView) -> str:
    return f"trust:error:{view.run.run_id}"


def _in_exports(point: OperatingPoint) -> str:
    target = "" if point.target is None else f", chosen for an accuracy of {100 * point.target:g} %"
    scaled = trust_text.scaled(point)
    return f"Exports made from now on abstain below {point.threshold:.3f}{scaled}{target}."

"""What the Evaluate page says of judgements: it follows those made on the page, without another run of it."""

from dataclasses import replace

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.evaluate import figures
from peakid.web import session
from peakid.web.evaluation import figures_panel, finding_panel, run_notes
from peakid.web.evaluation.view import EvaluationView

KEY, IMAGES = "evaluate:sentences", "evaluate:images"  # Of the fragments; the images are judged by key.
_HAS_JUDGED = "evaluate:judged"  # Session state: images were judged since the whole page ran.


def show(view: EvaluationView) -> None:
    """Draw what matters most, and the warnings. A run of the whole page draws them from `view` alone."""
    st.session_state.pop(_HAS_JUDGED, None)
    _show(view)


@st.fragment(key=KEY)
def _show(view: EvaluationView) -> None:
    with session.reported():  # An error inside a fragment does not reach the shell.
        now = _renewed(view) if st.session_state.get(_HAS_JUDGED) else view
        figures_panel.show_outdated(now.workspace, now.run, now.figures)
        frozen = snapshots.show(now.workspace, now.run.snapshot_digest)
        finding_panel.show(now, frozen)
        run_notes.show_warnings(now.workspace, now.run, now.scored, n_leaks=frozen.n_leaks)


def follow() -> None:
    """Run the images first, which acknowledges the keys, then the sentences. Call it in a callback, last."""
    st.session_state[_HAS_JUDGED] = True
    st.rerun([IMAGES, KEY])


def _renewed(view: EvaluationView) -> EvaluationView:
    with_tta = view.scored.tta is not None
    found = figures.of_run(view.workspace, view.run, view.split, with_tta=with_tta)
    return replace(view, figures=found or view.figures)

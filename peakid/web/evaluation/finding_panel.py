"""The first thing that the Evaluate page says: one sentence and one button."""

import streamlit as st

from peakid.curate.queues import review_queue, selections
from peakid.evaluate import finding
from peakid.evaluate.finding import Finding, Surroundings
from peakid.records import Snapshot
from peakid.web import address, navigation, session
from peakid.web.evaluation.view import EvaluationView


def show(view: EvaluationView, frozen: Snapshot) -> None:
    """Draw what matters most about the run, and the button that does something about it.

    Args:
        frozen: The snapshot that the run was trained on.
    """
    around = Surroundings(frozen.splits, frozen.n_leaks, is_imported=view.run.is_imported)
    found = finding.choose(view.figures, around)
    with (
        st.container(border=True, key="finding"),
        st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"),
    ):
        st.markdown(f"**{session.plain(found.sentence)}**", width="content")
        if st.button(session.plain(found.button), type="primary", key=f"finding:{found.kind}"):
            _act(view, found)


def _act(view: EvaluationView, found: Finding) -> None:
    run = str(view.run.run_id)
    if found.target == "confusion" and found.confused and not view.scored.tta:
        queue = review_queue.confusion_queue(view.run.run_id, view.split, *found.confused)
        navigation.go("review", queue=queue)
    elif found.target == "confusion" and found.confused:
        given, predicted = found.confused
        address.write(tta=None, given=given, predicted=predicted)  # Queues hold the plain predictions.
        st.rerun()
    elif found.target == "images":
        queue = selections.create(view.workspace, found.image_ids, actor=view.actor, run_id=view.run.run_id)
        navigation.go("review", queue=queue)
    elif found.target == "test":
        address.write(split="test", given=None, predicted=None)
        st.rerun()
    elif found.target == "compare":
        address.write(tab="compare")
        st.rerun()
    elif found.target == "class":
        navigation.go("review", queue=review_queue.class_queue(found.class_name))
    else:
        navigation.go(found.target, **({"run": run} if found.target == "models" else {}))

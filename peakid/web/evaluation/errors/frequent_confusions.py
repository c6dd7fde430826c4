"""The most frequent confusions of a run, each a row that opens its images in Review."""

from dataclasses import dataclass

import streamlit as st

from peakid.curate.queues import review_queue
from peakid.evaluate.errors import confusion
from peakid.evaluate.report import EvaluationReport
from peakid.web import navigation, session

N_ROWS = 10
_OPENED = "confusions:opened"  # Session state, until the next run: pages cannot be switched in a callback.


@dataclass(frozen=True)
class Row:
    """One confusion: what its row says, and its queue."""

    markdown: str
    queue: str


def rows(scored: EvaluationReport) -> list[Row]:
    """Return the most frequent confusions, with their texts as Markdown."""
    names, totals = scored.class_names, scored.confusion.sum(axis=1)
    return [
        Row(
            f"**{session.plain(names[given])}** taken for **{session.plain(names[predicted])}**: "
            f"{scored.confusion[given, predicted]:,} of {totals[given]:,}",
            review_queue.confusion_queue(scored.run_id, scored.split, names[given], names[predicted]),
        )
        for given, predicted in confusion.most_frequent(scored.confusion, N_ROWS)
    ]


def show(scored: EvaluationReport) -> None:
    """Draw the rows; with test-time augmentation, whose predictions queues do not hold, as text."""
    if queue := st.session_state.pop(_OPENED, None):
        navigation.go("review", queue=queue)
    found = rows(scored)
    if not found:
        return
    st.header("Most frequent confusions")
    if scored.tta:
        st.markdown("  \n".join(row.markdown for row in found))
        return
    with st.container(gap=None):
        for row in found:
            st.button(
                row.markdown,
                key=f"confusion:{row.queue}",
                icon=":material/arrow_forward:",
                type="tertiary",
                on_click=_open,
                args=(row.queue,),
            )
    st.caption("Click a row to review its images.")


def _open(queue: str) -> None:
    st.session_state[_OPENED] = queue

"""The queues one can judge, as chips with what waits in each; kinds of image issues beyond five fold away."""

import streamlit as st

from peakid.curate import image_issues, review_queue
from peakid.web import batch, session
from peakid.workspace import Workspace

N_ISSUE_CHIPS = 5  # More would push the pictures down.
_KEY = "queue"


def show(workspace: Workspace, asked: str) -> None:
    """Draw the chips with `asked` chosen; a click on another leads there and does not come back."""
    issues = [review_queue.issue_queue(kind) for kind, n in image_issues.counts(workspace).items() if n]
    shown = list(dict.fromkeys([*review_queue.FIXED_QUEUES, *issues[:N_ISSUE_CHIPS], asked]))
    folded = [queue for queue in issues if queue not in shown]
    said = {queue: f"{name(queue)} {review_queue.count(workspace, queue):,}" for queue in [*shown, *folded]}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state[_KEY] = asked  # The address has the last word.
        st.pills("Queue", shown, format_func=said.__getitem__, required=True, key=_KEY, label_visibility="collapsed", on_change=_follow)
        if folded:
            with st.popover(f"More {len(folded)}", width="content"):
                for queue in folded:
                    st.button(said[queue], key=f"to:{queue}", type="tertiary", on_click=_go, args=(queue,))


def name(queue: str) -> str:
    """Name a queue for people, safe to stand in Markdown."""
    kind, _, rest = queue.partition(":")
    if kind == "confusion":
        run_id, split, given, predicted = rest.split(":")
        return session.plain(f"{session.unquoted(given)} taken for {session.unquoted(predicted)} (run {run_id}, {split})")
    if kind == "issue":
        return rest.replace("_", " ").capitalize()
    return session.plain(rest if kind == "class" else queue.capitalize())


def _follow() -> None:
    _go(st.session_state[_KEY])


def _go(queue: str) -> None:
    st.query_params.from_dict({"queue": queue})
    batch.forget(queue)

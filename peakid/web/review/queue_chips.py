"""The queues one can judge, as chips with what waits in each: what is worth the time, the five fullest, the rest folded away."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate.queues import pace, review_queue
from peakid.curate.queues.queue_plans import unquoted
from peakid.curate.queues.review_queue import QueueCount
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.gallery import batch

N_CHIPS = 5  # More would push the pictures down.
_KEY = "queue"
_ALWAYS = ("recent", "sample", "all")  # Folded away, where they do not grow with every judgement.
_NAMES = {
    "worth": "Worth your time",
    "conflicts": "Conflicting labels",
    "model-disagrees": "Model disagrees",
    "uncertain": "Model is unsure",
    "recent": "Recently decided",
    "sample": "Random sample",
    "all": "All images",
}


def show(workspace: Workspace, asked: str) -> None:
    """Draw the chips with `asked` chosen; a click on another leads there and does not come back."""
    found = {each.queue: each for each in review_queue.offered(workspace)}
    if asked not in found:
        found[asked] = review_queue.count_up_to(workspace, asked, most=review_queue.MOST_ON_A_CHIP)
    n_others = N_CHIPS - (asked != review_queue.WORTH)
    fullest = [queue for queue in found if queue not in (review_queue.WORTH, asked)][:n_others]
    shown = [queue for queue in found if queue in (review_queue.WORTH, asked) or queue in fullest]
    said = {queue: _said(workspace, each) for queue, each in found.items()}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.session_state[_KEY] = asked  # The address has the last word.
        st.pills(
            "Queue",
            shown,
            format_func=lambda queue: words.chosen(said[queue], queue == asked),
            required=True,
            key=_KEY,
            label_visibility="collapsed",
            on_change=_follow,
        )
        _more(workspace, [each for queue, each in found.items() if queue not in shown], asked)


def name(queue: str) -> str:
    """Name a queue for people, safe to stand in Markdown."""
    kind, _, rest = queue.partition(":")
    if kind == "confusion" and rest.count(":") == 3:
        run_id, split, given, predicted = rest.split(":")
        return session.plain(f"{unquoted(given)} taken for {unquoted(predicted)} (run {run_id}, {split})")
    if kind == "issue":
        return rest.replace("_", " ").capitalize()
    return session.plain(rest if kind == "class" else _NAMES.get(kind, queue.capitalize()))


def told(n: int, is_more: bool) -> str:
    """Say a count: `1,000+` where counting stopped there."""
    return f"{n:,}{'+' if is_more else ''}"


def _said(workspace: Workspace, each: QueueCount) -> str:
    said = f"{name(each.queue)} {told(each.n, each.is_more)}"
    if each.queue != review_queue.WORTH or not each.n:
        return said
    minutes = pace.minutes(each.n, pace.seconds_an_image(workspace, actor=session.actor()))
    return f"{said} · {'over' if each.is_more else 'about'} {minutes} min"


def _more(workspace: Workspace, folded: Sequence[QueueCount], asked: str) -> None:
    with st.popover("More", icon=":material/more_horiz:", width="content"):
        for each in folded:
            st.button(
                _said(workspace, each),
                key=f"to:{each.queue}",
                type="tertiary",
                on_click=_go,
                args=(each.queue,),
            )
        for queue in _ALWAYS:
            if queue != asked:
                st.button(name(queue), key=f"to:{queue}", type="tertiary", on_click=_go, args=(queue,))
        counts = {each.queue: each.n for each in review_queue.by_class(workspace)}
        if counts:
            st.session_state[_CLASS] = asked if asked in counts else None
            st.selectbox(
                "One class",
                list(counts),
                format_func=lambda queue: f"{queue.partition(':')[2]} {counts[queue]:,}",
                placeholder="Choose a class",
                key=_CLASS,
                on_change=_follow_class,
            )


_CLASS = "queue:class"


def _follow() -> None:
    _go(st.session_state[_KEY])


def _follow_class() -> None:
    if st.session_state[_CLASS]:
        _go(st.session_state[_CLASS])


def _go(queue: str) -> None:
    """Open another queue at its front; filters stay, for they say what one is interested in."""
    st.query_params["queue"] = queue
    st.query_params.pop("after", None)
    batch.forget(queue)

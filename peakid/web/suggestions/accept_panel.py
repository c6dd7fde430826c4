"""Accept all suggestions above a threshold, take that back, and see how many of them an audit found wrong."""

import streamlit as st

from peakid import printable
from peakid.curate import decisions
from peakid.curate.queues import suggested
from peakid.errors import PeakidError
from peakid.store.workspace import Workspace
from peakid.suggest import accept
from peakid.suggest.accept import Accepted, Offer
from peakid.web import address, session, words
from peakid.web.gallery import bulk_notice, loaded_page
from peakid.web.gallery.bulk_notice import Done

_DONE = "accept:done"  # Session state: what the last run did.
_NOTED = "accept"  # Names the note of the step that was accepted last.
_TIP = (
    "The labels are recorded as given by the model, not as reviewed: they are trained on, and never in the "
    "validation or test split, where they would flatter the score. One undo takes all of them back."
)

_ORDER_TIP = (
    "Most likely first: quick to confirm. Most useful first: the labels that the model learns most from, "
    "of images that differ from each other."
)


def show(workspace: Workspace, queue: str) -> None:
    """Draw the slider with the button, the other order, and the audit of what was accepted last."""
    _show_done()
    percent = st.session_state.get("accept:percent", round(100 * accept.THRESHOLD))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        percent = st.slider(
            "Accept above",
            50,
            100,
            value=percent,
            format="%d %%",
            key="accept:percent",
            width=200,
            help=_TIP,
        )
        found = accept.offer(workspace, percent / 100)
        label = f"Accept {words.n_of(found.n_images, 'suggestion')} above {percent} %"
        if st.button(label, icon=":material/done_all:", disabled=not found.n_images):
            _accept(workspace, found, queue)
        st.caption(_offer_text(found), width=170)
        is_useful = queue == suggested.MOST_USEFUL
        other = suggested.SUGGESTIONS if is_useful else suggested.MOST_USEFUL
        order = "Most likely first" if is_useful else "Most useful first"
        st.button(
            order, type="tertiary", icon=":material/sort:", help=_ORDER_TIP, on_click=_open, args=(other,)
        )
    newest = accept.newest(workspace)
    if newest is not None:
        _show_accepted(workspace, newest)


def step(workspace: Workspace) -> Done | None:
    """Return what the button accepted last in this session, which the key Z of the grid takes back."""
    return bulk_notice.current(workspace, _NOTED)


def was_undone(workspace: Workspace) -> bool:
    """Return, once, whether that was undone meanwhile, so that its images wait again."""
    if not bulk_notice.is_noted(_NOTED) or step(workspace) is not None:
        return False
    for queue in (suggested.SUGGESTIONS, suggested.MOST_USEFUL):
        loaded_page.forget(queue)
    return True


def show_audit(workspace: Workspace, queue: str) -> None:
    """Draw the result so far of the audit that is judged in this queue."""
    audit = accept.of_queue(workspace, queue)
    if audit is not None:
        _show_accepted(workspace, audit, is_open=True)


def _offer_text(found: Offer) -> str:
    if not found.n_images and not found.n_test:
        return "No suggestion is as sure as that."
    expected = printable.percent(found.expected_error, decimals=1).replace(" ", "\u00a0")
    text = f"Expected to be wrong: {expected}." if found.n_images else ""
    if found.n_test:
        verb = "is" if found.n_test == 1 else "are"
        text += f" {words.n_of(found.n_test, 'test image')} {verb} left for you."
    return text.strip()


def _show_accepted(workspace: Workspace, audit: Accepted, *, is_open: bool = False) -> None:
    what = f"Accepted {words.n_of(audit.n_images, 'suggestion')} above {100 * audit.threshold:.0f} %."
    result = "Undone." if audit.is_undone else f"{accept.audit_text(audit)}."
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/fact_check: {session.plain(f'{what} {result}')}", width="content")
        if is_open:
            st.button("Back to suggestions", type="tertiary", on_click=_open, args=(suggested.SUGGESTIONS,))
        elif audit.n_judged < audit.n_sample:
            n_left = audit.n_sample - audit.n_judged
            st.button(
                f"Judge {n_left} of them", icon=":material/casino:", on_click=_open, args=(audit.queue,)
            )
        if not audit.is_undone:
            st.button("Undo", key=f"undo:accept:{is_open}", on_click=_undo, args=(workspace, audit))


def _accept(workspace: Workspace, found: Offer, queue: str) -> None:
    event_id = bulk_notice.new_event_id()
    try:
        step = accept.accept(
            workspace, found.threshold, at_most=found.n_images, actor=session.actor(), event_id=event_id
        )
    except PeakidError as error:
        session.show_error(error)
        return
    text = f"accepted {words.n_of(step.n_images, 'suggestion')} above {100 * found.threshold:.0f} %"
    bulk_notice.note(_NOTED, Done(event_id, text, tuple(each.digest for each in step.decisions)))
    loaded_page.forget(queue)
    st.rerun()


def _undo(workspace: Workspace, audit: Accepted) -> None:
    try:
        step = decisions.undo(workspace, actor=session.actor(), step_id=audit.step_id)
    except PeakidError as error:
        st.session_state[_DONE] = str(error)
        return
    kept = (
        f" {words.n_of(len(step.conflicts), 'image')} that was judged since stays." if step.conflicts else ""
    )
    st.session_state[_DONE] = f"Took back {words.n_of(len(step.decisions), 'label')}.{kept}"
    for queue in (suggested.SUGGESTIONS, suggested.MOST_USEFUL, audit.queue):
        loaded_page.forget(queue)


def _show_done() -> None:
    if text := st.session_state.pop(_DONE, None):
        st.markdown(f":material/undo: {session.plain(text)}")


def _open(queue: str) -> None:
    address.write(queue=queue, after=None)
    loaded_page.forget(queue)

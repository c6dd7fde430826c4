"""The steps of the history, one per row: who changed what, in which queue, and a button to undo it."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from peakid.curate import decisions, history, step_text
from peakid.curate.history import Change, HistoryStep
from peakid.errors import PeakidError
from peakid.records import StepResult
from peakid.store.workspace import Workspace
from peakid.web import address, session, words, workspace_address

ASK_FROM = 50  # Images. Undoing a larger step is confirmed first, because its effect is hard to see.
WIDTHS = (0.9, 1.8, 4.0, 1.5, 1.9)
_THUMBNAIL = "width:100%;max-width:64px;height:44px;object-fit:cover;border-radius:4px;display:block"
_SECOND = "opacity:.7;font-size:.85em"  # What is read second.
_DONE = "history:done"


def show(workspace: Workspace, steps: Sequence[HistoryStep]) -> None:
    """Draw the steps, newest first."""
    for step in steps:
        _show_row(workspace, step)


def actor_option(actor: str) -> str:
    """Return an actor as an entry of a menu; an entry for all of them stays as it is."""
    return words.who(actor) if ":" in actor else actor


def queue_text(change: Change) -> str:
    """Return the queue in which the image was reviewed: `unreviewed`, `issue: dark`."""
    return str(change.basis.get("queue") or "").replace(":", ": ")[:60]


def undo(workspace: Workspace, step_id: int) -> None:
    """Undo one step; the next run of the page says what happened."""
    try:
        remember(workspace, decisions.undo(workspace, actor=session.actor(), step_id=step_id))
    except PeakidError as error:
        session.show_error(error)
        return
    st.rerun()


def remember(workspace: Workspace, undone: StepResult) -> None:
    """Keep the message about an undo for the next run of the page."""
    done = step_text.describe(history.step(workspace, undone.step_id)) if undone.step_id else "undid nothing"
    text = f"{done[:1].upper()}{done[1:]}. To do it again, undo that step under All steps."
    if undone.conflicts:
        first = next(iter(undone.standing.values()), None)
        text += f" {words.n_of(len(undone.conflicts), 'image')} not changed, because of a later decision"
        text += f": {words.standing(first)}" if first else "."
    st.session_state[_DONE] = text


def show_done() -> None:
    """Show the message about the last undo, once."""
    if text := st.session_state.pop(_DONE, None):
        st.success(session.plain(text), icon=":material/undo:")


def _show_row(workspace: Workspace, step: HistoryStep) -> None:
    cells = st.columns(WIDTHS, vertical_alignment="center")
    if digest := _first_digest(step):
        cells[0].html(f'<img src="{workspace_address.thumbnail(digest)}" alt="" style="{_THUMBNAIL}">')
    at = step.made_at[:19].replace("T", " ")
    who = f'<br><span style="{_SECOND}">{escape(words.who(step.actor))}</span>'
    when = f'<span title="{at} UTC, step {step.step_id}">{escape(words.ago(step.made_at))}</span>'
    cells[1].html(when + who)
    what = session.plain(step_text.describe(step))
    cells[2].markdown(what + ("  \n:gray[undone]" if step.is_undone else ""))
    if step.first and not step.merges:
        why = escape(str(step.first.basis.get("why") or ""), quote=True)
        cells[3].html(f'<span title="{why}" style="{_SECOND}">{escape(queue_text(step.first))}</span>')
    with cells[4].container(horizontal=True, horizontal_alignment="right", gap="small"):
        _show_buttons(workspace, step)


def _show_buttons(workspace: Workspace, step: HistoryStep) -> None:
    key = f"image:{step.step_id}"
    tip = "History of this image"
    digest = _first_digest(step)
    if digest and st.button("", icon=":material/image:", key=key, help=tip, type="tertiary"):
        address.write(image=digest)
        st.rerun()
    if step.is_undone:
        return
    if step.n_images <= ASK_FROM:
        if st.button("Undo", key=f"undo:{step.step_id}", icon=":material/undo:", type="tertiary"):
            undo(workspace, step.step_id)
        return
    with st.popover("Undo", icon=":material/undo:", type="tertiary", width="content"):
        st.markdown(
            f"This step changed **{step.n_images:,}** images. Images reviewed since then stay as they are."
        )
        if st.button("Undo this step", key=f"undo:{step.step_id}"):
            undo(workspace, step.step_id)


def _first_digest(step: HistoryStep) -> str | None:
    """Return the digest of the first image that a step, or the step it reverses, is about."""
    if step.first:
        return step.first.digest
    remarks = (step.original or step).remarks
    return remarks[0].digest if remarks else None

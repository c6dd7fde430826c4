"""The log on a page: one line a step, with what it changed, on what basis, and a button that takes it back."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from peakid.curate import decisions
from peakid.curate.history import Change, HistoryStep
from peakid.errors import PeakidError
from peakid.records import StepKind, StepResult
from peakid.store.workspace import Workspace
from peakid.web import address, session, words

ASK_FROM = 50  # Images: taking back more is asked before, for it is hard to see what it did.
WIDTHS = (0.9, 1.1, 1.4, 4.0, 1.5, 1.7)
_THUMBNAIL = "width:64px;height:44px;object-fit:cover;border-radius:4px;display:block"
_DONE = "history:done"
_VERBS: dict[StepKind, str] = {
    "import": "labelled",
    "decide": "judged",
    "undo": "took back",
    "redo": "did again",
}
_STATES = {"exclude": "excluded", "flag": "flagged", "clear": "not judged"}


def show(workspace: Workspace, steps: Sequence[HistoryStep]) -> None:
    """Draw the steps, newest first."""
    for step in steps:
        cells = st.columns(WIDTHS, vertical_alignment="center")
        if step.first:
            cells[0].html(f'<img src="/thumb/{step.first.digest}" alt="" style="{_THUMBNAIL}">')
        at = step.made_at[:19].replace("T", " ")
        cells[1].html(f'<span title="{at} UTC, step {step.step_id}">{escape(words.ago(step.made_at))}</span>')
        cells[2].markdown(session.plain(words.who(step.actor)))
        undone = "  \n:gray[taken back]" if step.is_undone else ""
        cells[3].markdown(told(step) + undone)
        if step.first and not step.merges:
            why = escape(str(step.first.basis.get("why") or ""), quote=True)
            cells[4].html(
                f'<span title="{why}" style="opacity:.7;font-size:.85em">{escape(basis(step.first))}</span>'
            )
        with cells[5].container(horizontal=True, horizontal_alignment="right", gap="small"):
            _show_actions(workspace, step)


def told(step: HistoryStep) -> str:
    """Say what a step changed: `dom → eiger`, `judged 12 images`, `merged moench into mönch`. Safe to stand in Markdown."""
    count = words.n_of(step.n_images, "image")
    parts = [
        f"merged {name} into {into}: {count}" if into else f"let {name} stand for itself: {count}"
        for name, into in step.merges
    ]
    if step.n_undone:
        parts.append(f"took back {words.n_of(step.n_undone, 'step')}")
    if step.n_pairs:
        parts.append(f"judged {words.n_of(step.n_pairs, 'pair')} of look-alikes")
    if step.first and step.n_images == 1 and not step.merges:
        parts.append(
            f"{_VERBS[step.kind]}: {change(step.first)}"
            if step.kind in ("undo", "redo")
            else change(step.first)
        )
    elif not parts or (step.n_images and not step.merges):
        parts.append(f"{_VERBS[step.kind]} {count}")
    return session.plain("; ".join(parts))


def change(one: Change) -> str:
    """Say from what to what: `dom → excluded (a map)`."""
    before = _state(one.from_verdict, one.from_label, one.from_reason)
    after = _state(one.verdict, one.label, one.reason)
    if before != after:
        return f"{before} → {after}"
    return after if one.undoes else f"{after}, confirmed"


def basis(one: Change) -> str:
    """Name the queue that was shown to whoever decided: `unreviewed`, `issue: dark`."""
    return str(one.basis.get("queue") or "").replace(":", ": ")[:60]


def take_back(workspace: Workspace, step_id: int) -> None:
    """Undo one step and say what came of it at the next drawing."""
    try:
        remember(decisions.undo(workspace, actor=session.actor(), step_id=step_id))
    except PeakidError as error:
        session.show_error(error)
        return
    st.rerun()


def remember(undone: StepResult) -> None:
    """Keep what an undo did, to be said once the page is drawn anew."""
    said = f"Took back {words.n_of(undone.n_images, 'judgement')}. Redo (Shift+Z) while reviewing brings it back."
    if undone.conflicts:
        first = next(iter(undone.standing.values()), None)
        said += f" {words.n_of(len(undone.conflicts), 'image')} left alone, judged by somebody since"
        said += f": {words.standing(first)}" if first else "."
    st.session_state[_DONE] = said


def show_done() -> None:
    """Say once what the last act did."""
    if said := st.session_state.pop(_DONE, None):
        st.success(session.plain(said), icon=":material/undo:")


def _show_actions(workspace: Workspace, step: HistoryStep) -> None:
    if step.first and st.button(
        "", icon=":material/image:", key=f"image:{step.step_id}", help="All about this image", type="tertiary"
    ):
        address.write(image=step.first.digest)
        st.rerun()
    if step.is_undone:
        return
    if step.n_images <= ASK_FROM:
        if st.button("Undo", key=f"undo:{step.step_id}", icon=":material/undo:", type="tertiary"):
            take_back(workspace, step.step_id)
        return
    with st.popover("Undo", icon=":material/undo:", type="tertiary"):
        st.markdown(
            f"This step judged **{step.n_images:,}** images. Those that somebody judged later stay as they are."
        )
        if st.button(f"Undo {words.n_of(step.n_images, 'judgement')}", key=f"undo:{step.step_id}"):
            take_back(workspace, step.step_id)


def _state(verdict: str, label: str | None, reason: str) -> str:
    if verdict == "label":
        return label or "no label"
    return f"{_STATES[verdict]} ({reason})" if reason else _STATES[verdict]

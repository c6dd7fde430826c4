"""Where the line of one kind of image issue is drawn: a slider, what it would find, and the images at the border."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import image_issues
from peakid.curate.image_issues import ImageIssue, IssueKind, Rule
from peakid.curate.queues import review_queue
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.gallery import batch

N_EACH_SIDE = 5
_STEPS = 60  # Of the slider.


def show(workspace: Workspace, kind: IssueKind) -> None:
    """Draw the panel, folded; the line moves when its button is pressed, not before."""
    rule, in_force = image_issues.RULES[kind], image_issues.thresholds(workspace)[kind]
    if not rule.is_measured:
        return
    with st.expander("Threshold and images at its border", icon=":material/tune:"):
        value = st.slider(
            "Call it an issue below this score (0 severe, 1 sound)",
            0.0,
            rule.ceiling,
            in_force,
            rule.ceiling / _STEPS,
            format="%.3f",
            key=f"threshold:{kind}:{in_force}",
        )
        n_now, n_then = (image_issues.counts(workspace, {kind: line})[kind] for line in (in_force, value))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.n_of(n_then, 'image')}** below {value:.3f}", width="content")
            if value != in_force and st.button(f"Set threshold to {value:.3f}", type="primary"):
                _set(workspace, kind, value)
            if in_force != rule.threshold and st.button(f"Back to {rule.threshold:g}", type="tertiary"):
                _set(workspace, kind, rule.threshold)
            st.caption(_said(workspace, kind, rule, in_force, n_now), width="content")
        _border(image_issues.border(workspace, kind, value, limit=N_EACH_SIDE))


def _set(workspace: Workspace, kind: IssueKind, value: float) -> None:
    image_issues.set_threshold(workspace, kind, value, actor=session.actor())
    batch.forget(review_queue.issue_queue(kind))
    st.rerun()


def _said(workspace: Workspace, kind: IssueKind, rule: Rule, in_force: float, n_now: int) -> str:
    source = "built in" if in_force == rule.threshold else "chosen here"
    classes = ", ".join(
        f"{name or 'no class'} {n}" for name, n in image_issues.counts_by_class(workspace, kind).items()
    )
    return session.plain(
        f"In force: {in_force:g} ({source}), {words.n_of(n_now, 'image')}"
        + (f": {classes}" if classes else "")
    )


def _border(border: image_issues.Border) -> None:
    sides = st.columns(2, gap="medium")
    with sides[0]:
        st.caption("Just below the line: has the issue")
        _strip(border.inside[::-1], "No image is below the line.")
    with sides[1]:
        st.caption("Just above the line: has not")
        _strip(border.outside, "No image is close above the line.")


def _strip(issues: Sequence[ImageIssue], empty: str) -> None:
    if not issues:
        st.markdown(empty)
    for cell, issue in zip(st.columns(N_EACH_SIDE, gap="small"), issues, strict=False):
        cell.markdown(f"![{session.plain(issue.path)}](/thumb/{issue.digest})")
        cell.caption(f"{issue.score:.3f}")

"""The threshold of one kind of image issue: a slider, what it would find, and the images close to it."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import image_issues
from peakid.curate.image_issues import ImageIssue, IssueKind, Rule
from peakid.curate.queues import review_queue
from peakid.store.workspace import Workspace
from peakid.web import session, words, workspace_address
from peakid.web.gallery import loaded_page

N_EACH_SIDE = 5
_STEPS = 60  # Of the slider.


def show(workspace: Workspace, kind: IssueKind) -> None:
    """Draw the panel, folded. The threshold changes when its button is pressed, not before."""
    rule, in_force = image_issues.RULES[kind], image_issues.thresholds(workspace)[kind]
    if not rule.is_measured:
        return
    with st.expander("Threshold and images close to it", icon=":material/tune:"):
        value = st.slider(
            "An issue below this score (0 severe, 1 sound)",
            0.0,
            rule.ceiling,
            in_force,
            rule.ceiling / _STEPS,
            format="%.3f",
            key=f"threshold:{kind}:{in_force}",
        )
        n_now, n_then = (image_issues.counts(workspace, {kind: each})[kind] for each in (in_force, value))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{words.n_of(n_then, 'image')}** below {value:.3f}", width="content")
            if value != in_force and st.button(f"Set threshold to {value:.3f}", type="primary"):
                _set(workspace, kind, value)
            if in_force != rule.threshold and st.button(f"Back to {rule.threshold:g}", type="tertiary"):
                _set(workspace, kind, rule.threshold)
            st.caption(_in_force_text(workspace, kind, rule, in_force, n_now), width="content")
        _show_border(image_issues.border(workspace, kind, value, limit=N_EACH_SIDE))


def _set(workspace: Workspace, kind: IssueKind, value: float) -> None:
    image_issues.set_threshold(workspace, kind, value, actor=session.actor())
    loaded_page.forget(review_queue.issue_queue(kind))
    st.rerun()


def _in_force_text(workspace: Workspace, kind: IssueKind, rule: Rule, in_force: float, n_now: int) -> str:
    source = "default" if in_force == rule.threshold else "set here"
    text = f"Now: {in_force:g} ({source}), {words.n_of(n_now, 'image')}"
    by_class = image_issues.counts_by_class(workspace, kind)
    counts = ", ".join(f"{name or 'no class'} {n}" for name, n in by_class.items())
    return session.plain(f"{text}: {counts}" if counts else text)


def _show_border(border: image_issues.Border) -> None:
    sides = st.columns(2, gap="medium")
    with sides[0]:
        st.caption("Just below: has the issue")
        _show_row(border.inside[::-1], "No image is below the threshold.")
    with sides[1]:
        st.caption("Just above: does not have it")
        _show_row(border.outside, "No image is just above the threshold.")


def _show_row(issues: Sequence[ImageIssue], empty: str) -> None:
    if not issues:
        st.markdown(empty)
    for cell, issue in zip(st.columns(N_EACH_SIDE, gap="small"), issues, strict=False):
        cell.markdown(f"![{session.plain(issue.path)}]({workspace_address.thumbnail(issue.digest)})")
        cell.caption(f"{issue.score:.3f}")

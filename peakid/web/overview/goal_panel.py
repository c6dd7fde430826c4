"""The goal of the workspace on the overview: whether the newest run reaches it, and a form that sets it."""

from collections.abc import Mapping

import streamlit as st

from peakid.evaluate import goal_check
from peakid.evaluate.goal_check import GoalCheck, Verdict
from peakid.records import Run, Snapshot
from peakid.store.evaluation import goals
from peakid.store.evaluation.goals import Goal
from peakid.store.workspace import Workspace
from peakid.web import names, session

_ICONS: dict[Verdict, str] = {
    "met": ":green[:material/check_circle:]",
    "not met": ":red[:material/cancel:]",
    "cannot be told": ":orange[:material/help:]",
    "not measured": ":gray[:material/radio_button_unchecked:]",
}


def show(workspace: Workspace, newest: Run, snapshots: Mapping[str, Snapshot]) -> None:
    """Draw whether the newest run reaches the goal, and the button that sets it.

    Args:
        snapshots: By digest.
    """
    goal = goals.read(workspace)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if goal is not None:
            _show_check(newest, goal_check.of_run(workspace, goal, newest, snapshots))
        if not workspace.is_read_only:
            with st.popover("Change the goal" if goal else "Set a goal", icon=":material/flag:"):
                _show_form(workspace, goal)


def _show_check(run: Run, check: GoalCheck) -> None:
    parts = [part for part in (check.accuracy, check.gap) if part is not None]
    lines = [
        f"{_ICONS[part.verdict]} {session.plain(text)}"
        for part, text in zip(parts, goal_check.texts(check), strict=True)
    ]
    heading = f"**Goal, {names.run_name(run)}**"
    st.markdown("  \n".join([heading, *lines]), width="content")


def _show_form(workspace: Workspace, goal: Goal | None) -> None:
    with st.form("goal", border=False):
        accuracy = _percent("Accuracy on validation, at least (%)", goal.accuracy if goal else None)
        gap = _percent("Train above validation, at most (points)", goal.max_gap if goal else None)
        is_set = st.form_submit_button("Set the goal")
    if is_set:
        with session.reported():
            goals.set_goal(workspace, accuracy=accuracy, max_gap=gap, actor=session.actor())
            st.rerun()
    if goal is not None and st.button("Remove the goal", type="tertiary"):
        goals.remove(workspace)
        st.rerun()


def _percent(label: str, share: float | None) -> float | None:
    start = None if share is None else round(100 * share, 1)
    found = st.number_input(label, min_value=0.0, max_value=100.0, step=1.0, value=start, format="%g")
    return None if found is None else found / 100

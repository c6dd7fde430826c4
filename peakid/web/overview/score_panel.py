"""The score over the runs: a point with its interval for each, and what the points do not tell."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.evaluate import overview_charts
from peakid.evaluate.run_scores import RunScore
from peakid.web import theme

MAX_RUNS = 20  # The newest ones: more would overlap.


def show(points: Sequence[RunScore], snapshot_names: Mapping[int, str], *, goal: float | None) -> None:
    """Draw the scores of the newest runs.

    Args:
        points: Oldest first, at least one.
        snapshot_names: By id.
        goal: The wanted accuracy, 0..1.
    """
    shown = points[-MAX_RUNS:]
    finding = overview_charts.scores_finding(shown)
    st.header(finding, anchor=False)
    figure = overview_charts.scores(shown, snapshot_names, goal=goal, theme=theme.current())
    theme.plot(figure, key="scores", label=finding)
    lines = ["Validation accuracy with its 95 % interval."]
    if len({each.snapshot_id for each in shown}) > 1:
        lines.append("Runs on different snapshots were measured on different images.")
    if len(points) > len(shown):
        lines.append(f"The newest {len(shown)} of {len(points):,} runs.")
    st.caption(" ".join(lines))

"""The latest decisions and runs."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.records import Run, Snapshot, StepRow
from peakid.web import names, tables, words


def show_decisions(steps: Sequence[StepRow]) -> None:
    lines = [
        {
            "When": words.ago(step.made_at),
            "By": words.who(step.actor),
            "What": words.step_text(step),
            "First image": step.first.path,
        }
        for step in steps
    ]
    st.header("Latest decisions", anchor=False)
    tables.wrapped(lines) if lines else st.caption("No decisions yet.")


def show_runs(runs: Sequence[Run], snapshots: Mapping[str, Snapshot]) -> None:
    """Draw the runs.

    Args:
        snapshots: By digest.
    """
    lines = [
        {
            "Run": names.run_name(run),
            "When": words.ago(run.created_at),
            "State": run.state,
            "Snapshot": names.snapshot_of(run),
            "Validation accuracy": names.run_score(run, snapshots.get(run.snapshot_digest)),
        }
        for run in runs
    ]
    st.header("Latest runs", anchor=False)
    tables.wrapped(lines) if lines else st.caption("No model has been trained yet.")

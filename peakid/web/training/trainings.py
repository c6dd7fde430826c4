"""Every training in one table, whether it became a run, waits, or failed before it could begin one."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from peakid.records import Job, Run
from peakid.web import address, names, words
from peakid.web.jobs import progress
from peakid.web.training import run_overlay

_KEY = "trainings"
_COLUMNS = {
    "Run": st.column_config.NumberColumn(width="small"),
    "Accuracy on valid": st.column_config.NumberColumn(format="%.2f"),
    "Error": st.column_config.TextColumn(width="large"),
}


def show_table(jobs: Sequence[Job], runs: Sequence[Run]) -> None:
    """Draw the table, newest first; one row that is selected puts its job into the address as `row`, several put their runs there.

    Args:
        jobs: Training jobs, newest first.
        runs: Newest first; a run without one of these jobs gets a row of its own.
    """
    newest_run = {run.job_id: run for run in reversed(runs) if run.job_id is not None}
    known = {job.job_id for job in jobs}
    lines = [_of_job(job, newest_run.get(job.job_id)) for job in jobs]
    lines += [_of_run(run) for run in runs if run.job_id not in known]
    order = ["Run", "State", "Accuracy on valid", "Model", "Snapshot", "When", "Took"]
    order += ["Error"] if any(line["Error"] for line in lines) else []
    shown: dict[str, Any] = {
        "hide_index": True,
        "column_order": order,
        "column_config": _COLUMNS,
        "placeholder": "",
    }
    st.dataframe(lines, key=_KEY, on_select=lambda: _open(lines), selection_mode="multi-row", **shown)


def _of_job(job: Job, run: Run | None) -> dict[str, Any]:
    if run is not None:
        return _of_run(run) | {"job": job.job_id, "State": job.state, "Error": job.error}
    return {
        "job": job.job_id,
        "Run": None,
        "State": job.state,
        "Accuracy on valid": None,
        "Model": names.recipe(job.arguments["recipe"]),
        "Snapshot": names.short_snapshot("", job.arguments["snapshot"]),
        "When": words.ago(job.created_at),
        "Took": progress.duration(job.seconds) if job.seconds else "",
        "Error": job.error,
    }


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "job": run.job_id,
        "Run": run.run_id,
        "State": run.state,
        "Accuracy on valid": run.metrics.get("accuracy"),
        "Model": names.recipe(run.recipe),
        "Snapshot": names.short_snapshot(run.snapshot_name, run.snapshot_digest),
        "When": words.ago(run.created_at),
        "Took": progress.duration(run.seconds) if run.seconds else "",
        "Error": "",
    }


def _open(lines: Sequence[dict[str, Any]]) -> None:
    chosen = [lines[row] for row in st.session_state[_KEY]["selection"]["rows"]]
    address.write(row=chosen[0]["job"] if len(chosen) == 1 else None)
    run_overlay.choose([line["Run"] for line in chosen if line["Run"] is not None])

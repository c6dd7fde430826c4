"""Every training in one table, whether it became a run, is queued, or failed before it could begin one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from peakid.jobs.arguments import TrainArguments
from peakid.jobs.job import Job
from peakid.records import JobState, Run, Snapshot
from peakid.web import address, names, tables, words
from peakid.web.jobs import progress
from peakid.web.training import run_overlay

SHORT_DIGEST = 8

_Id = tuple[int | None, int | None]  # Of a row: its job and its run.
_KEY = "trainings"
_SELECTED = "trainings:selected"  # Session state: numbers of the selected rows, by what they are.
_DRAWN = "trainings:drawn"  # Session state: number of the table, and its rows that were selected at first.
ACCURACY = "Accuracy (validation)"
_COLUMNS = {
    "Run": st.column_config.TextColumn(width="small"),
    ACCURACY: st.column_config.TextColumn(width=165, help="With its 95 % interval and number of images."),
}


@dataclass(frozen=True)
class Training:
    """One row of the table. A job has no run before it begins; a run has no job if it was added otherwise."""

    job_id: int | None
    run_id: int | None
    state: JobState
    accuracy: str
    model: str
    snapshot: str
    created_at: str
    seconds: float | None


def show_table(jobs: Sequence[Job], runs: Sequence[Run], snapshots: Mapping[str, Snapshot]) -> None:
    """Draw the table, newest first. One selected row is put into the address as `row`, several as `runs`.

    Why a training failed is below the table when its row is selected: a column of errors makes it too wide.

    Args:
        jobs: Training jobs, newest first.
        runs: Newest first; a run without one of these jobs gets a row of its own.
        snapshots: By digest.
    """
    newest_run = {run.job_id: run for run in reversed(runs) if run.job_id is not None}
    known = {job.job_id for job in jobs}
    rows = [_of_job(job, newest_run.get(job.job_id), snapshots) for job in jobs if job.arguments]
    rows += [_of_run(run, snapshots) for run in runs if run.job_id not in known]
    n_drawn, first = _drawn(rows)
    key = f"{_KEY}:{n_drawn}"
    tables.show(
        [_cells(row) for row in rows],
        key=key,
        on_select=lambda: _select(rows, key),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": first}},
        column_config=_COLUMNS,
        placeholder="",
    )


def snapshot_name(digest: str, snapshots: Mapping[str, Snapshot]) -> str:
    """Return the name of a snapshot: `Snapshot 3 (before cleaning)`."""
    frozen = snapshots.get(digest)
    return names.snapshot_name(frozen) if frozen else f"Snapshot {digest[:SHORT_DIGEST]}"


def _of_job(job: Job, run: Run | None, snapshots: Mapping[str, Snapshot]) -> Training:
    arguments = job.arguments_as(TrainArguments)
    return Training(
        job_id=job.job_id,
        run_id=run.run_id if run else None,
        state=job.state,
        accuracy=names.run_score(run, snapshots.get(run.snapshot_digest)) if run else "-",
        model=names.recipe_summary(arguments.recipe),
        snapshot=snapshot_name(arguments.snapshot, snapshots),
        created_at=job.created_at,
        seconds=run.seconds if run else job.seconds,
    )


def _of_run(run: Run, snapshots: Mapping[str, Snapshot]) -> Training:
    return Training(
        job_id=run.job_id,
        run_id=run.run_id,
        state=run.state,
        accuracy=names.run_score(run, snapshots.get(run.snapshot_digest)),
        model=names.recipe_summary(run.recipe),
        snapshot=names.snapshot_of(run),
        created_at=run.created_at,
        seconds=run.seconds,
    )


def _cells(row: Training) -> dict[str, str]:
    return {
        "Run": f"Run {row.run_id}" if row.run_id else "-",
        "State": row.state,
        ACCURACY: row.accuracy,
        "Model": row.model,
        "Snapshot": row.snapshot,
        "Started": words.ago(row.created_at),
        "Took": progress.duration(row.seconds) if row.seconds else "-",
    }


def _drawn(rows: Sequence[Training]) -> tuple[int, list[int]]:
    """Return which table is drawn, and the numbers of the rows that are selected in it at first.

    The script cannot change a selection, which is of numbers of rows. Where Back or a link has changed it, or
    other rows have these numbers since, another table is drawn.
    """
    requested, (n_drawn, first) = _requested(rows), st.session_state.get(_DRAWN, (0, []))
    if st.session_state.get(_SELECTED, {}) != requested:
        n_drawn, first = st.session_state[_DRAWN] = n_drawn + 1, [*requested.values()]
        st.session_state[_SELECTED] = requested
    return n_drawn, first


def _requested(rows: Sequence[Training]) -> dict[_Id, int]:
    """Return the numbers of the rows that the address names, by what they are."""
    jobs = set(address.numbers("row", what="the number of a job"))
    runs = set(address.numbers("runs", what="numbers of runs"))
    return {
        (row.job_id, row.run_id): n for n, row in enumerate(rows) if row.job_id in jobs or row.run_id in runs
    }


def _select(rows: Sequence[Training], key: str) -> None:
    selected = [rows[number] for number in st.session_state[key]["selection"]["rows"]]
    address.write(row=selected[0].job_id if len(selected) == 1 else None)
    run_overlay.choose([row.run_id for row in selected if row.run_id is not None])
    st.session_state[_SELECTED] = _requested(rows)  # Of those selected, not all have a number in the address.

"""The stored figures of a run: found, computed at once, or by a job where there are many images."""

import streamlit as st

from peakid.evaluate import figures
from peakid.evaluate.figures import Figures
from peakid.jobs import queue
from peakid.jobs.arguments import FiguresArguments
from peakid.jobs.evaluation import figures as figures_job
from peakid.jobs.job import Job
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.jobs import job_panel, submission


def find(workspace: Workspace, run: Run, split: str, *, with_tta: bool) -> Figures | None:
    """Return the figures of a split; draw how to compute them and return None where they need a job.

    Raises:
        BadInput: If there is no such split, or no predictions for it.
    """
    found = figures.of_run(workspace, run, split, with_tta=with_tta)
    if found is None:
        show_missing(workspace, run, "The figures of this run")
    return found


def show_missing(workspace: Workspace, run: Run, what: str) -> None:
    """Say that figures were not computed yet, with a button that does so.

    Args:
        what: Plural, as the beginning of a sentence.
    """
    st.info(f"{what} were not computed yet: it has too many images to do so at once.")
    _show_job(workspace, run, "Compute the figures")


def show_part_outdated(workspace: Workspace, run: Run, found: Figures, what: str) -> None:
    """Say that the figures of one tab are out of date; where all are, `show_outdated` has the button.

    Args:
        what: Plural, as the beginning of a sentence.
    """
    st.caption(f"{what} are from before the newest changes of labels, classes or images.")
    if found.is_current:
        _show_job(workspace, run, "Compute them again")


def show_outdated(workspace: Workspace, run: Run, found: Figures) -> None:
    """Say that figures are older than the newest judgements, with a button that computes them again."""
    if found.is_current:
        return
    images = words.n_of(found.n_changed_since, "image")
    was = "was" if found.n_changed_since == 1 else "were"
    changed = f"{images} here {was} judged" if found.n_changed_since else "Classes or images changed"
    st.info(f"{changed} since these figures were computed.", icon=":material/update:")
    _show_job(workspace, run, "Compute them again")


def _show_job(workspace: Workspace, run: Run, label: str) -> None:
    job = _newest(workspace, run)
    if job is not None and job.state not in ("done", "cancelled"):
        job_panel.show(workspace, job)
        return
    if st.button(label, icon=":material/calculate:") and submission.submit(
        f"evaluate:{run.run_id}",
        lambda request_id: figures_job.submit(
            workspace, run.run_id, request_id=request_id, actor=session.actor()
        ),
    ):
        st.rerun()


def _newest(workspace: Workspace, run: Run) -> Job | None:
    wanted = FiguresArguments(run_id=run.run_id)
    return queue.newest(workspace, "evaluate", lambda job: job.arguments == wanted)

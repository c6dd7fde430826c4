"""Test-time augmentation on the evaluate page: a switch where it is computed, else a button for it."""

import streamlit as st

from peakid.jobs import queue, submit
from peakid.jobs.arguments import TtaArguments
from peakid.jobs.job import Job
from peakid.recipe import tta_views
from peakid.records import Run
from peakid.store import run_predictions
from peakid.store.workspace import Workspace
from peakid.web import address, session
from peakid.web.jobs import engine_choice, job_panel, submission

_KEY = "address:tta"
TIP = (
    f"Averages the predictions for {tta_views.DEFAULT + 1} views of each image: the image itself, crops, "
    "and mirrored copies where the recipe allows them. Often slightly more accurate, and as many times "
    "slower. Runs are compared and exported without it."
)


def show(workspace: Workspace, run: Run, split: str) -> bool:
    """Draw the switch or the button; return whether the averaged score is requested.

    Draws nothing where a run keeps no model.
    """
    if not run.has_model or split == "cv":
        return False
    if split == "valid" and run_predictions.has_pred_probs(workspace, run.run_id, run_predictions.REFIT):
        st.caption(
            "Validation is scored by the model before it was refitted with these images. The saved model has"
            " seen them; only the test score is its own."
        )
        return False
    if run_predictions.n_views(workspace, run.run_id, split) is not None:
        return _switch()
    job = _newest(workspace, run)
    if job is not None and job.state not in ("done", "cancelled"):
        job_panel.show(workspace, job)
        return False
    label = "Compute with test-time augmentation"
    if st.button(label, icon=":material/animated_images:", type="tertiary", help=TIP):
        _submit(workspace, run)
    return False


def _switch() -> bool:
    is_on = address.value("tta", ["no", "yes"]) == "yes"
    if st.session_state.get(_KEY) != is_on:
        st.session_state[_KEY] = is_on
    return st.toggle("Test-time augmentation (TTA)", key=_KEY, help=TIP, on_change=_write)


def _write() -> None:
    address.write(tta="yes" if st.session_state[_KEY] else None)


def _newest(workspace: Workspace, run: Run) -> Job | None:
    return queue.newest(workspace, "tta", lambda job: job.arguments_as(TtaArguments).run_id == run.run_id)


def _submit(workspace: Workspace, run: Run) -> None:
    if submission.submit(
        f"tta:{run.run_id}",
        lambda request_id: submit.score_with_views(
            workspace,
            run.run_id,
            settings=engine_choice.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    ):
        st.rerun()

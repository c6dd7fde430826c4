"""From a run to a model elsewhere: try it on photos, export it, see how it was checked, and bundle it."""

from collections.abc import Sequence

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.jobs import queue
from peakid.records import Export
from peakid.store import exports, runs
from peakid.web import address, names, session
from peakid.web.exports import (
    bundle_panel,
    code_panel,
    export_details,
    export_form,
    export_list,
    hub_list,
    photo_trial,
    run_choice,
    run_trial,
    stage_control,
)
from peakid.web.jobs import job_panel, submission
from peakid.web.training import first_model


def show_empty() -> None:
    sentence = "No run has a model yet. Train one, then export it here with its classes and preprocessing."
    first_model.show_way(workspace, sentence, page="train", label="Train a model")


def show_current(export: Export) -> None:
    """Say first which model is in use."""
    run = runs_by_id.get(export.run_id)
    score = names.run_score(run, by_digest.get(run.snapshot_digest)) if run else "-"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("Current", icon=":material/check_circle:", color="blue")
        st.markdown(
            f"**Export {export.export_id}** of run {export.run_id}: {session.plain(score)} on validation, "
            f"set {stage_control.changed_text(workspace, export)}.",
            width="content",
        )


def choose_export(listed: Sequence[Export], run_id: int | None) -> Export:
    """Return the export of the address, else the first of the chosen run, else the first of all."""
    ids = [str(each.export_id) for each in listed]
    default = next((str(each.export_id) for each in listed if each.run_id == run_id), None)
    opened = address.value("export", ids, default)
    return next(each for each in listed if str(each.export_id) == opened)


def show_export(export: Export) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader(f"Export {export.export_id}", anchor="export", width="content")
        stage_control.show(workspace, export)
    export_details.show(export)
    if why_not := export_details.not_usable(export):
        st.caption(why_not)
        export_details.show_files(export)
        return
    with session.reported():
        photo_trial.show(export)
    code_panel.show(export)
    left, right = st.columns(2, gap="large")
    with left:
        bundle_panel.show(workspace, export, export_details.threshold(export))
    with right:
        export_details.show_files(export)


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Models")

# 2 ask
runs_by_id = {run.run_id: run for run in runs.list_runs(workspace)}
trained = {str(run.run_id): run for run in runs_by_id.values() if run.has_model}
by_digest = {frozen.digest: frozen for frozen in snapshots.list_snapshots(workspace)}
listed = export_list.ordered(exports.list_exports(workspace))
jobs = [job for job in queue.list_jobs(workspace) if job.kind == "export"]

# 3 draw, 4 act
if listed and listed[0].stage == "current":
    show_current(listed[0])
chosen = None
if trained:
    chosen = run_choice.show(workspace, trained, by_digest)
    run_trial.show(workspace, chosen)
    export_form.show(workspace, chosen)
else:
    show_empty()
for job in jobs:
    if job.state not in queue.ENDED or (job is jobs[0] and job.state != "done"):
        job_panel.show(workspace, job)
if listed:
    st.header("Exports", anchor=False)
    opened = choose_export(listed, chosen.run_id if chosen else None)
    export_list.show(listed, opened, runs_by_id, by_digest)
    show_export(opened)
elif trained:
    st.info(
        "No exports yet. An export contains weights, classes and preprocessing, checked against the "
        "trained model."
    )
hub_list.show(workspace)

"""Export a run as a model that runs without Peakid, see how it was checked, and try a photo on it."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.records import Export
from peakid.store import exports, runs
from peakid.web import address, session
from peakid.web.exports import export_details, export_form, export_list, hub_list, photo_trial
from peakid.web.jobs import job_panel, submission
from peakid.web.training import first_model


def show_empty() -> None:
    sentence = "No run has a model yet. Train one, then export it here with its classes and preprocessing."
    first_model.show_way(workspace, sentence, page="train", label="Train a model")


def show_export(export: Export) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        try:
            photo_trial.show(export)
        except PeakidError as error:
            session.show_error(error)
    with right:
        export_details.show(export)


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Models")

# 2 ask
runs_by_id = {run.run_id: run for run in runs.list_runs(workspace)}
trained = {str(run.run_id): run for run in runs_by_id.values() if run.has_model}
exported = {str(export.export_id): export for export in exports.list_exports(workspace)}
chosen = address.value("export", list(exported))
jobs = [job for job in queue.list_jobs(workspace) if job.kind == "export"]

# 3 draw, 4 act
if trained:
    export_form.show(workspace, trained)
else:
    show_empty()
for job in jobs:
    if job.state not in queue.ENDED or (job is jobs[0] and job.state != "done"):
        job_panel.show(workspace, job)
if exported:
    opened = exported[str(chosen)]
    by_digest = {frozen.digest: frozen for frozen in snapshots.list_snapshots(workspace)}
    export_list.show(list(exported.values()), opened, runs_by_id, by_digest)
    show_export(opened)
elif trained:
    st.info(
        "No exports yet. An export contains weights, classes and preprocessing, checked against the "
        "trained model."
    )
hub_list.show(workspace)

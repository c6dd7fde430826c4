"""Export a run as a model that answers without Peakid's training code, see the proof, try a photo."""

from pathlib import Path
from typing import Any

import streamlit as st

from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.records import Export, Run
from peakid.store import exports, runs
from peakid.web import address, journey, names, session, words
from peakid.web.evaluation import photo_trial
from peakid.web.jobs import job_panel

FORMATS = {"onnx": "ONNX", "safetensors": "safetensors"}
FORMATS_HELP = (
    "ONNX runs without Peakid and answers photos below; safetensors holds the weights for training code."
)


def show_empty() -> None:
    st.info(
        "An export is a model with its classes and preprocessing, proven to answer as the trained one did. No run has a model yet."
    )
    if st.button("Go to training", type="primary"):
        journey.go("train")


def show_export_form() -> None:
    cells = st.columns([5, 3, 2], gap="small", vertical_alignment="bottom")
    with cells[0]:
        run_id = address.select(
            "Run", "run", list(trained), format_func=lambda each: names.run(trained[each])
        )
    formats = cells[1].pills(
        "Formats",
        list(FORMATS),
        default=list(FORMATS),
        selection_mode="multi",
        format_func=FORMATS.__getitem__,
        key="formats",
        help=FORMATS_HELP,
    )
    if cells[2].button(f"Export run {run_id}", type="primary", width="stretch", disabled=not formats):
        submit_export(int(run_id), list(formats))


def submit_export(run_id: int, formats: list[str]) -> None:
    try:
        job_panel.submit_once(
            f"export:{run_id}:{','.join(formats)}",
            lambda request_id: submit.export(
                workspace, run_id, formats=formats, request_id=request_id, actor=session.actor()
            ),
        )
    except PeakidError as error:
        session.show_error(error)
    else:
        st.rerun()


def show_list() -> None:
    lines = [line(each, runs_by_id.get(each.run_id)) for each in exported.values()]
    row = list(exported).index(str(chosen))
    selected: dict[str, Any] = {
        "selection_mode": "single-row",
        "selection_default": {"selection": {"rows": [row]}},
    }
    columns = {
        "Accuracy on valid": st.column_config.NumberColumn(format="%.2f"),
        "Size": st.column_config.NumberColumn(format="%.1f MB"),
    }
    key = f"exports:{chosen}"
    st.dataframe(
        lines,
        hide_index=True,
        column_config=columns,
        key=key,
        on_select=lambda: open_export(key),
        height="content",
        **selected,
    )


def line(export: Export, run: Run | None) -> dict[str, object]:
    return {
        "Export": export.export_id,
        "Run": export.run_id,
        "Model": names.recipe(run.recipe) if run else "",
        "Snapshot": names.short_snapshot(run.snapshot_name, run.snapshot_digest) if run else "",
        "Accuracy on valid": run.metrics.get("accuracy") if run else None,
        "Formats": ", ".join(sorted({file["format"] for file in export.files})),
        "Size": sum(file["bytes"] for file in export.files) / 1e6,
        "Exported": words.ago(export.created_at),
    }


def open_export(key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        address.write(export=list(exported)[rows[0]])


def show_proof(export: Export) -> None:
    """Draw how near each format answers to the trained model."""
    st.markdown(
        "**Proof**: before it was published, each file was asked about the run's validation images again."
    )
    proof = [
        {
            "Format": name,
            "Images": facts["n_images"],
            "Same answer": facts["agreement"],
            "Largest difference": f"{facts['max_abs_diff']:.1e}" if facts["max_abs_diff"] else "0",
        }
        for name, facts in export.parity.items()
    ]
    columns = {
        "Same answer": st.column_config.NumberColumn(
            format="percent", help="Images to which it gives the trained model's first choice."
        ),
        "Largest difference": st.column_config.TextColumn(
            help="Between a probability and the trained model's, 0 to 1."
        ),
    }
    st.dataframe(proof, hide_index=True, column_config=columns, height="content")
    st.markdown("**Files**")
    for file in export.files:
        show_file(export, file)
    st.code(export.path, language=None, wrap_lines=True)


def show_file(export: Export, file: dict) -> None:
    path = Path(export.path) / file["name"]
    size = f"{file['bytes'] / 1e6:.1f} MB" if file["bytes"] >= 1e5 else f"{file['bytes'] / 1e3:.1f} kB"
    if path.is_file():
        label = f"Download {session.plain(file['name'])} ({size})"
        st.download_button(
            label, path.read_bytes, file["name"], on_click="ignore", key=f"{export.export_id}:{file['name']}"
        )
    else:
        st.caption(f"{session.plain(file['name'])} is no longer there; export the run again.")


def show_export(export: Export) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        try:
            photo_trial.show(export)
        except PeakidError as error:
            session.show_error(error)
    with right:
        show_proof(export)


# 1 open
workspace = session.workspace()
job_panel.renew_ended(workspace)
st.title("Models")

# 2 ask
runs_by_id = {run.run_id: run for run in runs.list_runs(workspace)}
trained = {str(run.run_id): run for run in runs_by_id.values() if run.best_epoch is not None}
exported = {str(export.export_id): export for export in exports.list_exports(workspace)}
chosen = address.value("export", list(exported))
jobs = [job for job in queue.list_jobs(workspace) if job.kind == "export"]

# 3 draw, 4 act
if trained:
    show_export_form()
else:
    show_empty()
for job in jobs:
    if job.state not in queue.ENDED or (job is jobs[0] and job.state != "done"):
        job_panel.show(workspace, job)
if exported:
    show_list()
    show_export(exported[str(chosen)])
elif trained:
    st.info(
        "Nothing is exported yet. An export holds weights, classes and preprocessing, proven to answer as the trained model did."
    )

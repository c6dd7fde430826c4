"""Bring images in: a folder, an archive or a table; what was taken, what was known, what was rejected and why."""

from pathlib import Path

import streamlit as st

from peakid.acquire import history
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.records import Job, RejectionRow, Source
from peakid.web import journey, session, uploads, words
from peakid.web.history import root_panel
from peakid.web.jobs import job_panel, progress

SOURCES: dict[Source, str] = {"folder": "Folder", "zip": "Zip archive", "csv": "Table of labels"}


def show_result(job: Job) -> None:
    """Say what an import brought, the way on, and every rejection with its reason."""
    brought = job.result
    if job.state != "done" or "scan" not in brought:
        return
    known = f", {brought['n_known']:,} held already" if brought["n_known"] else ""
    st.success(
        f"Added {words.n_of(brought['n_added'], 'image')}{known}, in {progress.duration(job.seconds)}.",
        icon=":material/check:",
    )
    if n_groups := brought["scan"]["n_exact_groups"] + brought["scan"]["n_near_groups"]:
        st.caption(
            f"The workspace now holds {words.n_of(n_groups, 'group')} of look-alikes; a snapshot keeps each on one side of a split."
        )
    if brought["n_added"] and st.button("Review the new images", type="primary"):
        journey.go("review")
    if brought["rejections"]:
        st.warning(
            f"Rejected {words.n_of(brought['n_rejected'], 'file')}. Nothing of them was lost: they are listed with the reason."
        )
        show_rejections([RejectionRow(**row) for row in brought["rejections"]])


def show_rejections(rows: list[RejectionRow]) -> None:
    lines = [{"File": row.path, "Reason": words.REASONS[row.reason], "Detail": row.detail} for row in rows]
    st.dataframe(lines, hide_index=True, height=min(38 + 35 * len(lines), 320))


# 1 open
workspace = session.workspace()
job_panel.renew_ended(workspace)
st.title("Collect")

# 2 ask
source = st.segmented_control(
    "What do you import?",
    SOURCES,
    default="folder",
    format_func=SOURCES.__getitem__,
    required=True,
    key="source",
)
is_in_place, root, upload = False, "", None
with st.form("import", border=False):
    if source == "folder":
        st.caption(
            "Folders inside it become classes; `train`, `valid` and `test` become splits. Each file is judged by decoding it."
        )
        path = st.text_input("Folder on this machine", placeholder="/home/you/photos", key="folder_path")
        is_in_place = st.checkbox(
            "Leave the files where they are, copy nothing",
            help="Moved inside it they are found again by a check.",
        )
    elif source == "zip":
        st.caption("An archive of such a folder. Larger than 500 MB? Give its path.")
        upload = st.file_uploader("Zip archive", type="zip", key="zip_upload")
        path = st.text_input(
            "or its path on this machine", placeholder="/home/you/photos.zip", key="zip_path"
        )
    else:
        st.caption(
            "Columns `path, label` and optionally `split`; also fastai's `name, label` and `path, noisy_labels_0, is_valid`."
        )
        path = st.text_input(
            "Table on this machine (CSV or metadata.jsonl)",
            placeholder="/home/you/labels.csv",
            key="csv_path",
        )
        root = st.text_input(
            "Folder its paths are relative to", placeholder="the folder of the table", key="csv_root"
        )
    is_asked = st.form_submit_button(f"Import the {SOURCES[source].lower()}", type="primary")

# 4 act
if is_asked:
    try:
        if source == "zip":
            given = uploads.kept(workspace, upload, path)
        else:
            given = uploads.given(path, "folder" if source == "folder" else "table")
        job = job_panel.submit_once(
            f"import:{source}:{given}",
            lambda request_id: submit.import_images(
                *(workspace, source, given),
                root=Path(root) if root else None,
                in_place=is_in_place,
                request_id=request_id,
                actor=session.actor(),
            ),
        )
        st.session_state["collect:job"] = job.job_id
    except PeakidError as error:
        session.show_error(error)

# 3 draw
shown = [
    job
    for job in reversed(queue.list_jobs(workspace))
    if job.kind == "import"
    and (job.state not in queue.ENDED or job.job_id == st.session_state.get("collect:job"))
]
for job in shown:
    job_panel.show(workspace, job, body=show_result)
root_panel.show(workspace)
if imports := history.list_acquisitions(workspace):
    st.subheader("Imports so far")
    st.dataframe(
        [
            {
                "When": words.ago(row.started_at),
                "From": row.path,
                "By": words.who(row.actor),
                "Added": row.n_added,
                "Known": row.n_known,
                "Rejected": row.n_rejected,
                "State": "done" if row.finished_at else "not finished: importing again goes on",
            }
            for row in imports
        ],
        hide_index=True,
    )
    if rejected := history.list_rejections(workspace):
        with st.expander(
            f"All rejected files ({len(rejected):,} newest)" if len(rejected) > 1 else "The rejected file"
        ):
            show_rejections(rejected)
elif not shown:
    st.info(
        "Nothing has been imported yet. Name a folder of photos above, or open the demo from the overview.",
        icon=":material/info:",
    )

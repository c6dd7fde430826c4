"""Import images from a folder, an archive or a table, and see what was added, already known or rejected."""

from pathlib import Path

import streamlit as st

from peakid.acquire import history
from peakid.acquire.history import Acquisition
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.records import Source
from peakid.web import import_summary, session, uploads, words
from peakid.web.history import root_panel
from peakid.web.jobs import job_panel, submission

SOURCES: dict[Source, str] = {"folder": "Folder", "zip": "Zip archive", "csv": "Table of labels"}
JOB = "collect:job"  # Session state: id of the import that this session started last.


def show_imports(imports: list[Acquisition]) -> None:
    st.subheader("Imports")
    lines = [
        {
            "When": words.ago(row.started_at),
            "From": row.path,
            "By": words.who(row.actor),
            "Added": row.n_added,
            "Known": row.n_known,
            "Rejected": row.n_rejected,
            "State": "done" if row.finished_at else "interrupted: import again to continue",
        }
        for row in imports
    ]
    st.dataframe(lines, hide_index=True)
    if rejected := history.list_rejections(workspace):
        with st.expander(f"Rejected files ({len(rejected):,})"):
            import_summary.show_rejections(rejected)


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Collect")

# 2 ask
source = st.segmented_control(
    "Import from", SOURCES, default="folder", format_func=SOURCES.__getitem__, required=True, key="source"
)
is_in_place, follows_links, within, root, upload = False, False, "", "", None
with st.form("import", border=False):
    if source == "folder":
        st.caption(
            "Subfolders become classes; `train`, `valid`, `test` and the like become splits. Every file that "
            "can be decoded is imported."
        )
        path = st.text_input("Folder on this machine", placeholder="/home/you/photos", key="folder_path")
        in_place_tip = "Files that are moved or renamed within the folder are found again by an image check."
        is_in_place = st.checkbox("Leave the files in place, copy nothing", help=in_place_tip)
        links_tip = "Links to files inside the folder are always followed."
        follows_links = st.checkbox("Follow links to folders inside the folder", help=links_tip)
        within = st.text_input(
            "Also follow links into", placeholder="another folder on this machine", key="links_within"
        )
    elif source == "zip":
        st.caption("A zip archive of such a folder. For more than 500 MB, enter its path instead.")
        upload = st.file_uploader("Zip archive", type="zip", key="zip_upload")
        path = st.text_input(
            "Or its path on this machine", placeholder="/home/you/photos.zip", key="zip_path"
        )
    else:
        st.caption(
            "Columns such as `path, label` or `filename, species`, and optionally `split`. Also label files "
            "of Label Studio, FiftyOne, Roboflow and COCO, if each image has one class."
        )
        table = "Table on this machine (CSV, JSON or Parquet)"
        path = st.text_input(table, placeholder="/home/you/labels.csv", key="csv_path")
        relative = "Folder that its paths are relative to"
        root = st.text_input(relative, placeholder="the folder of the table", key="csv_root")
    is_submitted = st.form_submit_button(f"Import the {SOURCES[source].lower()}", type="primary")

# 4 act
if is_submitted:
    try:
        if source == "zip":
            given = uploads.kept(workspace, upload, path)
        else:
            given = uploads.given(path, "folder" if source == "folder" else "table")
    except PeakidError as error:
        session.show_error(error)
    else:
        job = submission.submit(
            f"import:{source}:{given}",
            lambda request_id: submit.import_images(
                *(workspace, source, given),
                root=Path(root) if root else None,
                in_place=is_in_place,
                follow_links=follows_links,
                links_within=Path(within) if within else None,
                request_id=request_id,
                actor=session.actor(),
            ),
        )
        if job:
            st.session_state[JOB] = job.job_id

# 3 draw
shown = [
    job
    for job in reversed(queue.list_jobs(workspace))
    if job.kind == "import" and (job.state not in queue.ENDED or job.job_id == st.session_state.get(JOB))
]
for job in shown:
    job_panel.show(
        workspace,
        job,
        body=lambda each: import_summary.show_result(workspace, each, actor=session.actor()),
    )
root_panel.show(workspace)
if imports := history.list_acquisitions(workspace):
    show_imports(imports)
elif not shown:
    st.info(
        "Nothing has been imported yet. Enter a folder of photos above, or open the demo on the overview.",
        icon=":material/info:",
    )

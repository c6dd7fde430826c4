"""Bring images in: a folder, an archive or a table; what was taken, what was known, what was rejected and why."""

from pathlib import Path

import streamlit as st

from peakid.acquire import archive, folder, history, table
from peakid.curate import scan
from peakid.errors import PeakidError
from peakid.records import ImportReport, RejectionRow, ScanReport
from peakid.web import journey, progress, root_panel, session, uploads, words

SOURCES = {"folder": "Folder", "zip": "Zip archive", "csv": "Table of labels"}


def show_result(brought: ImportReport, found: ScanReport) -> None:
    """Say what an import brought, the way on, and every rejection with its reason."""
    known = f", {brought.n_known:,} held already" if brought.n_known else ""
    st.success(f"Added {words.n_of(brought.n_added, 'image')}{known}, in {progress.duration(brought.seconds)}.", icon=":material/check:")
    if n_groups := found.n_exact_groups + found.n_near_groups:
        st.caption(f"The workspace now holds {words.n_of(n_groups, 'group')} of look-alikes; a snapshot keeps each on one side of a split.")
    if brought.n_added and st.button("Review the new images", type="primary"):
        journey.go("review")
    if brought.rejections:
        st.warning(f"Rejected {words.n_of(brought.n_rejected, 'file')}. Nothing of them was lost: they are listed with the reason.")
        show_rejections(brought.rejections)


def show_rejections(rows: list[RejectionRow]) -> None:
    lines = [{"File": row.path, "Reason": words.REASONS[row.reason], "Detail": row.detail} for row in rows]
    st.dataframe(lines, hide_index=True, height=min(38 + 35 * len(lines), 320))


# 1 open
workspace = session.workspace()
st.title("Collect")

# 2 ask
source = st.segmented_control(
    "What do you import?", SOURCES, default="folder", format_func=SOURCES.__getitem__, required=True, key="source"
)
with st.form("import", border=False):
    if source == "folder":
        st.caption("Folders inside it become classes; `train`, `valid` and `test` become splits. Each file is judged by decoding it.")
        path = st.text_input("Folder on this machine", placeholder="/home/you/photos", key="folder_path")
        is_in_place = st.checkbox(
            "Leave the files where they are, copy nothing",
            help="Moved inside it they are found again by a check.",
        )
    elif source == "zip":
        st.caption("An archive of such a folder. Larger than 500 MB? Give its path.")
        upload = st.file_uploader("Zip archive", type="zip", key="zip_upload")
        path = st.text_input("or its path on this machine", placeholder="/home/you/photos.zip", key="zip_path")
    else:
        st.caption("Columns `path, label` and optionally `split`; also fastai's `name, label` and `path, noisy_labels_0, is_valid`.")
        path = st.text_input("Table on this machine (CSV or metadata.jsonl)", placeholder="/home/you/labels.csv", key="csv_path")
        root = st.text_input("Folder its paths are relative to", placeholder="the folder of the table", key="csv_root")
    is_asked = st.form_submit_button(f"Import the {SOURCES[source].lower()}", type="primary")

# 4 act
if is_asked:
    st.session_state.pop("brought", None)
    try:
        with progress.bar() as report:
            if source == "folder":
                brought = folder.import_folder(
                    workspace, uploads.given(path, "folder"), in_place=is_in_place, actor=session.actor(), report=report
                )
            elif source == "zip":
                with uploads.file(workspace, upload, path) as file:
                    brought = archive.import_zip(workspace, file, actor=session.actor(), report=report)
            else:
                file = uploads.given(path, "table")
                brought = table.import_csv(workspace, file, root=Path(root or file.parent), actor=session.actor(), report=report)
            # Look-alikes must be known before a snapshot deals them to train and test.
            found = scan.scan(workspace, report=report)
    except PeakidError as error:
        session.show_error(error)
    else:
        st.session_state["brought"] = (brought, found)
        st.rerun()  # The counts in the navigation are drawn before this page.

# 3 draw
if "brought" in st.session_state:
    show_result(*st.session_state["brought"])
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
                "State": "done" if row.finished_at else "interrupted: import again to go on",
            }
            for row in imports
        ],
        hide_index=True,
    )
    if rejected := history.list_rejections(workspace):
        with st.expander(f"All rejected files ({len(rejected):,} newest)" if len(rejected) > 1 else "The rejected file"):
            show_rejections(rejected)
else:
    st.info("Nothing has been imported yet. Name a folder of photos above, or open the demo from the overview.", icon=":material/info:")

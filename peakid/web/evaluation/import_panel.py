"""Import the predictions of another program on the Evaluate page."""

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.evaluate import predictions_import
from peakid.store.workspace import Workspace
from peakid.web import address, choices, names, session, uploads

_SNAPSHOT = "import-predictions:snapshot"
_DONE = "import-predictions:done"  # Session state: what the import made, said once.
HELP = (
    "A CSV, JSON lines or Parquet file with a column path or digest, and either one column for each class"
    " with its probability, or the columns predicted_label and confidence."
)


def show_done() -> None:
    """Say once what the last import made."""
    if said := st.session_state.pop(_DONE, None):
        st.success(session.plain(said), icon=":material/check_circle:")


def show(workspace: Workspace) -> None:
    """Draw the button that opens the form; nothing where there is no snapshot to evaluate on."""
    frozen = {each.digest: each for each in snapshots.list_snapshots(workspace)}
    if not frozen or workspace.is_read_only:
        return
    with st.popover("Import predictions", icon=":material/upload_file:"):
        upload = st.file_uploader(
            "Predictions of another model", max_upload_size=uploads.most_mb(), key="import-predictions"
        )
        st.caption(HELP)
        name = st.text_input("Name of the model", placeholder="the name of the file")

        def label(digest: str) -> str:
            return names.snapshot_option(frozen[digest])

        choices.keep(_SNAPSHOT, list(frozen), label, default=next(iter(frozen)))
        chosen = st.selectbox("Evaluate on the splits of", list(frozen), format_func=label, key=_SNAPSHOT)
        is_partial = st.checkbox("Import also where images are unknown or missing")
        is_asked = st.button("Import the predictions", disabled=upload is None)
        if not is_asked:
            return
        try:
            file = uploads.kept(workspace, upload, "")
            made = predictions_import.import_predictions(
                workspace, file, frozen[chosen], name=name, is_partial=is_partial, actor=session.actor()
            )
        except PeakidError as error:
            session.show_error(error)
            return
        uploads.remove(workspace, file)
        st.session_state[_DONE] = made.text()
        address.write(run=made.run_id, split=None, given=None, predicted=None)
        st.rerun()

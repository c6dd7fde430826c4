"""Try photos on an exported model, which runs in ONNX Runtime as it will elsewhere."""

from pathlib import Path

import streamlit as st

from peakid.records import Export
from peakid.serve.predictor import Predictor
from peakid.store import exports
from peakid.web import uploads
from peakid.web.exports import photo_answer
from peakid.web.exports.photo_answer import MAX_PHOTOS


def show(export: Export) -> None:
    """Draw the upload field, and the most probable classes of the uploaded photos.

    Raises:
        PeakidError: If the export cannot be opened.
    """
    given = st.file_uploader(
        f"Try photos on export {export.export_id}",
        accept_multiple_files=True,
        key=f"photo:{export.export_id}",
        help=f"Up to {MAX_PHOTOS} image files. They are not stored.",
        max_upload_size=uploads.most_photo_mb(),
    )
    if not given:
        return
    if len(given) > MAX_PHOTOS:
        st.caption(f"The first {MAX_PHOTOS} of {len(given):,} photos are predicted.")
    contents = [uploads.content(each) for each in given[:MAX_PHOTOS]]
    found = predictor(str(exports.folder(export))).predict(contents, top=photo_answer.TOP)
    photo_answer.show(
        [
            photo_answer.answered(upload.name, content, prediction)
            for upload, content, prediction in zip(given, contents, found, strict=False)
        ]
    )


@st.cache_resource(max_entries=2, show_spinner="Loading the model")  # An export never changes.
def predictor(path: str) -> Predictor:
    return Predictor(Path(path))

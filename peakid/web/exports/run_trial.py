"""Try photos on a run before it is exported: its model is kept in memory by a process for a while."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from peakid.errors import PeakidError
from peakid.jobs.run_predictor import requests
from peakid.jobs.run_predictor.requests import PredictionRequest, State
from peakid.records import Run
from peakid.store.workspace import Workspace
from peakid.web import session, uploads, words
from peakid.web.exports import photo_answer
from peakid.web.exports.photo_answer import MAX_PHOTOS, PhotoAnswer
from peakid.web.jobs import progress

LOOK_S = 0.3
READY_S = 1.0  # An answer of a model in memory takes less: it is drawn without a progress bar before it.
TEXTS: dict[State, str] = {
    "waiting": "Other photos come first",
    "starting": "Loading the libraries, which takes some seconds the first time",
    "loading": "Loading the model",
}


@dataclass
class _Tried:
    """What a session asks about one run.

    Attributes:
        files: The ids of the uploaded files.
        shown: The answers as they are drawn, made once.
    """

    files: tuple[str, ...]
    request: PredictionRequest
    shown: list[PhotoAnswer] | None = None


def show(workspace: Workspace, run: Run) -> None:
    """Draw the upload field, the progress while the model is loaded, and the answers."""
    with session.reported():
        _show(workspace, run)


def _show(workspace: Workspace, run: Run) -> None:
    given = st.file_uploader(
        f"Try photos on run {run.run_id}",
        accept_multiple_files=True,
        key=f"try:files:{run.run_id}",
        help=f"Up to {MAX_PHOTOS} image files. The run answers before it is exported. They are not stored.",
        max_upload_size=uploads.most_photo_mb(),
    )
    key = f"try:{workspace.path}:{run.run_id}"
    before: _Tried | None = st.session_state.get(key)
    files = tuple(each.file_id for each in given[:MAX_PHOTOS])
    if before is not None and before.files != files:
        before.request.cancel()
        del st.session_state[key]
    if not files:
        return
    if len(given) > MAX_PHOTOS:
        st.caption(f"The first {MAX_PHOTOS} of {len(given):,} photos are predicted.")
    if key not in st.session_state:
        contents = [uploads.content(each) for each in given[:MAX_PHOTOS]]
        asked = requests.start(workspace, run.run_id, contents, top=photo_answer.TOP)
        st.session_state[key] = _Tried(files, asked)
    tried: _Tried = st.session_state[key]
    if tried.request.wait(READY_S):
        _show_answers(tried, given[:MAX_PHOTOS], run, key)
    else:
        st.fragment(run_every=LOOK_S)(_show_waiting)(tried.request, key)


def _show_waiting(request: PredictionRequest, key: str) -> None:
    """Draw the progress, redrawn by itself until the request has ended."""
    if request.has_ended:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(progress.share(request.n_answered, request.n_photos), text=progress_text(request))
        st.button("Cancel", key=f"cancel:{key}", on_click=request.cancel, width="content")


def progress_text(request: PredictionRequest) -> str:
    """Return what happens now: `Loading the model`, `3 of 8 photos`."""
    return TEXTS.get(request.state, f"{request.n_answered} of {words.n_of(request.n_photos, 'photo')}")


def _show_answers(tried: _Tried, given: Sequence[UploadedFile], run: Run, key: str) -> None:
    try:
        answers = tried.request.answers()
    except PeakidError as error:
        session.show_error(error, key=key)
        _offer_again(key)
        return
    if tried.request.state == "cancelled":
        of_all = words.n_of(tried.request.n_photos, "photo")
        st.info(f"Cancelled after {len(answers)} of {of_all}.", icon=":material/cancel:")
        _offer_again(key)
    if tried.shown is None or len(tried.shown) != len(answers):
        resize = run.recipe.get("resize", "crop")
        tried.shown = [
            photo_answer.explained(
                upload.name, uploads.content(upload), answer.prediction, answer.heat, resize
            )
            for upload, answer in zip(given, answers, strict=False)
        ]
    photo_answer.show(tried.shown)
    if any(each.heat is not None for each in tried.shown):
        st.caption(
            "Right: where the score of the first class comes from (Grad-CAM, not tested). "
            "Left: the part of the photo that the model sees."
        )


def _offer_again(key: str) -> None:
    st.button("Ask again", key=f"again:{key}", on_click=lambda: st.session_state.pop(key, None))

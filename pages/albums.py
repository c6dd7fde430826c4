"""Sort a folder of photos into albums: preview what a model says, correct it, write it, take it back."""

from collections.abc import Sequence

import streamlit as st

from peakid.errors import PeakidError
from peakid.jobs import queue
from peakid.jobs.albums import sorting
from peakid.jobs.albums.arguments import PreviewAlbumsArguments
from peakid.jobs.job import Job
from peakid.records import Run
from peakid.serve.albums import previews
from peakid.serve.albums.plan import AlbumPlan
from peakid.serve.albums.preview_file import Preview
from peakid.store import exports, runs
from peakid.web import address, navigation, session, tables, words
from peakid.web.albums import board, move_panel, rules_form, source_form, write_form
from peakid.web.jobs import job_panel, submission
from peakid.web.training import first_model

KINDS = ("preview-albums", "write-albums", "undo-albums")
MAX_UNREADABLE = 200


def show_empty() -> None:
    sentence = "Photos are sorted into albums by an exported model. "
    if any(run.has_model for run in runs.list_runs(workspace)):
        st.info(f"{sentence}Export a run in the format ONNX, then choose a folder of photos here.")
        if st.button("Export a run", type="primary"):
            navigation.go("models")
        return
    first_model.show_way(workspace, sentence, page="train", label="Train a model")


def show_jobs(found: Sequence[Job]) -> None:
    """Draw the jobs that run, and the newest one if it did not end well."""
    for job in found:
        if job.state not in queue.ENDED or (job is found[0] and job.state != "done"):
            job_panel.show(workspace, job)


def is_awaited(preview: Preview, found: Sequence[Job]) -> bool:
    """Return whether no other folder is being predicted: it would not be the one that was asked for."""
    asked = [job.arguments for job in found if job.state not in queue.ENDED]
    here = PreviewAlbumsArguments(preview.export_id, str(preview.photos.folder))
    return all(each == here for each in asked if isinstance(each, PreviewAlbumsArguments))


def run_of(preview: Preview) -> Run | None:
    try:
        return runs.show(workspace, exports.show(workspace, preview.export_id).run_id)
    except PeakidError:
        return None  # Its run is of another workspace, or gone.


def show_preview(preview: Preview) -> None:
    show_unreadable(preview)
    if not preview.is_complete:
        n = words.n_of(len(preview.photos.paths), "photo")
        st.info(f"The preview was stopped after {n}. Preview the folder again to continue it.")
        return
    if not preview.photos.paths:
        st.warning("No file in this folder can be read as a photo.", icon=":material/warning:")
        return
    chosen = rules_form.show(workspace, preview, run_of(preview))
    plan = sorting.planned(workspace, preview, chosen.rules)
    chosen.show_other(plan)
    write_form.show(workspace, preview, plan, chosen.rules)
    show_albums(preview, plan)


def show_unreadable(preview: Preview) -> None:
    failed = preview.photos.unreadable
    if not failed:
        return
    label = f"{words.n_of(len(failed), 'file')} cannot be read and stay where they are"
    with st.expander(label, icon=":material/broken_image:"):
        tables.show([{"File": each.path, "Reason": each.reason} for each in failed[:MAX_UNREADABLE]])


def show_albums(preview: Preview, plan: AlbumPlan) -> None:
    counts = plan.counts()
    name = address.option("album", list(counts))
    if name is None:
        board.show_all(
            preview, plan, key=f"albums:{preview.key}", on_open=lambda each: address.write(album=each)
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All albums", icon=":material/arrow_back:", on_click=lambda: address.write(album=None))
        st.header(f"{words.plain(name)} {counts[name]:,}")
    n_pages = board.opened(plan, name).n_pages
    page = 1
    if n_pages > 1:
        page = st.number_input(f"Page (of {n_pages})", 1, n_pages, key=f"albums:page:{name}", width=160)
    moving = st.container()
    selected = board.show_album(
        preview, plan, board.opened(plan, name, page), key=f"album:{preview.key}:{name}"
    )
    with moving:
        move_panel.show(workspace, preview, plan, selected)


# 1 open
workspace = session.workspace()
submission.renew_ended(workspace)
st.title("Albums")

# 2 ask
usable = source_form.usable(exports.list_exports(workspace))
kept = previews.list_previews(workspace)
by_key = {preview.key: preview for preview in kept}
jobs = [job for job in queue.list_jobs(workspace) if job.kind in KINDS]

# 3 draw, 4 act
if not usable:
    show_empty()
else:
    key = address.option("preview", list(by_key)) or next(iter(by_key), None)
    opened = by_key.get(str(key))
    source_form.show(workspace, usable, opened)
    show_jobs(jobs)
    if opened is not None and is_awaited(opened, jobs):
        show_preview(opened)
    elif opened is None and not any(job.state not in queue.ENDED for job in jobs):
        st.info(
            "Choose a folder of photos. The preview shows the album of each photo before anything is written."
        )
    source_form.show_earlier(workspace, kept, opened)

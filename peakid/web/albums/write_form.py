"""Where albums go and how photos get into them; the buttons that write them and take them back."""

from pathlib import Path

import streamlit as st

from peakid.jobs import queue
from peakid.jobs.albums import sorting
from peakid.jobs.albums.results import UndoAlbumsResult, WriteAlbumsResult
from peakid.jobs.job import Job
from peakid.serve.albums import journal
from peakid.serve.albums.journal import MODES, Mode
from peakid.serve.albums.plan import AlbumPlan, AlbumRules
from peakid.serve.albums.preview_file import Preview
from peakid.store.workspace import Workspace
from peakid.web import reach, session, uploads, words
from peakid.web.jobs import submission
from peakid.web.workspaces import folder_browser

TITLES: dict[Mode, str] = {
    "copy": "Copy the photos",
    "hardlink": "Hard links (no extra space, same disk)",
    "symlink": "Symbolic links",
    "csv": "Only a list, albums.csv",
    "move": "Move the photos out of their folder",
}
CONFIRMATION = "move"  # Has to be typed before photos are moved.
MAX_NAMED = 5


def show(workspace: Workspace, preview: Preview, plan: AlbumPlan, rules: AlbumRules) -> None:
    """Draw the form, and submit the writing or taking back when a button is clicked."""
    field = f"albums:out:{preview.key}"
    st.session_state.setdefault(field, str(proposed_folder(preview.photos.folder)))
    cells = st.columns([5, 2, 4], gap="small", vertical_alignment="bottom")
    typed = cells[0].text_input("Folder of the albums", key=field)
    with cells[1]:
        folder_browser.button(field, new_name=f"{preview.photos.folder.name} albums")
    mode: Mode = cells[2].selectbox(
        "How", MODES, format_func=TITLES.__getitem__, key=f"albums:mode:{preview.key}"
    )
    is_confirmed = mode != "move" or _confirmed(preview)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{words.plain(summary(plan, rules))}**", width="content")
        is_clicked = st.button(
            button_text(plan, mode), type="primary", disabled=not is_confirmed or not plan.placements
        )
    with session.reported():
        out = uploads.given(typed, "folder for the albums")
        if is_clicked and is_confirmed:
            _write(workspace, preview, out, rules, mode)
        _show_state(workspace, out)


def summary(plan: AlbumPlan, rules: AlbumRules) -> str:
    """Return what the preview shows: `79 photos in 6 albums. 4 have a near-twin.`"""
    n_photos, n_albums = words.n_of(len(plan.placements), "photo"), words.n_of(len(plan.counts()), "album")
    parts = [f"{n_photos} in {n_albums}."]
    n_placed = sum(bool(each.placed) for each in plan.placements)
    parts += [f"{n_placed:,} moved by hand."] if n_placed else []
    if rules.keeps_twins and plan.n_twins:
        parts.append(f"{plan.n_twins:,} have a near-twin.")
    return " ".join(parts)


def proposed_folder(folder: Path) -> Path:
    """Return a folder beside the photos; one inside, where pages may not use the folder around them."""
    beside = folder.with_name(f"{folder.name} albums")
    return beside if reach.is_allowed(beside) else folder / "albums"


def button_text(plan: AlbumPlan, mode: Mode) -> str:
    """Return what the button does: `Write 79 photos into 6 albums`."""
    if mode == "csv":
        return "Write the list"
    verb = "Move" if mode == "move" else "Write"
    counts = plan.counts()
    return f"{verb} {words.n_of(len(plan.placements), 'photo')} into {words.n_of(len(counts), 'album')}"


def _confirmed(preview: Preview) -> bool:
    st.warning(
        f"The photos leave {words.plain(str(preview.photos.folder))}. They return when the albums are"
        " taken back, unless they are changed meanwhile.",
        icon=":material/warning:",
    )
    typed = st.text_input(
        f'Type "{CONFIRMATION}" to allow it', key=f"albums:confirm:{preview.key}", width=260
    )
    return typed.strip().lower() == CONFIRMATION


def _write(workspace: Workspace, preview: Preview, out: Path, rules: AlbumRules, mode: Mode) -> None:
    form = f"albums:write:{preview.key}:{out}:{mode}:{rules}"
    if submission.submit(
        form,
        lambda request_id: sorting.write(
            workspace, preview.key, out, rules, mode=mode, request_id=request_id, actor=session.actor()
        ),
    ):
        st.rerun()


def _show_state(workspace: Workspace, out: Path) -> None:
    """Say what the newest job did with this folder, and offer to take its albums back."""
    job = newest_job(workspace, out)
    has_albums = (out / journal.NAME).is_file() and (job is None or job.state in queue.ENDED)
    with st.container(horizontal=True, vertical_alignment="center"):
        if job is not None and job.state == "done" and (text := done_text(job)):
            st.success(words.plain(text), icon=":material/check_circle:", width="stretch")
        if has_albums:
            _show_undo(workspace, out)


def _show_undo(workspace: Workspace, out: Path) -> None:
    tip = "Removes the files that sorting made, and returns moved photos. What was changed since stays."
    if st.button("Take the albums back", icon=":material/undo:", help=tip) and submission.submit(
        f"albums:undo:{out}",
        lambda request_id: sorting.take_back(workspace, out, request_id=request_id, actor=session.actor()),
    ):
        st.rerun()


def newest_job(workspace: Workspace, out: Path) -> Job | None:
    """Return the newest job that wrote albums into a folder or took them back."""
    found = [
        queue.newest(workspace, kind, lambda job: getattr(job.arguments, "out", "") == str(out))
        for kind in ("write-albums", "undo-albums")
    ]
    return max((job for job in found if job), key=lambda job: job.job_id, default=None)


def done_text(job: Job) -> str:
    """Return what a job that is done did with the albums; '' for another kind of job."""
    written, undone = job.result_as(WriteAlbumsResult), job.result_as(UndoAlbumsResult)
    if undone is not None:
        left = _left(undone.n_left, undone.left)
        return f"Took back {words.n_of(undone.n_removed, 'photo')} from {undone.out}.{left}"
    if written is None:
        return ""
    if written.mode == "csv":
        return f"Wrote albums.csv into {written.out}."
    n = written.n_made + written.n_kept
    parts = [f"{written.n_kept:,} were there already"] if written.n_kept else []
    parts += [f"{written.n_removed:,} of an earlier sorting were removed"] if written.n_removed else []
    more = f" {'; '.join(parts)}." if parts else ""
    albums = words.n_of(len(written.albums), "album")
    verb = "Moved" if written.mode == "move" else "Wrote"
    left = _left(written.n_left, written.left)
    return f"{verb} {words.n_of(n, 'photo')} into {albums} in {written.out}.{more}{left}"


def _left(n: int, names: tuple[str, ...]) -> str:
    if not n:
        return ""
    more = f" and {n - MAX_NAMED:,} more" if n > MAX_NAMED else ""
    verb = "stays, because it was" if n == 1 else "stay, because they were"
    return f" {n:,} {verb} changed since: {', '.join(names[:MAX_NAMED])}{more}."

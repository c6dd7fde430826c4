"""Move the selected photos of an opened album into another one, and add them to the workspace if wished."""

from collections.abc import Sequence

import streamlit as st

from peakid.errors import PeakidError
from peakid.serve.albums import placing
from peakid.serve.albums.placing import Placed
from peakid.serve.albums.plan import OTHER, AlbumPlan
from peakid.serve.albums.preview_file import Preview
from peakid.store.workspace import Workspace
from peakid.web import session, words

BACK = "Where the model puts it"
_DONE = "albums:moved"  # Session state: what the last move did, until the next run has shown it.


def show(workspace: Workspace, preview: Preview, plan: AlbumPlan, selected: Sequence[int]) -> None:
    """Draw the menu of albums and the button that moves the photos with these numbers."""
    _show_done()
    if not selected:
        st.caption("Click the photos that are in the wrong album, then choose where they go.")
        return
    chosen = [plan.placements[n] for n in selected]
    classes = list(preview.photos.class_names)
    options = [*classes, *([] if OTHER in classes else [OTHER])]
    options += [BACK] if any(each.placed for each in chosen) else []
    cells = st.columns([3, 3, 2], gap="small", vertical_alignment="bottom")
    to = cells[0].selectbox(
        f"Move {words.n_of(len(chosen), 'photo')} to the album of",
        options,
        index=None,
        placeholder="Choose a class",
        format_func=words.shown,
        key=f"albums:to:{preview.key}",
    )
    learns = cells[1].checkbox(
        "Also learn from this",
        key=f"albums:learn:{preview.key}",
        disabled=to not in classes,
        help="Adds the photos to this workspace with that class as their label. The next training uses them.",
    )
    if cells[2].button(f"Move {words.n_of(len(chosen), 'photo')}", disabled=to is None, width="stretch"):
        class_name = None if to == BACK and BACK not in classes else to
        _move(workspace, preview, [each.path for each in chosen], class_name, learns=learns and to in classes)


def _move(
    workspace: Workspace, preview: Preview, paths: Sequence[str], class_name: str | None, *, learns: bool
) -> None:
    try:
        done = placing.place(workspace, preview, paths, class_name, learns=learns, actor=session.actor())
    except PeakidError as error:
        session.show_error(error, key="move")
        return
    st.session_state[_DONE] = done, class_name
    st.rerun()


def _show_done() -> None:
    if found := st.session_state.pop(_DONE, None):
        done, class_name = found
        st.toast(words.plain(done_text(done, class_name)))
        if done.failed:
            lines = [f"{each.path}: {each.reason}" for each in done.failed]
            st.warning(
                "  \n".join(["Not added to the workspace:", *map(words.plain, lines)]),
                icon=":material/warning:",
            )


def done_text(done: Placed, class_name: str | None) -> str:
    """Return what a move did: `Moved 2 photos to sea. 2 of them are images of this workspace now.`"""
    where = f"to {class_name}" if class_name else "back to where the model puts them"
    learned = (
        f" {words.n_of(len(done.image_ids), 'image')} labelled {class_name} in this workspace."
        if done.image_ids
        else ""
    )
    return f"Moved {words.n_of(done.n_photos, 'photo')} {where}.{learned}"

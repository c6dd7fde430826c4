"""Which export sorts the photos of which folder, the button that previews them, and earlier previews."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.jobs.albums import sorting
from peakid.records import Export
from peakid.serve.albums import previews
from peakid.serve.albums.preview_file import Preview
from peakid.store.workspace import Workspace
from peakid.web import address, names, session, uploads, words
from peakid.web.jobs import submission
from peakid.web.workspaces import folder_browser

_STAGES = ("current", "candidate", "retired")
FOLDER = "albums:folder"  # Key of the text field.


def usable(found: Sequence[Export]) -> dict[str, Export]:
    """Return the exports that can sort photos by number as text, the current one first, retired ones last."""
    return {
        str(each.export_id): each
        for each in sorted(found, key=lambda each: _STAGES.index(_stage(each)))
        if not each.is_foreign and any(file["format"] == "onnx" for file in each.files)
    }


def show(workspace: Workspace, usable: Mapping[str, Export], opened: Preview | None) -> None:
    """Draw the form and submit the preview when its button is clicked.

    Args:
        usable: Exports by number as text; not empty.
        opened: The preview that the page shows.
    """
    if FOLDER not in st.session_state and opened is not None:
        st.session_state[FOLDER] = str(opened.photos.folder)
    cells = st.columns([3, 5, 2, 2.4], gap="small", vertical_alignment="bottom")
    default = str(opened.export_id) if opened else None
    with cells[0]:
        export_id = address.select(
            "Export", "export", list(usable), default=default, format_func=lambda each: _option(usable[each])
        )
    folder = cells[1].text_input("Folder of photos", key=FOLDER, placeholder="/home/you/photos")
    with cells[2]:
        folder_browser.button(FOLDER)
    is_known = opened is not None and (default, str(opened.photos.folder)) == (export_id, folder.strip())
    label = "Preview again" if is_known and opened and opened.is_complete else "Preview"
    kind = "secondary" if label != "Preview" else "primary"
    tip = "Predicts the album of every photo that is new. Nothing is written."
    if cells[3].button(label, type=kind, width="stretch", help=tip):
        _submit(workspace, usable[export_id], folder)


def show_earlier(workspace: Workspace, found: Sequence[Preview], opened: Preview | None) -> None:
    """Draw the other previews, to open or remove."""
    others = [each for each in found if opened is None or each.key != opened.key]
    if not others:
        return
    with st.expander(f"Earlier previews ({len(others):,})", icon=":material/history:"):
        for each in others:
            with st.container(horizontal=True, vertical_alignment="center"):
                title = f"{folder_browser.shortened(str(each.photos.folder))}, export {each.export_id}"
                n = words.n_of(len(each.photos.paths), "photo")
                st.markdown(f"{words.plain(title)}, {n}, {words.ago(each.made_at)}", width="stretch")
                if st.button("Open", key=f"open:{each.key}"):
                    open_preview(each)
                    st.rerun()
                tip = "Removes the predictions and thumbnails. Photos and albums stay."
                if st.button("Remove", key=f"remove:{each.key}", help=tip):
                    previews.remove(workspace, each.key)
                    st.rerun()


def open_preview(preview: Preview) -> None:
    """Make a preview the one that the page shows."""
    st.session_state.pop(FOLDER, None)
    address.write(preview=preview.key, export=preview.export_id, album=None)


def _option(export: Export) -> str:
    stage = "" if _stage(export) == "candidate" else f" · {_stage(export)}"
    return f"Export {export.export_id} · {names.run_name(export.run_id)}{stage}"


def _stage(export: Export) -> str:
    return export.stage if export.stage in _STAGES else "candidate"


def _submit(workspace: Workspace, export: Export, typed: str) -> None:
    with session.reported():
        folder = uploads.given(typed, "folder")
        job = submission.submit(
            f"albums:preview:{export.export_id}:{folder}",
            lambda request_id: sorting.preview(
                workspace, export.export_id, folder, request_id=request_id, actor=session.actor()
            ),
        )
        if job is not None:
            address.write(preview=None, export=export.export_id, album=None)  # The newest is shown.
            st.rerun()

"""How much disk space the workspace takes for what can be made again, and a button that removes it."""

import streamlit as st

from peakid.errors import PeakidError
from peakid.keep import clean, disk_space, report_text
from peakid.keep.clean import Cleaning
from peakid.keep.disk_space import Space, SpaceKind
from peakid.store.workspace import Workspace
from peakid.web import session, words

_COSTS: dict[SpaceKind, str] = {
    "embeddings": "Computing them again takes minutes; imported ones have to be imported again.",
    "checkpoints": "A training whose checkpoint is removed starts anew when it is resumed.",
    "uploads": "They were uploaded and not imported.",
    "old_databases": "An update of Peakid copies the database before it changes it.",
}
_DONE = "space:done"  # Session state: the lines about the cleaning that was just done, shown once.


def show(workspace: Workspace) -> None:
    """Draw what can be removed by kind, with boxes for what is removed only on request."""
    with st.container():
        # Not measured before somebody asks: it takes seconds for a hundred thousand thumbnails.
        if not st.toggle("Show the disk space that can be freed", key="space:shown"):
            return
        for line in st.session_state.pop(_DONE, []):
            st.success(session.plain(line), icon=":material/check:")
        planned = clean.plan(workspace, clean.KINDS)
        if planned.removed or planned.kept:
            _show(workspace, planned)
        else:
            st.caption("There is nothing that can be made again.")


def _show(workspace: Workspace, planned: Cleaning) -> None:
    st.markdown(
        "These files can be made again, so that removing them costs nothing but time. What a job uses stays."
    )
    remakable = [each for each in planned.removed if each.kind in disk_space.REMAKABLE]
    for each in remakable:
        st.markdown(f"- {_text(each)}")
    further = [each for each in planned.removed if each.kind in disk_space.ON_REQUEST]
    with st.form("space", border=False):
        chosen = [
            each
            for each in further
            if st.checkbox(f"Also {_text(each)}", help=_COSTS[each.kind], key=f"space:{each.kind}")
        ]
        if planned.kept:
            kept = "; ".join(_text(each) for each in planned.kept)
            st.caption(f"Left, because a job uses them or they cannot be made again: {kept}.")
        is_submitted = st.form_submit_button(
            "Remove", icon=":material/delete_sweep:", disabled=not planned.removed
        )
    if is_submitted:
        _clean(workspace, [each.kind for each in (*remakable, *chosen)])


def _clean(workspace: Workspace, kinds: list[SpaceKind]) -> None:
    if not kinds:
        st.info("Choose what is removed.")
        return
    try:
        with st.spinner("Removing ..."):
            done = clean.clean(workspace, kinds)
    except PeakidError as error:
        session.show_error(error)
    else:
        st.session_state[_DONE] = [report_text.of_cleaning(done)[0].rstrip(":") + "."]
        st.rerun()


def _text(each: Space) -> str:
    n = words.n_of(each.n_files, "file")
    return f"{disk_space.TITLES[each.kind]}: {n}, {words.n_bytes(each.n_bytes)}"

"""How to tell the classes apart: the note and the typical images of each class."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import classes
from peakid.curate.classes import ClassGuide
from peakid.store.workspace import Workspace
from peakid.web import session, theme, workspace_address

N_COLUMNS = 3
_STYLE = "width:31%;aspect-ratio:4/3;object-fit:cover;border-radius:4px;margin-right:2%"


def show(workspace: Workspace) -> None:
    """Draw a button that opens the guide; nothing where no class is described."""
    guides = [guide for guide in classes.guide(workspace) if guide.note or guide.examples]
    if not guides:
        return
    with st.popover("How to tell them apart", icon=":material/menu_book:", width="content"):
        colours = theme.class_colours([guide.class_name for guide in guides], classes.colours(workspace))
        for begin in range(0, len(guides), N_COLUMNS):
            for cell, guide in zip(st.columns(N_COLUMNS), guides[begin : begin + N_COLUMNS], strict=False):
                with cell:
                    _card(guide, colours[guide.class_name])


def show_images(digests: Sequence[str]) -> None:
    """Draw thumbnails side by side, from our own route: Streamlit would keep a copy of each in memory."""
    if digests:
        st.html(
            "".join(
                f'<img src="{workspace_address.thumbnail(digest)}" alt="" style="{_STYLE}">'
                for digest in digests
            )
        )


def _card(guide: ClassGuide, colour: str) -> None:
    key = f" `{guide.key}`" if guide.key else ""
    st.html(f'<div style="height:4px;border-radius:2px;background:{colour}"></div>')
    st.markdown(f"**{session.plain(guide.class_name)}**{key}")
    show_images(guide.examples)
    st.caption(session.plain(guide.note))

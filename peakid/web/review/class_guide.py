"""How to tell the classes apart: the note and the typical images of each class."""

from collections.abc import Sequence

import streamlit as st

from peakid.curate import classes, typical
from peakid.curate.classes import ClassGuide
from peakid.store.workspace import Workspace
from peakid.web import session, theme, workspace_address

N_COLUMNS = 3
_STYLE = "width:31%;aspect-ratio:4/3;object-fit:cover;border-radius:4px;margin-right:2%"


def show(workspace: Workspace, order: Sequence[str]) -> None:
    """Draw a button that opens the guide; nothing where no class is described or recognised.

    Args:
        order: The classes in the order of their keys in this queue.
    """
    known = sorted(classes.guide(workspace), key=lambda guide: order.index(guide.class_name))
    best = typical.best_recognised(workspace, [each.class_name for each in known if not each.examples])
    guides = [each for each in known if each.note or each.examples or each.class_name in best]
    if not guides:
        return
    with st.popover("How to tell them apart", icon=":material/menu_book:", width="content"):
        colours = theme.class_colours([guide.class_name for guide in guides], classes.colours(workspace))
        for begin in range(0, len(guides), N_COLUMNS):
            for cell, guide in zip(st.columns(N_COLUMNS), guides[begin : begin + N_COLUMNS], strict=False):
                with cell:
                    number = order.index(guide.class_name) + 1
                    key = f" `{number}`" if number <= classes.N_KEYS else ""
                    _card(guide, colours[guide.class_name], key, best.get(guide.class_name, []))


def show_images(digests: Sequence[str]) -> None:
    """Draw thumbnails side by side, from our own route: Streamlit would keep a copy of each in memory."""
    if digests:
        st.html(
            "".join(
                f'<img src="{workspace_address.thumbnail(digest)}" alt="" style="{_STYLE}">'
                for digest in digests
            )
        )


def show_typical(workspace: Workspace, guide: ClassGuide) -> None:
    """Draw the typical images of a class, or those that the newest run recognises best."""
    wanted = [] if guide.examples else [guide.class_name]
    _typical(guide, typical.best_recognised(workspace, wanted).get(guide.class_name, []))


def _typical(guide: ClassGuide, best: Sequence[str]) -> None:
    show_images(guide.examples or best)
    if best and not guide.examples:
        st.caption("Best recognised by the newest run. Press T on an image to choose typical ones.")


def _card(guide: ClassGuide, colour: str, key: str, best: Sequence[str]) -> None:
    st.html(f'<div style="height:4px;border-radius:2px;background:{colour}"></div>')
    st.markdown(f"**{session.plain(guide.class_name)}**{key}")
    _typical(guide, best)
    if guide.note:
        st.caption(session.plain(guide.note))

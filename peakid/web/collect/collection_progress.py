"""How far a collection is: each class with what is wanted and what came, and the newest images."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from peakid.store.collecting import class_progress, collections
from peakid.store.collecting.class_progress import ClassProgress
from peakid.store.workspace import Workspace
from peakid.web import tables, words, workspace_address

N_NEWEST = 12
MAX_WHOLE, MAX_TABLE_PX = 10, 360  # Of more classes, the table scrolls.
_ROW = "display:flex;gap:6px;overflow:hidden;height:72px"  # Of one height, so that nothing below it moves.
_PICTURE = "width:96px;height:72px;object-fit:cover;border-radius:4px;flex:none"


def show(workspace: Workspace, name: str) -> None:
    """Draw the classes of a collection and its newest images; nothing if it was removed meanwhile."""
    found = [each for each in collections.list_collections(workspace) if each.name == name]
    if not found:
        st.caption("This collection is no longer in the workspace.")
        return
    rows = class_progress.by_class(workspace, found[0].collection_id)
    show_classes(rows)
    show_images(class_progress.newest_images(workspace, found[0].collection_id, limit=N_NEWEST))


def show_classes(rows: Sequence[ClassProgress]) -> None:
    """Draw a table with a bar for each class that is searched for."""
    if not rows:
        st.caption("Its searches have found nothing so far.")
        return
    has_wanted = any(each.n_wanted for each in rows)
    lines = [
        {
            "Class": each.label or "(no class)",
            **({"Wanted": each.n_wanted or None} if has_wanted else {}),
            "Found": each.n_found,
            "Images": each.n_images,
            "Rejected": each.n_rejected,
            "Waiting": each.n_waiting,
            **({"Done": _share(each)} if has_wanted else {}),
        }
        for each in rows
    ]
    tables.show(
        lines,
        height="content" if len(lines) <= MAX_WHOLE else MAX_TABLE_PX,
        column_config={
            "Done": st.column_config.ProgressColumn(
                format="%.0f %%", min_value=0, max_value=100, help="Images and rejections of what is wanted."
            )
        },
    )


def show_images(images: Sequence[tuple[str, str]]) -> None:
    """Draw thumbnails side by side, in a row of fixed height.

    Args:
        images: Digest and class of each.
    """
    pictures = "".join(
        f'<img src="{workspace_address.thumbnail(digest)}" alt="{escape(words.shown(label), quote=True)}"'
        f' title="{escape(words.shown(label), quote=True)}" style="{_PICTURE}">'
        for digest, label in images
    )
    st.html(f'<div style="{_ROW}">{pictures}</div>')


def _share(each: ClassProgress) -> float:
    """Return the percentage of what is wanted that has ended, as an image or a rejection."""
    most = max(each.n_wanted, each.n_found)
    return 100 * (each.n_images + each.n_rejected) / most if most else 0.0

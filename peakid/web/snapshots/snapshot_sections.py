"""The contents of one snapshot: images per class and split, the images, and changes since another one."""

from collections.abc import Sequence
from dataclasses import asdict

import streamlit as st

from peakid.dataset import snapshot as snapshots
from peakid.records import Snapshot, SnapshotItem
from peakid.store.workspace import Workspace
from peakid.web import address, names, session, tables, words
from peakid.web.snapshots import picture_table

CHANGES = {
    "added": "Added",
    "removed": "Removed",
    "relabelled": "Relabelled",
    "moved": "Moved to another split",
}
ALL_SPLITS, ALL_CLASSES = "all splits", "all classes"


def show_contents(workspace: Workspace, frozen: Snapshot) -> None:
    """Draw the number of images per class and split, and near duplicates in different splits."""
    rows = snapshots.table(workspace, frozen.digest)
    total = {"class_name": ALL_CLASSES, **frozen.splits, "n_images": frozen.n_images}
    heads = {
        "class_name": "Class",
        "train": "Train",
        "valid": "Validation",
        "test": "Test",
        "n_images": "All splits",
    }
    tables.show([*rows, total], column_config=heads, height="content")
    if not frozen.n_leaks:
        st.caption(snapshots.compared(frozen).finding)
        return
    groups = words.n_of(frozen.n_leaks, "group")
    st.markdown(
        f"**{groups} of near duplicates in different splits**: the model is scored on images that "
        "resemble its training images."
    )
    leaked = [image for leak in snapshots.leaks(workspace, frozen.digest) for image in leak["images"]]
    picture_table.show(leaked, key="leaks")


def show_images(workspace: Workspace, frozen: Snapshot) -> None:
    """Draw the images of one split and class."""
    cells = st.columns(2)
    with cells[0]:
        split = address.select("Split", "split", [ALL_SPLITS, "train", "valid", "test"])
    with cells[1]:
        class_name = address.select("Class", "class", [ALL_CLASSES, *frozen.class_names])
    shown = [
        item
        for item in _items(workspace, frozen.digest)
        if split in (ALL_SPLITS, item.split) and class_name in (ALL_CLASSES, item.label)
    ]
    st.caption(words.n_of(len(shown), "image"))
    picture_table.show([asdict(item) for item in shown], key="images")


def show_changes(workspace: Workspace, frozen: Snapshot, all_snapshots: Sequence[Snapshot]) -> None:
    """Draw what was added, removed, relabelled and moved since another snapshot."""
    others = {each.digest: each for each in all_snapshots if each.digest != frozen.digest}
    if not others:
        st.info(
            "There is only one snapshot. Freeze a second one to see which images were added, removed, "
            "relabelled or moved."
        )
        return
    since = address.select(
        "Compared with", "since", list(others), format_func=lambda each: names.snapshot_option(others[each])
    )
    changes = snapshots.diff(workspace, since, frozen.digest)
    kind = address.segments(
        "Change",
        "change",
        list(CHANGES),
        default=next((kind for kind in CHANGES if changes[kind]), None),
        format_func=lambda each: f"{CHANGES[each]} {len(changes[each]):,}",
    )
    if changes[kind]:
        picture_table.show(changes[kind], key=f"changes:{kind}")
    else:
        other = session.plain(names.snapshot_name(others[since]))
        st.caption(f"{CHANGES[kind]}: no images, compared with {other}.")


@st.cache_resource(max_entries=4, show_spinner=False)  # A snapshot never changes.
def _items(_workspace: Workspace, digest: str) -> list[SnapshotItem]:
    return snapshots.items(_workspace, digest)

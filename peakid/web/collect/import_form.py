"""What a person wants to import: the source, its path, and how it is read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from peakid.records import Source
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl
from peakid.web import reach, uploads, words
from peakid.web.collect import collection_form, estimate_panel, name_form
from peakid.web.workspaces import folder_browser

SOURCES: dict[Source | Literal["search"], str] = {
    "folder": "Folder",
    "zip": "Zip archive",
    "csv": "Table of labels",
    "web": "List of URLs",
    "search": "Names of classes",
}

# The text fields that a folder can be chosen for by browsing, with the label of the button.
# By source: the fields with a button that browses, its label, and the suffixes of files to choose.
BROWSED: dict[Source, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "folder": (("folder_path", "Browse folders", ()),),
    "zip": (("zip_path", "Browse archives", (".zip",)),),
    "csv": (
        ("csv_path", "Browse tables", (".csv", ".tsv", ".json", ".jsonl", ".parquet")),
        ("csv_root", "Browse for the folder of the paths", ()),
    ),
    "web": ((collection_form.FIELD, "Browse lists", collection_form.SUFFIXES),),
}


@dataclass(frozen=True)
class ImportRequest:
    """What was entered. The arguments are those of `jobs.submit.import_images`."""

    source: Source
    path: Path | StoreUrl
    root: Path | None = None
    in_place: bool = False
    follow_links: bool = False
    links_within: Path | None = None


def ask(workspace: Workspace) -> ImportRequest | None:
    """Draw the form. Return what was entered when its button is clicked, else None.

    The form of a list of URLs has a preview of its own (`collection_form.preview`), and so have names of
    classes (`estimate_panel.show`).

    Raises:
        BadInput: If no path was entered.
    """
    source: Source | Literal["search"] = st.segmented_control(
        "Import from",
        SOURCES,
        default="folder",
        format_func=lambda each: words.chosen(
            SOURCES[each], each == st.session_state.get("source", "folder")
        ),
        required=True,
        wrap=True,
        key="source",
    )
    if source == "search":
        draft = name_form.ask(workspace, is_estimated=estimate_panel.is_shown())
        if draft and estimate_panel.estimate(draft):
            st.rerun()
        return None
    with st.container(horizontal=True):
        for field, label, suffixes in BROWSED.get(source, ()):
            folder_browser.button(field, label=label, suffixes=suffixes)
    if source == "web":
        collection_form.ask(workspace)
        return None
    with st.form("import", border=False):
        return {"folder": _folder, "zip": _zip, "csv": _table}[source](workspace)


def _folder(_workspace: Workspace) -> ImportRequest | None:
    st.caption(
        "Subfolders become classes; train, valid, test and the like become splits. Every file that "
        "can be decoded is imported."
    )
    label, example, tip = _folder_field(reach.stores())
    path = st.text_input(label, placeholder=example, help=tip, key="folder_path")
    with st.expander("Copying and links", icon=":material/tune:"):
        in_place_tip = "Files that are moved or renamed within the folder are found again by an image check."
        is_in_place = st.checkbox("Leave the files in place, copy nothing", help=in_place_tip)
        links_tip = "Links to files inside the folder are always followed."
        follows_links = st.checkbox("Follow links to folders inside the folder", help=links_tip)
        within = st.text_input(
            "Also follow links into", placeholder="another folder on this machine", key="links_within"
        )
    if not _is_submitted():
        return None
    return ImportRequest(
        "folder",
        uploads.given_place(path, "folder"),
        in_place=is_in_place,
        follow_links=follows_links,
        links_within=uploads.given(within, "folder") if within else None,
    )


def _folder_field(stores: list[StoreUrl]) -> tuple[str, str, str | None]:
    """Return label, placeholder and help of the field; image stores only where pages may use some."""
    if not stores:
        return "Folder on this machine", "/home/you/photos", None
    label = "Folder on this machine, or place in an image store"
    tip = "Images in a store stay there. Thumbnails and what is computed from the images come here."
    return label, f"/home/you/photos or {stores[0]}", tip


def _zip(workspace: Workspace) -> ImportRequest | None:
    most_mb = uploads.most_mb()
    st.caption(f"A zip archive of such a folder. For more than {most_mb:,} MB, enter its path instead.")
    upload = st.file_uploader("Zip archive", type="zip", key="zip_upload", max_upload_size=most_mb)
    path = st.text_input("Or its path on this machine", placeholder="/home/you/photos.zip", key="zip_path")
    return ImportRequest("zip", uploads.kept(workspace, upload, path)) if _is_submitted() else None


def _table(_workspace: Workspace) -> ImportRequest | None:
    st.caption(
        "Any table with a column of paths and a column of classes. Also label files of Label Studio, "
        "FiftyOne, Roboflow and COCO, if each image has one class."
    )
    label = "Table on this machine (CSV, JSON or Parquet)"
    path = st.text_input(label, placeholder="/home/you/labels.csv", key="csv_path")
    relative = "Folder that its paths are relative to"
    root = st.text_input(relative, placeholder="the folder of the table", key="csv_root")
    if not _is_submitted():
        return None
    return ImportRequest(
        "csv", uploads.given(path, "table"), root=uploads.given(root, "folder") if root else None
    )


def _is_submitted() -> bool:
    return st.form_submit_button("Preview", type="primary", help="Nothing is imported yet.")

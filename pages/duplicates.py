"""Resolve duplicates: keep the best image of a group, keep all, or mark them as not duplicates."""

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from peakid.curate.duplicates import duplicate_groups, proposed_groups, resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, KeepRule
from peakid.store import comparisons, status
from peakid.web import address, navigation, session, words
from peakid.web.gallery import bulk_notice, delivery, duplicate_grid
from peakid.web.jobs import copies_panel, scan_panel
from peakid.web.search import photo_search

RULES: dict[KeepRule, str] = {
    "largest": "most pixels",
    "sharpest": "most sharpness",
    "compressed": "least compression",
    "source": "best source",
}
EMPTY = {
    "conflicting": "No duplicates have different labels. If some had, at least one label would be wrong.",
    "across": "No duplicates are in different splits. A score measured on such images would be too high.",
    "exact": "No two images have the same pixels.",
    "near": "No two images look the same. Resized, mirrored and slightly cropped copies are found here;"
    " different photos of one scene are not duplicates.",
    "proposed": "No copies are proposed. The search finds photos that were turned, cropped or recoloured"
    " before they came here.",
    "settled": "No group is settled yet. Groups that you resolve are listed here.",
}
NONE_COMPARED = "The images were not compared with each other yet. A scan finds their duplicates."
NOT_FOUND = "None was found among the images that were compared. Not all were."
KEY = "tab"


def show_bulk(groups: Sequence[DuplicateGroup]) -> None:
    """Offer to keep the best image of every group of this tab, with what that excludes."""
    keys = [group.group_key for group in groups]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Keep the image with", width="content")
        rule = st.selectbox(
            "Rule",
            get_args(KeepRule),
            format_func=RULES.__getitem__,
            key="rule",
            width=190,
            label_visibility="collapsed",
        )
        planned = resolve.plan(workspace, rule=rule, keys=keys)
        n = len(planned.excluded)
        st.markdown(f"keeps {len(planned.kept):,}, excludes {n:,}", width="content")
        if st.button(f"Exclude {words.n_of(n, 'image')}", disabled=not n):
            event_id, actor = bulk_notice.new_event_id(), session.actor()
            step = resolve.keep_best(workspace, rule=rule, keys=keys, actor=actor, event_id=event_id)
            text = f"excluded {words.n_of(step.n_images, 'duplicate')}"
            digests = tuple(each.digest for each in step.decisions)
            if step.n_images:
                bulk_notice.note(tab, bulk_notice.Done(event_id, text, digests))
            duplicate_grid.forget(tab)
            st.rerun()


def show_empty() -> None:
    n_missing = comparisons.n_missing(workspace) if tab != "settled" else 0
    if not n_missing:
        navigation.show_empty(workspace, EMPTY[tab])
        return
    is_none = n_missing == status.read(workspace).n_images
    navigation.show_empty(workspace, NONE_COMPARED if is_none else NOT_FOUND, icon=":material/info:")


# 1 open
workspace = session.workspace()
everything = duplicate_groups.list_groups(workspace) + proposed_groups.list_groups(workspace)
by_tab = {
    tab: [group for group in everything if duplicate_grid.tab_of(group) == tab] for tab in duplicate_grid.TABS
}

# 2 ask
first = next((tab for tab, groups in by_tab.items() if groups), "near")
tab = address.option("tab", list(by_tab)) or first
if not address.has("tab"):  # The page stays on this tab when its last group is settled.
    address.write(tab=tab)
st.session_state[KEY] = tab  # The address decides.


def tab_title(name: str) -> str:
    title = f"{duplicate_grid.TABS[name]} {len(by_tab[name]):,}"
    return words.chosen(title, name == tab)


def open_tab() -> None:
    duplicate_grid.forget(st.session_state[KEY])
    address.write(tab=st.session_state[KEY])


with st.container(horizontal=True, horizontal_alignment="distribute"):
    st.pills(
        "Groups",
        list(by_tab),
        format_func=tab_title,
        required=True,
        wrap=True,
        key=KEY,
        on_change=open_tab,
        label_visibility="collapsed",
    )
    photo_search.show(workspace)
scan_panel.show(workspace)
if tab == "proposed":
    copies_panel.show(workspace)
is_noted, done = bulk_notice.is_noted(tab), bulk_notice.current(workspace, tab)
if is_noted and done is None:  # Undone: its groups wait again.
    duplicate_grid.forget(tab)
if done and bulk_notice.show(workspace, tab, done):
    duplicate_grid.forget(tab)
    st.rerun()
plan = delivery.plan(duplicate_grid.queue_of(tab))
loaded = duplicate_grid.load(by_tab[tab], tab, plan)

# 3 draw (4 act: events are saved before the next run)
if tab in ("across", "exact", "near") and len(by_tab[tab]) > 1:
    show_bulk(by_tab[tab])
if not loaded.groups:
    show_empty()
# Also without groups: what emptied the tab can be undone there, and an undo on its way is saved.
duplicate_grid.show(loaded, workspace=workspace, tab=tab, plan=plan, done=done)

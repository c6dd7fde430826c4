"""Resolve look-alikes: keep the best of a group, keep all, or say that they are no duplicates."""

from typing import get_args

import streamlit as st

from peakid.curate.duplicates import duplicate_groups, image_search, resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, KeepRule
from peakid.web import navigation, session, words
from peakid.web.gallery import duplicate_wall
from peakid.web.snapshots import picture_table

RULES: dict[KeepRule, str] = {
    "largest": "most pixels",
    "sharpest": "sharpest",
    "compressed": "least compressed",
    "source": "best source",
}
EMPTY = {
    "conflicting": "No look-alikes carry different labels. Were there any, one of the labels would be wrong.",
    "across": "No look-alikes lie in different splits. A score measured on such images would be too good.",
    "exact": "No two images have the same pixels.",
    "near": "No two images look the same. Shots of one scene count only where a crop, a turn or a filter leads from one to the other.",
    "settled": "Nothing is settled yet. What you resolve stands here, with what became of it.",
}


def show_bulk(groups: list[DuplicateGroup]) -> None:
    """Offer to keep the best of every group of this tab, saying first what that would do."""
    keys = [group.group_key for group in groups]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Keep the one with", width="content")
        rules = get_args(KeepRule)
        rule = st.selectbox(
            "Rule", rules, format_func=RULES.__getitem__, key="rule", width=190, label_visibility="collapsed"
        )
        planned = resolve.plan(workspace, rule=rule, keys=keys)
        n = len(planned.excluded)
        st.markdown(f"keeps {len(planned.kept):,}, excludes {n:,}", width="content")
        if st.button(f"Exclude {words.n_of(n, 'image')}", disabled=not n):
            step = resolve.keep_best(workspace, rule=rule, keys=keys, actor=session.actor())
            st.session_state["duplicates:said"] = (
                f"Excluded {words.n_of(step.n_images, 'duplicate')}. Undo takes all of it back."
            )
            duplicate_wall.forget(tab)
            st.rerun()


def show_search() -> None:
    with st.popover("Find a photo", icon=":material/image_search:"):
        file = st.file_uploader("A photo, whatever became of it: smaller, turned, cropped", key="search")
        if file is None:
            return
        twins = image_search.search(workspace, file.getvalue())
        kinds = {"copy": "the same bytes", "near": "looks the same", "exact": "the same pixels"}
        rows = [
            {
                "digest": t.digest,
                "found": kinds[t.kind],
                "distance": t.distance,
                "label": t.label,
                "path": t.path,
            }
            for t in twins
        ]
        picture_table.show(rows, key="twins") if rows else st.caption("No image here looks like it.")


# 1 open
workspace = session.workspace()

# 2 ask
everything = duplicate_groups.list_groups(workspace)
counts = {
    tab: sum(duplicate_wall.tab_of(group) == tab for group in everything) for tab in duplicate_wall.TABS
}
first = next((tab for tab, n in counts.items() if n), "near")
asked = st.query_params.get("tab", first)
with st.container(horizontal=True, horizontal_alignment="distribute"):
    tab = st.pills(
        *("Groups", list(duplicate_wall.TABS)),
        default=asked if asked in duplicate_wall.TABS else first,
        format_func=lambda name: words.chosen(f"{duplicate_wall.TABS[name]} {counts[name]:,}", name == asked),
        required=True,
        key="tab",
        label_visibility="collapsed",
    )
    show_search()
if tab != st.query_params.get("tab"):
    duplicate_wall.forget(tab)
    st.query_params["tab"] = tab
if said := st.session_state.pop("duplicates:said", None):
    st.toast(said, icon=":material/done_all:")
groups, n_waiting = duplicate_wall.on_table(workspace, tab)

# 3 draw (4 act: what is typed there is written down before the next run)
if tab in ("across", "exact", "near") and counts[tab] > 1:
    show_bulk([group for group in everything if duplicate_wall.tab_of(group) == tab])
if groups:
    duplicate_wall.show(groups, workspace=workspace, tab=tab, n_waiting=n_waiting)
else:
    navigation.show_empty(workspace, EMPTY[tab])

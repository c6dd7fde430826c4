"""How photos are sorted: threshold, classes that share an album, albums inside those, near-twins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from peakid.errors import PeakidError
from peakid.evaluate import figures, score_text
from peakid.evaluate.errors import mergeable
from peakid.evaluate.errors.mergeable import MergeProposal
from peakid.records import Run
from peakid.serve.albums.plan import OTHER, AlbumPlan, AlbumRules
from peakid.serve.albums.preview_file import Preview
from peakid.store.workspace import Workspace
from peakid.web import words

Groups = Mapping[str, tuple[str, ...]]
MOST_NAMED = 3  # Classes in the name of a proposed group.


@dataclass(frozen=True)
class ChosenRules:
    """What is chosen, and the place below the threshold for what it does."""

    rules: AlbumRules
    below_threshold: DeltaGenerator

    def show_other(self, plan: AlbumPlan) -> None:
        """Say how many photos go to the album `other`."""
        n, n_photos = plan.counts().get(OTHER, 0), len(plan.placements)
        verb = "goes" if n == 1 else "go"
        share = score_text.percent(n / n_photos) if n_photos else "0 %"
        text = f"{n:,} of {words.n_of(n_photos, 'photo')} ({share}) {verb} to {OTHER}."
        self.below_threshold.caption(text)


def show(workspace: Workspace, preview: Preview, run: Run | None) -> ChosenRules:
    """Draw the form."""
    left, middle, right = st.columns([3, 4, 3], gap="large")
    key = f"albums:threshold:{preview.key}"
    st.session_state.setdefault(key, round(preview.threshold, 2))
    threshold = left.slider(
        "Threshold",
        0.0,
        1.0,
        step=0.01,
        key=key,
        help="Photos whose album has a lower probability go to the album `other`.",
    )
    below = left.empty()
    with middle:
        groups = _show_groups(preview, _proposed(workspace, run, preview.photos.class_names))
    with right:
        is_nested = bool(groups) and st.toggle(
            "Albums inside the shared ones",
            key=f"albums:nested:{preview.key}",
            help="Each class of a shared album gets an album inside it.",
        )
        keeps_twins = st.toggle(
            "Near-twins together",
            value=True,
            key=f"albums:twins:{preview.key}",
            help="Photos that look almost the same go to the album of their mean probabilities.",
        )
        n_unfamiliar = int(preview.photos.is_unfamiliar.sum())
        others_unfamiliar = bool(n_unfamiliar) and st.toggle(
            f"Unfamiliar to other ({n_unfamiliar:,})",
            key=f"albums:unfamiliar:{preview.key}",
            help="Photos that look like nothing the model learned go to the album `other`.",
        )
    rules = AlbumRules(threshold, groups, is_nested, keeps_twins, others_unfamiliar)
    return ChosenRules(rules, below)


def group_name(class_names: Sequence[str]) -> str:
    """Return the name of an album that classes share: `mountain and glacier`."""
    if len(class_names) > MOST_NAMED:
        return f"{', '.join(class_names[:MOST_NAMED])} and {len(class_names) - MOST_NAMED:,} more"
    *first, last = class_names
    return f"{', '.join(first)} and {last}"


def _show_groups(preview: Preview, proposed: Sequence[MergeProposal]) -> Groups:
    own: dict[str, tuple[str, ...]] = st.session_state.setdefault(f"albums:groups:{preview.key}", {})
    offered = {group_name(each.class_names): each.class_names for each in proposed}
    options = {**offered, **own}
    tip = "Classes that share an album. Proposed are those that the run takes for each other."
    if any(each.n_vanishing for each in proposed):
        tip += " " + " ".join(f"{each.sentence}." for each in proposed)
    key = f"albums:chosen:{preview.key}"
    st.session_state[key] = [each for each in st.session_state.get(key, []) if each in options]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = options and st.pills(
            "Shared albums",
            list(options),
            selection_mode="multi",
            format_func=lambda each: words.chosen(words.shown(each), each in st.session_state.get(key, [])),
            key=key,
            wrap=True,
            width="content",
            help=words.plain(tip),
        )
        with st.popover("Share an album", icon=":material/add:"):
            _show_new(preview, own, key)
    return disjoint({name: options[name] for name in chosen or ()})


def _show_new(preview: Preview, own: dict[str, tuple[str, ...]], chosen_key: str) -> None:
    field = f"albums:new:{preview.key}"
    members = st.multiselect("Classes", preview.photos.class_names, format_func=words.shown, key=field)
    name = st.text_input(
        "Name", placeholder=group_name(members) if len(members) > 1 else "", key=f"{field}:name"
    )

    def add() -> None:
        title = name.strip() or group_name(members)
        own[title] = tuple(members)
        st.session_state[chosen_key] = [*st.session_state.get(chosen_key, []), title]
        st.session_state[field], st.session_state[f"{field}:name"] = [], ""

    st.button("Add", disabled=len(members) < 2, on_click=add, key=f"{field}:add")


def disjoint(groups: Groups) -> Groups:
    """Return groups in which no class is twice: it stays in the one that is named last."""
    taken: set[str] = set()
    found: dict[str, tuple[str, ...]] = {}
    for name, members in reversed(list(groups.items())):
        left = tuple(each for each in members if each not in taken)
        taken.update(left)
        if len(left) > 1:
            found[name] = left
    return dict(reversed(list(found.items())))


def _proposed(workspace: Workspace, run: Run | None, class_names: Sequence[str]) -> list[MergeProposal]:
    """Return the groups of classes that a run takes for each other; none where that is not known."""
    if run is None or len(class_names) <= mergeable.FEWEST_CLASSES:
        return []
    try:
        found = figures.of_run(workspace, run, "cv" if run.is_cross_validated else "valid")
    except PeakidError:
        return []  # Its predictions are gone; photos are sorted without them.
    if found is None:
        return []
    proposals = mergeable.of_figures(found)
    return [each for each in proposals if set(each.class_names) <= set(class_names)]

"""Search for photos of classes: names, sources and a number, estimated before anything is fetched."""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import streamlit as st

from peakid.acquire.sources import services
from peakid.acquire.sources.photo_source import Licences, PhotoSource
from peakid.curate import classes
from peakid.errors import PeakidError
from peakid.jobs.collecting import drafts
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting.drafts import ClassTerms, Draft
from peakid.settings import for_job
from peakid.store.collecting import collections
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.collect import wikipedia_form

DEFAULT_NAME = "photos"
LICENCES: dict[Licences, str] = {
    "open": "Creative Commons and public domain",
    "any": "Any, unknown ones too",
}
CLASSES = "names:classes"  # Session state: the text of the field, which other ways to name classes fill.
FOLDED = "names:folded"  # Session state: whether the form is folded, because its job has begun.
_DRAFT = "names:draft"  # Session state: what was entered, also while another page is open.
_WAITING = "names:waiting"  # Session state: lines for the field of classes.
_FIELDS = "names:"  # Session state: the widgets of this form.
_PLACEHOLDER = "otter\nbeaver\nMönch = Mönch mountain; Mönch Berg"


def ask(workspace: Workspace, *, is_estimated: bool) -> Draft | None:
    """Draw the form. Return what was entered when its button is clicked, else None.

    Args:
        is_estimated: Whether there is an estimate, whose button is the next step.
    """
    opened = collecting.sources(for_job())
    if not opened:
        st.info("No service of photos can be searched here.", icon=":material/cloud_off:")
        return None
    _take_waiting()
    wikipedia_form.show(workspace, take=add_later)
    draft: Draft = st.session_state.get(_DRAFT) or _empty(workspace, opened)
    with st.expander("Classes and sources", expanded=not st.session_state.get(FOLDED, False)):
        draft = _ask_main(workspace, draft, opened)
        draft = _ask_more(workspace, draft, opened)
        st.session_state[_DRAFT] = draft
        is_asked = st.button(
            "Estimate",
            type="secondary" if is_estimated else "primary",
            icon=":material/calculate:",
            key="names:estimate",
            help="Asks each source how many photos it has, with a few thumbnails. Nothing is collected yet.",
        )
    return draft if is_asked else None


def current() -> Draft | None:
    """Return what is entered now."""
    return st.session_state.get(_DRAFT)


def reopen(workspace: Workspace, name: str) -> None:
    """Fill the form with a saved collection. For a callback: it runs before the page is drawn."""
    try:
        draft = drafts.of_collection(workspace, name)
    except PeakidError as error:  # Removed meanwhile, such as by a restored backup.
        st.session_state["names:error"] = error
        return
    fill(draft)


def fill(draft: Draft) -> None:
    """Show a draft in the form from now on, unfolded. For a callback."""
    for key in [each for each in st.session_state if str(each).startswith(_FIELDS)]:
        del st.session_state[key]
    st.session_state[_DRAFT] = draft
    st.session_state["source"] = "search"


def show_error() -> None:
    """Draw why a collection could not be opened, once."""
    if error := st.session_state.pop("names:error", None):
        session.show_error(error, key="reopen")


def _empty(workspace: Workspace, opened: Mapping[str, PhotoSource]) -> Draft:
    taken = {each.name for each in collections.list_collections(workspace)}
    numbered = (f"{DEFAULT_NAME} {n}" for n in range(2, len(taken) + 3))
    name = next(each for each in (DEFAULT_NAME, *numbered) if each not in taken)
    lacking = services.lacking()
    return Draft(name, (), tuple(each for each in opened if each not in lacking)[:2])


def _ask_main(workspace: Workspace, draft: Draft, opened: Mapping[str, PhotoSource]) -> Draft:
    left, right = st.columns([3, 2], gap="large")
    st.session_state.setdefault(CLASSES, drafts.text_of(draft.classes))
    text = left.text_area(
        "Classes, one a line",
        placeholder=_PLACEHOLDER,
        height=280,
        key=CLASSES,
        help="A class is searched for by its name. Other words stand after `=`, several with `;` between.",
    )
    with left.container(horizontal=True):
        _offer_names(workspace)
    entered = drafts.classes_of(text)
    if entered:
        left.caption(f"{len(entered):,} {'class' if len(entered) == 1 else 'classes'}.")
    with right:
        chosen = _ask_sources(draft, opened)
        st.session_state.setdefault("names:wanted", draft.n_wanted)
        n_wanted = st.number_input("Photos of each class", min_value=1, step=50, key="names:wanted")
        st.session_state.setdefault("names:licences", draft.licences)
        licences: Licences = st.selectbox(
            "Licences",
            get_args(Licences),
            format_func=lambda each: LICENCES[each],
            key="names:licences",
        )
    return replace(draft, classes=entered, sources=chosen, n_wanted=n_wanted, licences=licences)


def _offer_names(workspace: Workspace) -> None:
    names = classes.names(workspace)
    if names:
        st.button(
            f"Use the {words.n_of(len(names), 'class') if len(names) == 1 else f'{len(names):,} classes'}"
            " of the workspace",
            key="names:own",
            type="tertiary",
            icon=":material/label:",
            on_click=add_classes,
            args=(tuple(names),),
        )


def add_classes(names: tuple[str, ...]) -> None:
    """Add classes to those of the field. For a callback: it runs before the field is drawn."""
    text = str(st.session_state.get(CLASSES, ""))
    st.session_state[CLASSES] = drafts.text_of(drafts.classes_of("\n".join([text, *names])))


def add_later(terms: Mapping[str, tuple[str, ...]]) -> None:
    """Add classes with words to search for, before the field is drawn the next time."""
    st.session_state[_WAITING] = drafts.text_of([ClassTerms(name, each) for name, each in terms.items()])


def _take_waiting() -> None:
    if lines := st.session_state.pop(_WAITING, ""):
        add_classes(tuple(lines.splitlines()))


def _ask_sources(draft: Draft, opened: Mapping[str, PhotoSource]) -> tuple[str, ...]:
    lacking = services.lacking()
    st.markdown(":small[Sources]")
    chosen: list[str] = []
    with st.container(horizontal=True, gap="small"):
        for name, source in opened.items():
            key = f"names:source:{name}"
            is_lacking = name in lacking
            st.session_state.setdefault(key, name in draft.sources and not is_lacking)
            if st.checkbox(words.plain(source.title), key=key, disabled=is_lacking) and not is_lacking:
                chosen.append(name)
    for name, setting in lacking.items():
        if name in opened:
            wants = "asks how to reach you" if setting == services.CONTACT else "needs a key of yours"
            st.caption(
                f"{words.plain(opened[name].title)} {wants}: the setting `{setting}` in"
                f" `peakid.toml`, or `PEAKID_{setting.upper()}`."
            )
    return tuple(chosen)


def _ask_more(workspace: Workspace, draft: Draft, opened: Mapping[str, PhotoSource]) -> Draft:
    with st.container(border=False):
        is_open = st.toggle("Search words, name and repetition", key="names:more")
    if not is_open:
        return draft
    left, right = st.columns(2, gap="large")
    st.session_state.setdefault("names:template", draft.template)
    template = left.text_input(
        "Search for",
        key="names:template",
        help="`{class}` stands for the name of the class, such as in `{class} landscape`.",
    )
    st.session_state.setdefault("names:name", draft.name)
    name = right.text_input("Name of the collection", key="names:name", max_chars=collections.MAX_NAME_CHARS)
    if any(each.name == name.strip() for each in collections.list_collections(workspace)):
        right.caption("This collection exists: its searches are changed, its images stay.")
    st.session_state.setdefault("names:days", draft.every_days)
    days = left.number_input(
        "Collect again every … days",
        min_value=0.0,
        value=None,
        step=1.0,
        format="%g",
        placeholder="when I start it",
        key="names:days",
        help="Only what is new is fetched. A line of cron on this machine runs what is due; see the README.",
    )
    st.session_state.setdefault("names:retrain", draft.retrain_after)
    retrain = right.number_input(
        "Train again after … new reviewed images",
        min_value=1,
        value=None,
        step=10,
        placeholder="when I start it",
        key="names:retrain",
    )
    return replace(
        draft,
        name=name.strip(),
        template=template.strip(),
        options=_ask_options(draft, opened),
        every_days=days,
        retrain_after=retrain,
    )


def _ask_options(draft: Draft, opened: Mapping[str, PhotoSource]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    asked = [(each, option) for each in draft.sources if each in opened for option in opened[each].options]
    for start in range(0, len(asked), 3):
        for cell, (source, option) in zip(st.columns(3), asked[start : start + 3], strict=False):
            key = f"names:option:{source}:{option}"
            st.session_state.setdefault(key, draft.options.get(source, {}).get(option, ""))
            value = cell.text_input(words.plain(f"{opened[source].title}: {option}"), key=key)
            if value.strip():
                found.setdefault(source, {})[option] = value.strip()
    return found

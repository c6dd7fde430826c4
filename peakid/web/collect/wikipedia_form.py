"""Classes from a table of Wikipedia: its page, the column with the names, which rows, and what they give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from peakid.curate import classes
from peakid.errors import PeakidError
from peakid.jobs.collecting import class_names
from peakid.jobs.collecting.class_names import FoundName, FoundTable, NameList
from peakid.settings import for_job
from peakid.store.workspace import Workspace
from peakid.web import session, tables, words

N_OMITTED = 50
_READ = "wikipedia:page"  # Session state: the page whose tables are shown.
_NAMES = "wikipedia:names"  # Session state: what is previewed.
_DONE = "wikipedia:done"

TakeTerms = Callable[[Mapping[str, tuple[str, ...]]], None]
"""Take names with further words to search for."""


@dataclass(frozen=True)
class _ReadPage:
    page: str
    language: str
    tables: tuple[FoundTable, ...]


def show(workspace: Workspace, *, take: TakeTerms | None = None) -> None:
    """Draw the form, the choice of a column, and the preview with the button that adds classes.

    Args:
        take: What the button does with the names, before the page is drawn again; None = it adds classes.
    """
    if text := st.session_state.pop(_DONE, None):
        st.success(text, icon=":material/check:")
    is_open = _READ in st.session_state
    with st.expander("Classes from a table of Wikipedia", icon=":material/table:", expanded=is_open):
        _ask_page()
        read: _ReadPage | None = st.session_state.get(_READ)
        if read is None:
            return
        _ask_rows(read)
        found: NameList | None = st.session_state.get(_NAMES)
        if found is not None:
            new = _show_names(workspace, found)
            if take:
                _offer_terms(found, read.language, take)
            else:
                _offer_classes(workspace, new)


def _ask_page() -> None:
    with (
        st.form("wikipedia", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        page = st.text_input(
            "Page", placeholder="List of mountains of Switzerland", help="Its title or its address."
        )
        language = st.text_input("Language", value="en", width=90)
        if not st.form_submit_button("Read the tables", icon=":material/search:"):
            return
    st.session_state.pop(_NAMES, None)
    st.session_state.pop(_READ, None)
    try:
        found = class_names.tables(page, language=language, settings=for_job())
        st.session_state[_READ] = _ReadPage(page, language, tuple(found))
    except PeakidError as error:
        session.show_error(error)


def _ask_rows(read: _ReadPage) -> None:
    by_number = {each.number: each for each in read.tables}
    number = st.selectbox("Table", list(by_number), format_func=lambda n: _title(by_number[n]))
    table = by_number[number]
    with st.form("wikipedia:rows", border=False):
        column = st.selectbox(
            "Column with the names", table.columns, index=_likely(table), format_func=words.shown
        )
        where = st.text_area(
            "Only rows where",
            placeholder=f"{table.columns[-1]} contains ...",
            height=80,
            help="One condition a line, such as `Height > 4000` or `Canton contains Valais`.",
        )
        first = st.number_input("At most", min_value=1, value=None, step=10, placeholder="all of them")
        if not st.form_submit_button("Preview"):
            return
    try:
        st.session_state[_NAMES] = class_names.read_table(
            read.page,
            language=read.language,
            column=column,
            table=number,
            first=first,
            where=[line for line in where.splitlines() if line.strip()],
            settings=for_job(),
        )
    except PeakidError as error:
        st.session_state.pop(_NAMES, None)
        session.show_error(error)


def _show_names(workspace: Workspace, found: NameList) -> list[FoundName]:
    """Draw the names and the rows that are left out; return the names that are no classes yet."""
    known = {each.casefold() for each in classes.names(workspace)}
    new = [each for each in found.names if each.name.casefold() not in known]
    said = f"{words.n_of(len(found.names), 'name')} in {words.n_of(found.table.n_rows, 'row')}"
    said += (
        f", {len(found.names) - len(new):,} of them classes already" if len(new) < len(found.names) else ""
    )
    st.markdown(f"{said}. [{words.plain(found.page)}]({found.url})")
    others = [each for each in found.table.columns if each != found.column]
    lines = [
        {"Row": each.row, "Name": each.name, **{column: each.cells[column] for column in others}}
        for each in found.names
    ]
    tables.show(lines, height="content" if len(lines) < 8 else 260)
    if found.omitted:
        with st.expander(f"Left out ({words.n_of(len(found.omitted), 'row')})"):
            shown = found.omitted[:N_OMITTED]
            tables.show([{"Row": each.row, "Text": each.text, "Why": each.detail} for each in shown])
    return new


def _offer_classes(workspace: Workspace, new: list[FoundName]) -> None:
    if st.button(f"Add {_n_classes(len(new))}", type="primary", disabled=not new):
        try:
            added, _ = class_names.add(workspace, new)
        except PeakidError as error:
            session.show_error(error)
            return
        _end(f"Added {_n_classes(len(added))}.")


def _offer_terms(found: NameList, language: str, take: TakeTerms) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        languages = st.text_input(
            "Also search by their names in",
            placeholder="de, fr",
            help="Languages of Wikipedia. Other titles of an article are searched for, too.",
            width=240,
        )
        if not st.button(f"Use {words.n_of(len(found.names), 'name')}", type="primary"):
            return
    terms: Mapping[str, tuple[str, ...]] = {each.name: () for each in found.names}
    try:
        if chosen := [each.strip() for each in languages.split(",") if each.strip()]:
            with st.spinner("Asking Wikipedia for other names"):
                terms = class_names.synonyms(
                    found.names, language=language, languages=chosen, settings=for_job()
                )
    except PeakidError as error:
        session.show_error(error)
        return
    take(terms)
    _end(f"Added {words.n_of(len(terms), 'name')} to the classes below.")


def _end(said: str) -> None:
    """Close the form, and say what it did."""
    for key in (_READ, _NAMES):
        st.session_state.pop(key, None)
    st.session_state[_DONE] = said
    st.rerun()


def _n_classes(n: int) -> str:
    return f"{n:,} class" if n == 1 else f"{n:,} classes"


def _title(table: FoundTable) -> str:
    return words.shown(f"{table.number}: {table.caption or ', '.join(table.columns)} ({table.n_rows:,} rows)")


def _likely(table: FoundTable) -> int:
    """Return the first column whose first cell is a name, not a number."""
    return next((n for n, text in enumerate(table.example) if text and not text[0].isdigit()), 0)

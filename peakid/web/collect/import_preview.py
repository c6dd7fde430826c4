"""What an import would read, before anything is taken in, with the columns of a table to choose."""

from dataclasses import asdict
from pathlib import Path

import streamlit as st

from peakid.acquire import demo_apart, folder, preview, reading, table
from peakid.acquire.table import TablePreview
from peakid.acquire.tables.columns import BY_NAME, ColumnChoice, Role
from peakid.curate import classes
from peakid.errors import PeakidError
from peakid.import_records import ImportReading
from peakid.jobs import submit
from peakid.jobs.job import Job
from peakid.store.workspace import Workspace
from peakid.store_urls import StoreUrl
from peakid.web import session, tables, uploads, words
from peakid.web.collect import import_summary
from peakid.web.collect.import_form import ImportRequest
from peakid.web.jobs import engine_choice, submission

_REQUEST = "collect:request"  # Session state: what is previewed, until it is imported or discarded.
_READ = "collect:read"  # Session state: the last reading with what was asked.
_NUMBER = "collect:number"  # Session state: of the request, counted from 1.
_NONE = "(none)"


def remember(request: ImportRequest) -> None:
    """Preview this request from now on."""
    st.session_state[_REQUEST] = request
    st.session_state.pop(_READ, None)
    st.session_state[_NUMBER] = st.session_state.get(_NUMBER, 0) + 1


def forget() -> None:
    """Preview nothing."""
    st.session_state.pop(_REQUEST, None)


def path() -> Path | StoreUrl | None:
    """Return the file or folder that is previewed."""
    request: ImportRequest | None = st.session_state.get(_REQUEST)
    return request.path if request else None


def show(workspace: Workspace) -> Job | None:
    """Draw the preview of the remembered request. Return the job of the import when it is started."""
    request: ImportRequest | None = st.session_state.get(_REQUEST)
    if request is None:
        return None
    with st.container(border=True):
        st.header(f"Preview of {words.plain(request.path.name)}", anchor=False)
        try:
            demo_apart.refuse_mixture(workspace, request.source)
            path = request.path
            is_table = isinstance(path, Path) and request.source == "csv"
            columns = _ask_columns(path) if is_table else BY_NAME
            found = None if columns is None else _read(workspace, request, columns)
        except PeakidError as error:
            session.show_error(error)
            return None
        if found is not None:
            import_summary.show_reading(workspace, found, actor=session.actor(), key="preview")
            import_summary.show_skipped(found)
        return _ask_import(workspace, request, columns or BY_NAME, found)


def _ask_columns(path: Path) -> ColumnChoice | None:
    """Show the first rows of a table and ask for its columns. Return None while one is missing."""
    head = table.read_header(path)
    if len(head.columns) < 2 and not head.one_hot:
        return BY_NAME  # No choice of columns can help; reading the table raises why.
    rows = [dict(zip(head.columns, row, strict=True)) for row in head.rows]
    tables.show(rows, height=min(38 + 35 * len(rows), 180))
    if head.one_hot:
        st.caption(f"Each class has a column: {words.plain(', '.join(head.one_hot))}.")
        return BY_NAME
    cells = st.columns(3)
    chosen = ColumnChoice(
        _choice(cells[0], "Column with the path of the image", head, head.chosen.path, "path"),
        _choice(cells[1], "Column with the class", head, head.chosen.label, "label"),
        _choice(cells[2], "Column with the split", head, head.chosen.split, "split"),
    )
    if chosen.path is None or chosen.label is None:
        st.info("Choose the columns with the path and the class of each image.", icon=":material/table:")
        return None
    return chosen


def _choice(
    cell: st.delta_generator.DeltaGenerator, title: str, head: TablePreview, suggested: str | None, role: Role
) -> str | None:
    options = [_NONE, *head.columns]
    number = st.session_state[_NUMBER]  # Another table has other columns, and so other widgets.
    index = 0 if suggested is None else options.index(suggested)
    key = f"column:{role}:{number}"
    chosen = cell.selectbox(title, options, index=index, format_func=words.shown, key=key)
    return None if chosen == _NONE else chosen


def _read(workspace: Workspace, request: ImportRequest, columns: ColumnChoice) -> ImportReading:
    """Return the reading of a request. It is kept, because a large folder takes seconds to list."""
    asked = (request, columns)
    kept: tuple[object, ImportReading] | None = st.session_state.get(_READ)
    if kept is not None and kept[0] == asked:
        return kept[1]
    within = None if request.links_within is None else reading.checked_folder(request.links_within)
    with st.spinner("Reading names and labels ..."):
        found = preview.preview(
            request.source,
            request.path,
            root=request.root,
            links=folder.Links(request.follow_links, within),
            columns=columns,
            known_classes=classes.names(workspace),
        )
    st.session_state[_READ] = (asked, found)
    return found


def _ask_import(
    workspace: Workspace, request: ImportRequest, columns: ColumnChoice, found: ImportReading | None
) -> Job | None:
    n = 0 if found is None else found.n_files
    with st.container(horizontal=True):
        is_wanted = st.button(
            f"Import {words.n_of(n, 'file')}", type="primary", disabled=not n, key="import:start"
        )
        is_discarded = st.button("Discard", key="import:discard")
    if is_discarded:
        uploads.remove(workspace, request.path)
        forget()
        st.rerun()
    if not is_wanted:
        return None
    job = submission.submit(
        f"import:{asdict(request)}:{columns}",
        lambda request_id: submit.import_images(
            *(workspace, request.source, request.path),
            root=request.root,
            in_place=request.in_place,
            columns=columns,
            follow_links=request.follow_links,
            links_within=request.links_within,
            settings=engine_choice.settings(),
            request_id=request_id,
            actor=session.actor(),
        ),
    )
    if job is not None:
        forget()
    return job

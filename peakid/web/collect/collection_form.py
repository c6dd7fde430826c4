"""Photos from the web: a list of URLs, what it contains, and the button that collects them."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from peakid.acquire.sources.url_list import ListSummary, UrlColumns
from peakid.errors import PeakidError
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting import lists
from peakid.jobs.job import Job
from peakid.store.workspace import Workspace
from peakid.web import session, tables, uploads, words
from peakid.web.jobs import submission

FIELD = "urls_path"
SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")
N_CONFLICTS = 20
_REQUEST = "collect:list"  # Session state: the list that is previewed, until it is collected.


@dataclass(frozen=True)
class ListRequest:
    """What was entered. `class_name` is None where the name of the file says it."""

    file: Path
    class_name: str | None
    most_per_class: int | None


def ask(workspace: Workspace) -> None:
    """Draw the form; its button begins a preview."""
    with st.form("collect", border=False):
        st.caption(
            "Text with one URL a line, or a table with a column of URLs. Each server is asked a few times a "
            "second, and only public addresses."
        )
        upload = st.file_uploader(
            "List of URLs", type=[each[1:] for each in SUFFIXES], max_upload_size=uploads.most_mb()
        )
        path = st.text_input("Or its path on this machine", placeholder="/home/you/urls_otter.txt", key=FIELD)
        left, right = st.columns(2)
        class_name = left.text_input("Class", placeholder="by the name of the file, or by a column")
        most = right.number_input(
            "At most for each class", min_value=1, value=None, step=50, placeholder="all of them"
        )
        if not st.form_submit_button("Preview", type="primary", help="Nothing is fetched yet."):
            return
    try:
        file = uploads.kept(workspace, upload, path)
        st.session_state[_REQUEST] = ListRequest(file, class_name.strip() or None, most)
    except PeakidError as error:
        st.session_state.pop(_REQUEST, None)
        session.show_error(error)


def begin(file: Path) -> None:
    """Preview a list that is there already, with the classes that it names."""
    st.session_state[_REQUEST] = ListRequest(file, None, None)


def path() -> Path | None:
    """Return the list that is previewed."""
    request: ListRequest | None = st.session_state.get(_REQUEST)
    return request.file if request else None


def preview(workspace: Workspace) -> Job | None:
    """Draw what the list contains. Return the job that collects it when its button is clicked."""
    request: ListRequest | None = st.session_state.get(_REQUEST)
    if request is None:
        return None
    with st.container(border=True):
        st.header(f"Preview of {words.plain(request.file.name)}", anchor=False)
        try:
            columns = _ask_columns(request.file)
            found = lists.summarise([request.file], class_name=request.class_name, columns=columns)
        except PeakidError as error:
            session.show_error(error)
            return None
        _show_summary(found)
        n = sum(min(each, request.most_per_class or each) for each in found.n_by_class.values())
        label = f"Collect {words.n_of(n, 'photo')}"
        if not st.button(label, type="primary", key="collect", disabled=not n):
            return None
        return submission.submit(
            f"collect:{request}:{columns}", lambda request_id: _start(workspace, request, columns, request_id)
        )


def _ask_columns(file: Path) -> UrlColumns:
    """Draw the choice of the columns of a table; nothing for text with one URL a line."""
    found = lists.columns_of(file)
    if len(found.names) < 2:
        return UrlColumns()
    left, right = st.columns(2)
    at = found.names.index(found.url) if found.url else None
    url = left.selectbox(
        "Column of URLs", found.names, index=at, format_func=words.shown, key=f"collect:url:{file}"
    )
    options = ["", *found.names]
    label = right.selectbox(
        "Column of classes",
        options,
        index=options.index(found.label or ""),
        format_func=lambda name: words.shown(name) if name else "none: the class of the list",
        key=f"collect:label:{file}",
    )
    return UrlColumns(url, label)


def _start(workspace: Workspace, request: ListRequest, columns: UrlColumns, request_id: str) -> Job:
    lists.add_lists(
        workspace,
        lists.DEFAULT_NAME,
        [request.file],
        class_name=request.class_name,
        columns=columns,
        most_per_class=request.most_per_class,
        actor=session.actor(),
    )
    uploads.remove(workspace, request.file)
    st.session_state.pop(_REQUEST, None)
    return collecting.submit(workspace, lists.DEFAULT_NAME, request_id=request_id, actor=session.actor())


def _show_summary(found: ListSummary) -> None:
    said = [f"{words.n_of(found.n_rows, 'line')} with {words.n_of(found.n_unique, 'different URL')}"]
    said += [f"{found.n_repeated:,} listed twice in a class"] if found.n_repeated else []
    said += [f"{found.n_bad:,} that cannot be fetched"] if found.n_bad else []
    st.markdown(f"{', '.join(said)}.")
    tables.show(
        [
            {"Class": name or "(no class)", "URLs": n}
            for name, n in sorted(found.n_by_class.items(), key=lambda each: -each[1])
        ],
        height="content" if len(found.n_by_class) < 10 else 300,
    )
    if found.conflicts:
        with st.expander(f"URLs with several classes ({len(found.conflicts):,})"):
            st.caption("Each is fetched once, gets the first class and is flagged for review.")
            shown = list(found.conflicts.items())[:N_CONFLICTS]
            tables.show([{"URL": url, "Classes": ", ".join(names)} for url, names in shown])

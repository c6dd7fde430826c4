"""Pictures of a page that Chromium reads: the form, what became of each page, and the list that it gives."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from peakid.acquire.sources.browsing import adapter as adapters
from peakid.acquire.sources.browsing import gathering, programs
from peakid.acquire.sources.browsing.adapter import Adapter
from peakid.acquire.sources.browsing.records import DEFAULT_PICTURES, Ended, Wanted
from peakid.errors import BadInput, ExtraMissing, PeakidError
from peakid.jobs import queue
from peakid.jobs.arguments import BrowseArguments
from peakid.jobs.collecting import browsing
from peakid.jobs.job import Job
from peakid.jobs.results import BrowseResult
from peakid.store.workspace import Workspace
from peakid.web import session, tables, uploads, words
from peakid.web.collect import collection_form
from peakid.web.jobs import submission

OWN = "Own adapter (a TOML file)"
N_LISTS = 5
ENDED: dict[Ended, str] = {
    "enough": "as many as were asked for",
    "nothing new": "at the end of the page",
    "scrolls": "at the limit of scrolls",
    "seconds": "at the limit of time",
    "stopped": "when it was stopped",
    "not opened": "before it was opened",
    "refused": "for the reason below",
}
_PREVIEWED = "collect:browsed"  # Session state: ids of the jobs whose list was previewed by itself.
_STARTED = "collect:browse"  # Session state: id of the job that this session started last.


@dataclass(frozen=True)
class _Entered:
    template: str
    classes: str
    name: str
    upload: UploadedFile | None
    item: str
    n_most: int


def ask(workspace: Workspace) -> Job | None:
    """Draw the form and the lists that are not collected yet. Return the job that the form has started."""
    lists = _lists(workspace)
    _preview_own(workspace, lists)
    with st.expander("Pictures of a web page, read in a browser", icon=":material/web:"):
        for job in [each for each in lists if _file(workspace, each) != collection_form.path()][:N_LISTS]:
            _offer(workspace, job)
        try:
            programs.installed()
        except ExtraMissing as error:
            st.info(words.plain(str(error)), icon=":material/extension:")
            return None
        entered = _form()
        if entered is None:
            return None
        try:
            wanted = _wanted(entered)
        except PeakidError as error:
            session.show_error(error)
            return None
        job = submission.submit(
            f"browse:{wanted}",
            lambda request_id: browsing.submit(
                workspace, wanted, request_id=request_id, actor=session.actor()
            ),
        )
        if job is not None:
            st.session_state[_STARTED] = job.job_id
        return job


def show_result(job: Job) -> None:
    """Draw what became of the page of each class."""
    found = job.result_as(BrowseResult)
    if found is None or not found.pages:
        return
    tables.show(
        [
            {
                "Class": each.class_name,
                "Pictures": each.n_urls,
                "Ended": ENDED[each.ended],
                "Page": each.page_url,
            }
            for each in found.pages
        ]
    )
    for problem in dict.fromkeys(each.problem for each in found.pages if each.problem):
        st.warning(words.plain(problem), icon=":material/block:")
    arguments = job.arguments_as(BrowseArguments)
    if arguments.adapter and arguments.adapter.terms:
        st.caption(f"Terms: {words.plain(arguments.adapter.terms)}")
    if not found.n_urls:
        st.info("No picture was found. Another selector or page may have some.", icon=":material/info:")


def _form() -> _Entered | None:
    st.caption(
        "Chromium opens the page, scrolls until nothing new comes, and lists the pictures. They are fetched "
        "after you have seen the list. The robots.txt of the site and a pace are respected; a login or a "
        "captcha is not passed. Read the terms of the site first: many allow to look at pictures, and forbid "
        "to copy them."
    )
    shipped = {each.name: each for each in adapters.shipped()}
    with st.form("browse", border=False):
        template = st.text_input(
            "Address of the page",
            placeholder="https://example.org/search?q={class}",
            help="{class} stands for the name of each class.",
            key="browse_url",
        )
        classes = st.text_area("Classes, one a line", height=100, key="browse_classes")
        left, right = st.columns(2)
        name = left.selectbox(
            "How the page is read",
            [*shipped, OWN],
            format_func=lambda each: shipped[each].about.removesuffix(".") if each in shipped else each,
            key="browse_adapter",
        )
        n_most = right.number_input(
            "Pictures of each class",
            min_value=1,
            max_value=gathering.MAX_PICTURES,
            value=DEFAULT_PICTURES,
            step=50,
            key="browse_most",
        )
        item = left.text_input(
            "CSS selector of the pictures", placeholder="that of the adapter", key="browse_item"
        )
        upload = right.file_uploader("Own adapter", type="toml", max_upload_size=1, key="browse_own")
        if not st.form_submit_button("List the pictures", help="No picture is fetched yet."):
            return None
    return _Entered(template, classes, name, upload, item, int(n_most))


def _wanted(entered: _Entered) -> Wanted:
    """Return what was entered.

    Raises:
        BadInput: If something does not fit.
    """
    classes = tuple(each.strip() for each in entered.classes.splitlines() if each.strip())
    adapter = adapters.with_item(_adapter(entered), entered.item)
    return Wanted(adapter, classes, entered.template, entered.n_most)


def _adapter(entered: _Entered) -> Adapter:
    if entered.upload is not None:
        return adapters.of_text(uploads.content(entered.upload), entered.upload.name)
    if entered.name == OWN:
        raise BadInput("No adapter was uploaded.", "Upload a TOML file, or choose another way.")
    return adapters.named(entered.name)


def _lists(workspace: Workspace) -> list[Job]:
    """Return the jobs whose list was neither collected nor removed, newest first."""
    return [
        job
        for job in queue.list_jobs(workspace)
        if job.kind == "browse" and job.state in queue.ENDED and _file(workspace, job)
    ]


def _preview_own(workspace: Workspace, lists: list[Job]) -> None:
    """Preview the list of the job that this session started, once."""
    previewed: set[int] = st.session_state.setdefault(_PREVIEWED, set())
    for job in lists:
        if job.job_id == st.session_state.get(_STARTED) and job.job_id not in previewed:
            previewed.add(job.job_id)
            _preview(workspace, job)


def _preview(workspace: Workspace, job: Job) -> None:
    if file := _file(workspace, job):
        collection_form.begin(file)


def _file(workspace: Workspace, job: Job) -> Path | None:
    result = job.result_as(BrowseResult)
    return None if result is None else browsing.list_of(workspace, result)


def _offer(workspace: Workspace, job: Job) -> None:
    result = job.result_as(BrowseResult)
    if result is None:
        return
    names = ", ".join(each.class_name for each in result.pages)
    with st.container(horizontal=True, vertical_alignment="center"):
        said = f"{words.n_of(result.n_urls, 'picture')} of {words.plain(names[:80])}, not collected yet"
        st.markdown(said, width="content")
        st.button(
            "Preview",
            key=f"browsed:{job.job_id}",
            type="tertiary",
            icon=":material/visibility:",
            on_click=_preview,
            args=(workspace, job),
        )

"""What the sources have for each class, before anything is fetched, and the button that collects it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from peakid import licences
from peakid.acquire.sources.photo_source import PhotoSource
from peakid.errors import PeakidError
from peakid.jobs.collecting import costs, drafts, plans
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting.drafts import Draft
from peakid.jobs.collecting.plans import Estimate, Plan
from peakid.jobs.job import Job
from peakid.progress_text import duration
from peakid.settings import for_job
from peakid.store.collecting import collections
from peakid.store.collecting.searches import NewSearch
from peakid.store.workspace import Workspace
from peakid.web import session, tables, words
from peakid.web.collect import name_form, sample_pictures
from peakid.web.jobs import progress, submission

N_LISTED = 5
MAX_WHOLE, MAX_TABLE_PX = 10, 420  # Of more classes, the table scrolls.
_ESTIMATE = "collect:estimate"  # Session state: the draft that was estimated, with what was found.
_KNOWN = "collect:estimated"  # Session state: what sources answered, by search: a number is no new question.


@dataclass(frozen=True)
class Estimated:
    """Attributes:
    plan: That of the draft, its numbers shared out by what the sources have.
    pictures: A few of each class, as JPEG.
    """

    draft: Draft
    plan: Plan
    estimates: tuple[Estimate, ...]
    pictures: Mapping[str, Sequence[bytes]]


def estimate(draft: Draft) -> bool:
    """Ask the sources for what a draft searches for, with a progress bar, or draw why that is not possible.

    Returns:
        Whether there is an estimate now.
    """
    st.session_state.pop(_ESTIMATE, None)
    chosen = for_job()
    sources = collecting.sources(chosen)
    known: dict[tuple[object, ...], Estimate] = st.session_state.setdefault(_KNOWN, {})
    try:
        plan = plans.checked(drafts.plan_of(draft), sources)
        new = tuple(each for each in plan.searches if _question(each) not in known)
        if new:
            with progress.bar() as report:
                found = plans.estimate(
                    replace(plan, searches=new), sources, options=collecting.options(chosen), report=report
                )
            known |= {_question(each.search): each for each in found}
    except PeakidError as error:
        session.show_error(error, key="estimate")
        return False
    estimates = [replace(known[_question(each)], search=each) for each in plan.searches]
    for each in estimates:
        if each.problem:  # Asked again by the next click.
            known.pop(_question(each.search), None)
    shared = drafts.shared_out(plan, estimates)
    found = tuple(
        replace(each, search=search) for each, search in zip(estimates, shared.searches, strict=True)
    )
    pictures = sample_pictures.of_estimates(found, sources, collecting.options(chosen))
    st.session_state[_ESTIMATE] = Estimated(draft, shared, found, pictures)
    return True


def show(workspace: Workspace) -> Job | None:
    """Draw the estimate. Return the job that collects it when its button is clicked."""
    found: Estimated | None = st.session_state.get(_ESTIMATE)
    if found is None:
        return None
    sources = collecting.sources(for_job())
    if any(each.source not in sources for each in found.plan.searches):
        return None
    with st.container(border=True):
        st.header("What the sources have", anchor=False)
        titles = [sources[name].title for name in found.draft.sources]
        tables.show(
            _rows(found, sources),
            height="content" if len(found.draft.classes) <= MAX_WHOLE else MAX_TABLE_PX,
            column_config={each: st.column_config.TextColumn(alignment="right") for each in titles},
        )
        sample_pictures.show(found.pictures)
        _show_problems(found.estimates, sources)
        cost = costs.of_estimates(found.estimates, sources)
        _show_licences(found.estimates)
        is_current = name_form.current() == found.draft
        with st.container(horizontal=True, vertical_alignment="center"):
            is_wanted = st.button(
                f"Collect {words.n_of(cost.n_photos, 'photo')}",
                type="primary",
                icon=":material/cloud_download:",
                key="names:collect",
                disabled=not cost.n_photos or not is_current or workspace.is_read_only,
            )
            st.markdown(_cost_text(cost) if cost.n_photos else "Nothing was found.", width="content")
        if not is_current:
            st.caption("The form has changed since. Estimate again.")
        elif any(each.name == found.plan.name for each in collections.list_collections(workspace)):
            st.caption(
                f"Continues the collection {words.plain(found.plan.name)}: these become its searches,"
                " and its images stay."
            )
    if not is_wanted:
        return None
    return submission.submit(
        f"collect:{found.plan}", lambda request_id: _start(workspace, found.plan, sources, request_id)
    )


def is_shown() -> bool:
    """Return whether there is an estimate."""
    return _ESTIMATE in st.session_state


def forget() -> None:
    """Show no estimate any more."""
    st.session_state.pop(_ESTIMATE, None)


def _start(workspace: Workspace, plan: Plan, sources: Mapping[str, PhotoSource], request_id: str) -> Job:
    plans.save(workspace, plan, sources, actor=session.actor())
    job = collecting.submit(workspace, plan.name, request_id=request_id, actor=session.actor())
    forget()
    st.session_state[name_form.FOLDED] = True
    return job


def _question(search: NewSearch) -> tuple[object, ...]:
    return search.source, search.text, search.licences, tuple(sorted(search.options.items()))


def _rows(found: Estimated, sources: Mapping[str, PhotoSource]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for label in dict.fromkeys(each.search.label for each in found.estimates):
        of_class = [each for each in found.estimates if each.search.label == label]
        searched = dict.fromkeys(each.search.text for each in of_class)
        row: dict[str, object] = {"Class": label, "Searched for": "; ".join(searched)}
        for name in found.draft.sources:
            row[sources[name].title] = _available([each for each in of_class if each.search.source == name])
        rows.append({**row, "To collect": sum(costs.n_expected(each) for each in of_class)})
    return rows


def _available(of_source: Sequence[Estimate]) -> str:
    """Return how many photos a source has for a class, from all its searches."""
    if all(each.problem for each in of_source):
        return "not known"
    asked = [each for each in of_source if not each.problem]
    n = sum(len(each.samples) if each.n_available is None else each.n_available for each in asked)
    is_more = any(each.n_available is None for each in asked)
    return f"{n:,} or more" if is_more and n else f"{n:,}" if n else "none"


def _show_problems(estimates: Sequence[Estimate], sources: Mapping[str, PhotoSource]) -> None:
    by_text: dict[tuple[str, str], list[str]] = {}
    for each in estimates:
        if each.problem:
            by_text.setdefault((each.search.source, each.problem), []).append(each.search.label)
    for (source, problem), labels in by_text.items():
        title = sources[source].title
        which = _listed(labels) if len(by_text) > 1 or len(labels) < len(estimates) else ""
        st.warning(
            f"{words.plain(title)}{which}: {words.plain(problem.removeprefix(f'{title}: '))}",
            icon=":material/cloud_off:",
        )
    wanted = dict.fromkeys(each.search.label for each in estimates)
    answered = dict.fromkeys(each.search.label for each in estimates if not each.problem)
    found = {each.search.label for each in estimates if costs.n_expected(each)}
    if empty := [each for each in wanted if each in answered and each not in found]:
        st.info(
            f"Nothing was found for {_names(empty)}. Other words may find something: write them after `=`.",
            icon=":material/search_off:",
        )


def _listed(labels: Sequence[str]) -> str:
    return f" ({_names(tuple(dict.fromkeys(labels)))})"


def _names(labels: Sequence[str]) -> str:
    shown = ", ".join(words.plain(each) for each in labels[:N_LISTED])
    more = len(labels) - N_LISTED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _show_licences(estimates: Sequence[Estimate]) -> None:
    counts: dict[str, int] = {}
    for each in estimates:
        for photo in each.samples:
            licence = licences.parse(photo.credit.licence)
            name = licence.name if licence.code else "unknown"
            counts[name] = counts.get(name, 0) + 1
    if counts:
        ordered = sorted(counts.items(), key=lambda each: (each[0] == "unknown", -each[1]))
        listed = ", ".join(f"{words.plain(name)} {n:,}" for name, n in ordered)
        st.caption(f"Licences of the first {words.n_of(sum(counts.values()), 'photo')}: {listed}.")


def _cost_text(cost: costs.Cost) -> str:
    requests = words.n_of(cost.n_requests, "request")
    return f"{requests}, about {duration(cost.seconds)} at the pace of the servers"

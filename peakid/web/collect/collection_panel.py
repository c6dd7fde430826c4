"""The collections of a workspace: what became of their candidates, and what can be done next with each."""

from collections.abc import Callable, Sequence

import streamlit as st

from peakid.jobs import queue
from peakid.jobs.arguments import CollectArguments
from peakid.jobs.collecting import job as collecting
from peakid.jobs.collecting import retraining, schedule
from peakid.jobs.job import Job
from peakid.jobs.results import CollectResult
from peakid.records import RejectionReason
from peakid.store.collecting import class_progress, collections, searches
from peakid.store.collecting.class_progress import ClassProgress
from peakid.store.collecting.collections import PASSING, Collection
from peakid.store.workspace import Workspace
from peakid.web import navigation, session, tables, words
from peakid.web.collect import collection_progress, licence_panel, name_form, triage
from peakid.web.jobs import submission
from peakid.web.training import first_model

N_LISTED, N_EMPTY = 200, 5
MAX_WHOLE, MAX_TABLE_PX = 6, 248
FIRST_SCORE = "To the first score"
_CHOSEN = "collection"  # Session state: the name of the collection whose details are shown.


def show(workspace: Workspace) -> None:
    """Draw a table of the collections, and of one of them what it has and the buttons that continue it."""
    name_form.show_error()
    found = collections.list_collections(workspace)
    if not found:
        return
    st.header("Collections from the web")
    tables.show(
        [
            {
                "Collection": each.name,
                "Images": each.n_images,
                "Rejected": each.n_rejected,
                "Waiting": each.n_waiting,
                "By": words.who(each.actor),
                "Created": words.ago(each.created_at),
            }
            for each in found
        ],
        height="content" if len(found) <= MAX_WHOLE else MAX_TABLE_PX,
    )
    chosen = _choose(found)
    if chosen.name not in _running(workspace):
        _show_details(workspace, chosen)


def show_job(workspace: Workspace, job: Job) -> None:
    """Draw a job that collects: while it runs its classes and newest images, then what it has collected."""
    if job.state in queue.ENDED:
        show_result(job)
    elif (arguments := job.arguments) and isinstance(arguments, CollectArguments):
        collection_progress.show(workspace, arguments.name)
        if not workspace.is_read_only:
            triage.show(workspace, key=f"triage:{job.job_id}")


def show_result(job: Job) -> None:
    """Draw what a job has collected."""
    found = job.result_as(CollectResult)
    if found is None:
        return
    if not found.n_images and not found.n_rejected:
        st.info("Nothing new was found.", icon=":material/search_off:")
        return
    text = (
        f"{words.n_of(found.n_new, 'new image')}, {found.n_images - found.n_new:,} known,"
        f" {found.n_rejected:,} rejected."
    )
    if found.n_images:
        st.success(text, icon=":material/check:")
    else:
        st.error(f"{text} The reasons are listed below.", icon=":material/block:")


def _choose(found: Sequence[Collection]) -> Collection:
    by_name = {each.name: each for each in found}
    if len(found) == 1:
        return found[0]
    if st.session_state.get(_CHOSEN) not in by_name:
        st.session_state.pop(_CHOSEN, None)
    name = st.selectbox("Collection", list(by_name), format_func=words.shown, key=_CHOSEN)
    return by_name[name]


def _running(workspace: Workspace) -> set[str]:
    """Return the names of the collections that are being collected."""
    active = queue.list_active(workspace, "net")
    return {each.arguments_as(CollectArguments).name for each in active if each.kind == "collect"}


def _show_details(workspace: Workspace, chosen: Collection) -> None:
    collection_id = chosen.collection_id
    _show_problems(workspace, collection_id)
    if not workspace.is_read_only:
        _offer(workspace, chosen)
    _show_schedule(workspace, chosen)
    if rows := class_progress.by_class(workspace, collection_id):
        collection_progress.show_classes(rows)
        _show_empty(rows, is_open=class_progress.is_searching(workspace, collection_id))
    if newest := class_progress.newest_images(workspace, collection_id, limit=collection_progress.N_NEWEST):
        collection_progress.show_images(newest)
        triage.show(workspace, key="triage")
    if chosen.n_rejected:
        _show_rejections(workspace, chosen)
    licence_panel.show(class_progress.by_licence(workspace, collection_id))


def _show_schedule(workspace: Workspace, chosen: Collection) -> None:
    said = []
    if chosen.every_days is not None:
        last = f", last {words.ago(chosen.ran_at)}" if chosen.ran_at else ""
        said.append(f"Runs again every {chosen.every_days:g} days{last}.")
    waits = retraining.state(workspace) if chosen.retrain_after is not None else None
    if waits is not None:
        said.append(f"Trains again after {waits.n_needed:,} reviewed images; {waits.n_new:,} are new.")
    elif chosen.retrain_after is not None:
        said.append(f"Trains again after {chosen.retrain_after:,} reviewed images, once there is a model.")
    if said:
        st.caption(" ".join(said))


def _show_empty(rows: Sequence[ClassProgress], *, is_open: bool) -> None:
    empty = [each.label or "" for each in rows if not each.n_found]
    if empty and not is_open:
        shown = ", ".join(words.plain(each) for each in empty[:N_EMPTY])
        more = f" and {len(empty) - N_EMPTY:,} more" if len(empty) > N_EMPTY else ""
        st.caption(f"Nothing was found for {shown}{more}. Other words may find something.")


def _show_problems(workspace: Workspace, collection_id: int) -> None:
    by_text: dict[tuple[str, str], int] = {}
    for each in searches.of_collection(workspace, collection_id):
        if each.problem:
            key = (each.source, each.problem)
            by_text[key] = by_text.get(key, 0) + 1
    for (source, problem), n in by_text.items():
        text = f"{words.n_of(n, 'search')[:-1]}es" if n > 1 else "1 search"
        st.warning(
            f"{text} at {words.plain(source)} stopped: {words.plain(problem)} What was found before stays.",
            icon=":material/cloud_off:",
        )


def _offer(workspace: Workspace, collection: Collection) -> None:
    n_passing = sum(collection.by_reason.get(each, 0) for each in PASSING)
    name, collection_id = words.plain(collection.name), collection.collection_id
    has_searches = bool(searches.of_collection(workspace, collection_id))
    is_open = bool(collection.n_waiting) or class_progress.is_searching(workspace, collection_id)
    with st.container(horizontal=True):
        if collection.n_images:
            _offer_score(workspace, is_open=is_open)
        waiting = f" ({collection.n_waiting:,} waiting)" if collection.n_waiting else ""
        if is_open and st.button(f"Continue {name}{waiting}", key=f"continue:{collection_id}"):
            _submit(workspace, collection)
        if n_passing and st.button(
            f"Try {words.n_of(n_passing, 'photo')} of {name} again",
            key=f"retry:{collection_id}",
            help="Those whose server did not answer, or that took too long.",
        ):
            collections.retry(workspace, collection_id)
            _submit(workspace, collection)
        if (
            has_searches
            and not is_open
            and st.button(
                "Look for new photos",
                key=f"further:{collection_id}",
                icon=":material/refresh:",
                help="Searches again. Only what is new is fetched.",
            )
        ):
            _submit(workspace, collection, schedule.submit)
        if has_searches:
            st.button(
                "Change its searches",
                key=f"change:{collection_id}",
                icon=":material/edit:",
                on_click=name_form.reopen,
                args=(workspace, collection.name),
            )


def _offer_score(workspace: Workspace, *, is_open: bool) -> None:
    """Offer the way to a score: freeze and train at once before the first model, then the Train page."""
    if first_model.is_next(workspace):
        kind = "secondary" if is_open else "primary"
        first_model.button(workspace, kind=kind, label=FIRST_SCORE, key="first score")
    elif st.button("Train on these images", key="train collected", icon=":material/model_training:"):
        navigation.go("train")


def _submit(
    workspace: Workspace, collection: Collection, submit: Callable[..., Job] = collecting.submit
) -> None:
    job = submission.submit(
        f"collection:{collection.name}",
        lambda request_id: submit(workspace, collection.name, request_id=request_id, actor=session.actor()),
    )
    if job is not None:
        st.rerun()


def _show_rejections(workspace: Workspace, collection: Collection) -> None:
    title = f"Rejected in {words.plain(collection.name)} ({collection.n_rejected:,})"
    with st.expander(title, icon=":material/block:"):
        if workspace.is_read_only:
            by_reason = ", ".join(f"{_named(reason)} {n:,}" for reason, n in collection.by_reason.items())
            st.caption(f"By reason: {words.plain(by_reason)}.")
        else:
            _offer_reasons(workspace, collection)
        rows = collections.rejections(workspace, collection.collection_id, limit=N_LISTED)
        tables.show(
            [
                {
                    "URL": url,
                    "Class": label or "",
                    "Reason": words.REASONS.get(reason, reason),
                    "Detail": detail,
                }
                for url, label, reason, detail in rows
            ],
            column_config={"URL": st.column_config.TextColumn(width=360)},
        )
        if collection.n_rejected > len(rows):
            st.caption(f"The newest {len(rows):,} of {collection.n_rejected:,}.")


def _offer_reasons(workspace: Workspace, collection: Collection) -> None:
    """Let the rejections of chosen reasons be tried again as one batch."""
    reasons: list[RejectionReason] = [
        each for each in words.REASONS if each in collection.by_reason and each != "forgotten"
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.pills(
            "Reasons, to try again",
            reasons,
            selection_mode="multi",
            format_func=lambda each: f"{words.REASONS[each]} {collection.by_reason[each]:,}",
            key=f"reasons:{collection.collection_id}",
        )
        n = sum(collection.by_reason[each] for each in chosen)
        if st.button(
            f"Try {words.n_of(n, 'photo')} again", key=f"again:{collection.collection_id}", disabled=not n
        ):
            collections.retry(workspace, collection.collection_id, chosen)
            _submit(workspace, collection)


def _named(reason: str) -> str:
    names: dict[str, str] = {**words.REASONS}
    return names.get(reason, reason).lower()

"""The collections of a workspace: what became of their candidates, and another attempt at some."""

import streamlit as st

from peakid.jobs import queue
from peakid.jobs.collecting import job as collecting
from peakid.jobs.job import Job
from peakid.jobs.results import CollectResult
from peakid.store.collecting import collections
from peakid.store.collecting.collections import PASSING, Collection
from peakid.store.workspace import Workspace
from peakid.web import session, tables, words
from peakid.web.jobs import submission

N_LISTED = 200


def show(workspace: Workspace) -> None:
    """Draw a table of the collections, their rejections by reason, and the buttons that continue them."""
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
        ]
    )
    is_running = any(
        job.kind == "collect" and job.state not in queue.ENDED for job in queue.list_jobs(workspace)
    )
    for each in found:
        if not workspace.is_read_only and not is_running:
            _offer(workspace, each)
        if each.n_rejected:
            _show_rejections(workspace, each)


def show_result(job: Job) -> None:
    """Draw what a job has collected."""
    found = job.result_as(CollectResult)
    if found is not None:
        st.markdown(
            f"{words.n_of(found.n_new, 'new image')}, {found.n_images - found.n_new:,} known,"
            f" {found.n_rejected:,} rejected."
        )


def _offer(workspace: Workspace, collection: Collection) -> None:
    n_passing = sum(collection.by_reason.get(each, 0) for each in PASSING)
    name = words.plain(collection.name)
    with st.container(horizontal=True):
        if collection.n_waiting and st.button(
            f"Continue {name} ({collection.n_waiting:,} waiting)", key=f"continue:{collection.collection_id}"
        ):
            _submit(workspace, collection)
        if n_passing and st.button(
            f"Try {words.n_of(n_passing, 'photo')} of {name} again",
            key=f"retry:{collection.collection_id}",
            help="Those whose server did not answer, or that took too long.",
        ):
            collections.retry(workspace, collection.collection_id)
            _submit(workspace, collection)


def _submit(workspace: Workspace, collection: Collection) -> None:
    job = submission.submit(
        f"collection:{collection.name}",
        lambda request_id: collecting.submit(
            workspace, collection.name, request_id=request_id, actor=session.actor()
        ),
    )
    if job is not None:
        st.rerun()


def _show_rejections(workspace: Workspace, collection: Collection) -> None:
    by_reason = ", ".join(
        f"{words.REASONS.get(reason, reason).lower()} {n:,}" for reason, n in collection.by_reason.items()
    )
    title = f"Rejected in {words.plain(collection.name)} ({collection.n_rejected:,})"
    with st.expander(title):
        st.caption(f"By reason: {words.plain(by_reason)}.")
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

"""Collections that are run again: which are due, and how a further run begins."""

import datetime

from peakid.job_settings import JobSettings
from peakid.jobs.collecting import job as collecting
from peakid.jobs.job import Job
from peakid.store.collecting import collections, searches
from peakid.store.collecting.collections import Collection
from peakid.store.workspace import Workspace


def is_due(collection: Collection, at: datetime.datetime | None = None) -> bool:
    """Return whether a collection is to be run: it is to run every some days, and did not since.

    Args:
        at: With its time zone; None = now.
    """
    if collection.every_days is None:
        return False
    if collection.ran_at is None:
        return True
    last = datetime.datetime.fromisoformat(collection.ran_at)
    return (at or datetime.datetime.now(datetime.UTC)) >= last + datetime.timedelta(collection.every_days)


def due(workspace: Workspace, at: datetime.datetime | None = None) -> list[Collection]:
    """Return the collections that are to be run, oldest first."""
    return [each for each in reversed(collections.list_collections(workspace)) if is_due(each, at)]


def begin(workspace: Workspace, collection: Collection) -> None:
    """Let searches that have ended begin again, for what is new, once nothing is left of the last run.

    Something is left where candidates wait or a search was stopped: this is continued first. A search that
    fails does not hold up the others; it continues where it was.
    """
    found = searches.of_collection(workspace, collection.collection_id)
    if not collection.n_waiting and all(each.is_ended or each.problem for each in found):
        searches.restart(workspace, collection.collection_id)


def submit(
    workspace: Workspace,
    name: str,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a further run of a collection: it fetches only what is new.

    Raises:
        NotFound: If there is no such collection.
    """
    begin(workspace, collections.show(workspace, name))
    return collecting.submit(workspace, name, settings=settings, request_id=request_id, actor=actor)

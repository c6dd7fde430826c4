"""The job that builds the index of neighbours, or adds the embeddings that it does not have."""

import time

from peakid.embed import stored
from peakid.embed.index import build, shard_files
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs.arguments import IndexArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.queueing import queued_once
from peakid.jobs.results import IndexResult
from peakid.store.workspace import Workspace


def index(
    workspace: Workspace,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the index of the embeddings that were used last, unless one is queued or running already.

    Raises:
        NoEmbeddings: If no image has an embedding.
        ExtraMissing: If usearch is not installed.
    """
    found = stored.find(workspace)
    shard_files.refuse_without_usearch()
    return queued_once(
        workspace,
        IndexArguments(set_id=found.set_id),
        "cpu",
        settings=settings,
        request_id=request_id,
        actor=actor,
    )


def run(work: Work) -> None:
    """Build the index. The shards that are complete stay when the job is killed or cancelled."""
    set_id = work.arguments_as(IndexArguments).set_id
    if not any(each.set_id == set_id for each in stored.sets(work.workspace)):
        raise BadInput("The embeddings that this index is of are gone.", "Compute the embeddings again.")
    began = time.monotonic()
    work.note(_result(extend(work, set_id), time.monotonic() - began))


def extend_if_needed(work: Work, set_id: int) -> None:
    """Add new embeddings to the index of a set that is too large to compare all, where that is possible."""
    found = build.coverage(work.workspace, set_id)
    if found.is_needed and found.is_possible and found.n_missing:
        extend(work, set_id)


def extend(work: Work, set_id: int) -> build.Coverage:
    """Build what is missing.

    Raises:
        Cancelled: If the job was cancelled.
    """
    found = build.build(work.workspace, set_id, report=work.report, should_stop=work.should_stop)
    if found.n_missing and work.should_stop():
        raise Cancelled
    return found


def _result(found: build.Coverage, seconds: float) -> IndexResult:
    return IndexResult(n_rows=found.n_rows, n_indexed=found.n_indexed, seconds=seconds)

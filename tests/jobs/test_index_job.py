"""The job that builds the index of neighbours."""

import numpy as np
import pytest

from peakid.embed import stored
from peakid.embed.index import build, shard_files
from peakid.errors import ExtraMissing, NoEmbeddings
from peakid.jobs import ledger, process, tasks
from peakid.jobs.from_embeddings import index as index_job
from peakid.jobs.ledger import Cancelled
from peakid.jobs.results import IndexResult
from tests import planted_embeddings


@pytest.fixture
def five(workspace, fill, monkeypatch):
    """Five images with embeddings, in shards of two rows."""
    monkeypatch.setattr(shard_files, "SHARD_ROWS", 2)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 3)
    rows = np.random.default_rng(0).normal(size=(5, 4)).tolist()
    return planted_embeddings.plant(workspace, dict(zip(fill(river=5), rows, strict=True)))


def claimed(workspace, job):
    return ledger.claim(workspace, job.job_id, process.own())


def test_the_job_builds_every_shard(workspace, five, as_idle):
    job = index_job.index(workspace, actor="human:anna")
    assert index_job.index(workspace) == job  # One at a time.
    work = claimed(workspace, job)
    tasks.run(work)
    assert work.result == IndexResult(n_rows=5, n_indexed=5, seconds=work.result.seconds)
    assert sorted(shard_files.shards(shard_files.folder(workspace, five.set_id))) == [0, 1, 2]


def test_a_cancelled_job_keeps_the_shards_that_are_complete(workspace, five, as_idle, monkeypatch):
    work = claimed(workspace, index_job.index(workspace))
    folder = shard_files.folder(workspace, five.set_id)
    monkeypatch.setattr(work, "should_stop", lambda: len(shard_files.shards(folder)) == 1)
    with pytest.raises(Cancelled):
        tasks.run(work)
    assert build.coverage(workspace, five.set_id).n_indexed == 2


def test_new_embeddings_are_indexed_where_comparing_all_takes_long(workspace, five, as_idle, monkeypatch):
    work = claimed(workspace, index_job.index(workspace))
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 5)
    index_job.extend_if_needed(work, five.set_id)
    assert build.coverage(workspace, five.set_id).n_indexed == 0
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 4)
    index_job.extend_if_needed(work, five.set_id)
    assert build.coverage(workspace, five.set_id).n_indexed == 5


def test_an_index_of_nothing_or_without_the_package_is_refused(workspace, fill, as_idle, monkeypatch):
    with pytest.raises(NoEmbeddings):
        index_job.index(workspace)
    planted_embeddings.plant(workspace, {fill(river=1)[0]: [1, 0]})
    assert stored.find(workspace).n_images == 1
    monkeypatch.setattr(shard_files, "is_installed", lambda: False)
    with pytest.raises(ExtraMissing, match="usearch"):
        index_job.index(workspace)

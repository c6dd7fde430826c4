"""The job of the UMAP layout stores a layout beside that of PCA."""

import numpy as np
import pytest

from peakid.embed import layouts, projection, stored
from peakid.errors import BadInput, NoEmbeddings
from peakid.jobs import ledger, process, tasks
from peakid.jobs.from_embeddings import map_layout
from peakid.jobs.results import MapResult
from tests import planted_embeddings


def test_the_job_stores_a_layout(workspace, plant, as_idle, monkeypatch):
    digests = plant(dict.fromkeys("abc", "dom"))
    planted_embeddings.plant(workspace, {digest: [1, n] for n, digest in enumerate(digests.values())})
    monkeypatch.setattr(projection, "has_umap", lambda: True)
    monkeypatch.setattr(projection, "umap", lambda features, report: np.eye(3)[:, :2])
    job = map_layout.lay_out(workspace, actor="human:anna")
    work = ledger.claim(workspace, job.job_id, process.own())
    tasks.run(work)
    assert work.result == MapResult(n_images=3, n_embedded=3, seconds=work.result.seconds)
    set_id = stored.find(workspace).set_id
    assert layouts.find(workspace, set_id, "umap").n_images == 3
    assert layouts.find(workspace, set_id, "pca") is None


def test_a_layout_of_no_embeddings_is_refused(workspace, as_idle):
    with pytest.raises(NoEmbeddings):
        map_layout.lay_out(workspace)


def test_a_job_whose_embeddings_are_gone_says_so(workspace, plant, as_idle, monkeypatch):
    digests = plant({"a": "dom"})
    planted_embeddings.plant(workspace, {digests["a"]: [1, 0]})
    monkeypatch.setattr(projection, "has_umap", lambda: True)
    job = map_layout.lay_out(workspace)
    workspace.connection().execute("DELETE FROM embedding")
    with pytest.raises(BadInput, match="gone"):
        tasks.run(ledger.claim(workspace, job.job_id, process.own()))


def test_the_job_places_more_images_than_a_layout_is_computed_of(workspace, plant, as_idle, monkeypatch):
    monkeypatch.setattr(layouts, "MOST_POINTS", 2)
    digests = plant(dict.fromkeys("abcd", "dom"))
    planted_embeddings.plant(workspace, {digest: [1, n] for n, digest in enumerate(digests.values())})
    layout = layouts.pca(workspace, stored.find(workspace).set_id)
    work = ledger.claim(workspace, map_layout.lay_out(workspace, method="pca").job_id, process.own())
    tasks.run(work)
    assert work.result == MapResult(n_images=4, n_embedded=4, seconds=work.result.seconds, method="pca")
    after = layouts.find(workspace, layout.set_id, "pca")
    assert (after.made_at, after.n_images, after.n_placed) == (layout.made_at, 2, 4)

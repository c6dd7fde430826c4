"""Embeddings with an index of neighbours that is small enough for a test."""

import numpy as np
import pytest

from peakid.embed.index import build, search, shard_files
from tests import planted_embeddings

N, SHARD = 120, 50


@pytest.fixture
def small(monkeypatch):
    """Shards of 50 rows, from 60 rows on."""
    monkeypatch.setattr(shard_files, "SHARD_ROWS", SHARD)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 60)
    monkeypatch.setattr(search, "LEAST_CANDIDATES", 40)
    search._opened.cache_clear()


@pytest.fixture
def images(workspace, small):
    """120 images with embeddings in three groups, the first 100 of them beforehand."""
    with workspace.transaction() as connection:
        connection.executemany(
            "INSERT INTO image (id, digest, format, n_bytes, width_px, height_px, phash, dhash, added_at)"
            " VALUES (?, ?, 'JPEG', 1, 8, 8, '0000000000000000', '0000000000000000', '2026')",
            [(n, f"{n:064x}") for n in range(1, N + 1)],
        )
        connection.executemany(
            "INSERT INTO image_state (image_id, verdict, is_reviewed, reason) VALUES (?, 'clear', 0, '')"
            " ON CONFLICT DO NOTHING",
            [(n,) for n in range(1, N + 1)],
        )
    middles = np.random.default_rng(0).normal(size=(3, 24))
    rows = middles[np.arange(N) % 3] + np.random.default_rng(1).normal(scale=0.4, size=(N, 24))
    vectors = {f"{n + 1:064x}": row.tolist() for n, row in enumerate(rows)}
    return planted_embeddings.plant(workspace, vectors)

"""An index of neighbours in shards: what it finds, and what becomes of damaged, grown and missing shards."""

import subprocess
import sys

import numpy as np
import pytest

from peakid.embed import neighbours, similar, stored
from peakid.embed.index import build, reduction, search, shard_files
from peakid.errors import ExtraMissing
from peakid.keep import forget
from tests import planted_embeddings

N = 120


def exact(workspace, chosen, image_id, k):
    known = stored.load(workspace, chosen.set_id)
    at = np.searchsorted(known.image_ids, [image_id])
    found = neighbours.nearest(known.features, known.features[at], k, exclude=at)
    return known.image_ids[found.indices[0]].tolist(), found.similarity[0]


def by_search(workspace, chosen, image_id, k=10):
    own = stored.load(workspace, chosen.set_id, [image_id]).features
    found = search.nearest(workspace, chosen, own, k, exclude=np.array([image_id]))
    return found.image_ids[0].tolist(), found.similarity[0]


def n_compared(monkeypatch):
    """Count the embeddings that are compared one by one."""
    seen, compare = [], neighbours.nearest

    def counted(rows, *given, **named):
        seen.append(len(rows))
        return compare(rows, *given, **named)

    monkeypatch.setattr(neighbours, "nearest", counted)
    return seen


def test_a_search_by_the_index_finds_the_images_and_the_cosines_of_comparing_all(
    workspace, images, monkeypatch
):
    covered = build.build(workspace, images.set_id)
    assert (covered.n_rows, covered.n_indexed, covered.n_missing) == (N, N, 0)
    seen = n_compared(monkeypatch)
    found = [by_search(workspace, images, image_id) for image_id in (1, 60, 120)]
    assert seen == []  # The index answered.
    for image_id, (ids, similarity) in zip((1, 60, 120), found, strict=True):
        expected, cosine = exact(workspace, images, image_id, 10)
        assert len(set(ids) & set(expected)) >= 9
        assert similarity == pytest.approx(cosine, abs=0.02)
        assert image_id not in ids


def test_the_queue_of_similar_images_is_read_from_the_index(workspace, images, monkeypatch):
    build.build(workspace, images.set_id)
    seen = n_compared(monkeypatch)
    listed = similar.list_similar(workspace, similar.to_image(workspace, f"{7:064x}"), limit=5)
    assert seen == []
    expected, cosine = exact(workspace, images, 7, 5)
    assert [each.digest for each in listed] == [f"{n:064x}" for n in expected]
    assert [each.similarity for each in listed] == pytest.approx(cosine.tolist(), abs=1e-5)


def test_new_embeddings_are_added_and_full_shards_stay_as_they_are(workspace, images, monkeypatch):
    whole = np.array(stored.load(workspace, images.set_id).features)
    monkeypatch.setattr(stored, "vectors", lambda *_: whole[:70])
    build.build(workspace, images.set_id)
    folder = shard_files.folder(workspace, images.set_id)
    before = shard_files.shards(folder)
    assert {number: each.n_rows for number, each in before.items()} == {0: 50, 1: 20}
    monkeypatch.setattr(stored, "vectors", lambda *_: whole)
    added = []
    empty = build._empty
    monkeypatch.setattr(build, "_empty", lambda n: added.append(n) or empty(n))
    build.build(workspace, images.set_id)
    after = shard_files.shards(folder)
    assert {number: each.n_rows for number, each in after.items()} == {0: 50, 1: 50, 2: 20}
    assert after[0] == before[0]
    assert len(added) == 1  # The third shard; the second one was added to.
    assert len(list(folder.glob("00001-*"))) == 1


def test_rows_that_no_shard_has_are_compared_one_by_one(workspace, images, monkeypatch):
    build.build(workspace, images.set_id)
    shard = shard_files.shards(shard_files.folder(workspace, images.set_id))[1]
    shard.file.unlink()
    seen = n_compared(monkeypatch)
    ids, _ = by_search(workspace, images, 60)
    assert seen == [50]
    assert set(ids) & set(exact(workspace, images, 60, 10)[0]) & set(range(51, 101))


@pytest.mark.parametrize("content", [b"", b"not an index", None], ids=["empty", "another file", "half"])
def test_a_damaged_shard_is_not_read_and_is_built_anew(workspace, images, content):
    build.build(workspace, images.set_id)
    folder = shard_files.folder(workspace, images.set_id)
    shard = shard_files.shards(folder)[0]
    whole = shard.file.read_bytes()
    shard.file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    search._opened.cache_clear()
    ids, _ = by_search(workspace, images, 3)
    assert set(ids) == set(exact(workspace, images, 3, 10)[0])
    build.build(workspace, images.set_id)
    assert shard_files.is_intact(shard_files.shards(folder)[0])


def test_shards_without_their_components_are_built_anew(workspace, images):
    build.build(workspace, images.set_id)
    folder = shard_files.folder(workspace, images.set_id)
    (folder / shard_files.REDUCTION_FILE).write_bytes(b"")
    assert by_search(workspace, images, 3)[0] == exact(workspace, images, 3, 10)[0]  # All are compared.
    build.build(workspace, images.set_id)
    assert reduction.read(folder / shard_files.REDUCTION_FILE).axes.shape == (24, 24)


def test_a_stopped_build_keeps_its_shards_and_goes_on(workspace, images):
    told = []
    covered = build.build(
        workspace,
        images.set_id,
        report=lambda *given: told.append(given),
        should_stop=lambda: len(told) == 2,
    )
    assert covered.n_indexed == 50
    assert [(step, total) for _, step, total, _ in told] == [(0, N), (50, N)]
    told.clear()
    build.build(workspace, images.set_id, report=lambda *given: told.append(given))
    assert [step for _, step, _, _ in told] == [50, 100]
    assert build.coverage(workspace, images.set_id).n_missing == 0


def test_the_index_of_other_embeddings_is_not_read_and_removed(workspace, images):
    build.build(workspace, images.set_id)
    old = shard_files.folder(workspace, images.set_id)
    (old.parent / "abc-1-usearch0.1").mkdir()
    stored.file_of(workspace, images.set_id).unlink()
    rng = np.random.default_rng(5)
    planted_embeddings.plant(workspace, {f"{n:064x}": rng.normal(size=24).tolist() for n in range(1, N + 1)})
    assert build.coverage(workspace, images.set_id).n_indexed == 0
    build.build(workspace, images.set_id)
    assert [each.name for each in old.parent.iterdir()] == [shard_files.folder(workspace, images.set_id).name]


def test_a_forgotten_image_leaves_the_index(workspace, images):
    build.build(workspace, images.set_id)
    folder = shard_files.folder(workspace, images.set_id)
    forget.forget(workspace, f"{60:064x}", reason="", actor="human:anna")
    assert sorted(shard_files.shards(folder)) == [0, 2]
    assert 60 not in by_search(workspace, images, 61, 100)[0]
    build.build(workspace, images.set_id)
    assert 60 not in by_search(workspace, images, 61, 100)[0]
    assert sorted(shard_files.shards(folder)) == [0, 1, 2]


def test_without_the_package_all_are_compared_and_one_line_says_how_to_get_it(workspace, images, monkeypatch):
    monkeypatch.setattr(shard_files, "is_installed", lambda: False)
    assert by_search(workspace, images, 3)[0] == exact(workspace, images, 3, 10)[0]
    assert 'pip install "peakid[millions]"' in search.advice(workspace, images)
    with pytest.raises(ExtraMissing, match="usearch"):
        build.build(workspace, images.set_id)


def test_a_small_set_needs_no_index_and_opens_none(workspace, images, monkeypatch):
    build.build(workspace, images.set_id)
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", N)
    monkeypatch.setattr(search, "_index", lambda _: pytest.fail("opened"))
    assert by_search(workspace, images, 3)[0] == exact(workspace, images, 3, 10)[0]
    assert search.advice(workspace, images) is None


@pytest.mark.slow
def test_the_package_is_loaded_by_no_import():
    code = (
        "import sys, peakid.embed.index.search, peakid.embed.index.build; sys.exit('usearch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_ninety_five_of_a_hundred_neighbours_are_found_among_five_thousand(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    middles = rng.normal(size=(200, 16)) @ rng.normal(size=(16, 320))
    rows = (middles[rng.integers(200, size=5000)] + rng.normal(scale=2, size=(5000, 320))).astype(np.float16)
    reduced = reduction.fit(rows)
    monkeypatch.setattr(shard_files, "SHARD_ROWS", 2000)
    assert build._build(tmp_path, 0, rows, reduced, None, lambda _: False)
    index = build._read(shard_files.shards(tmp_path)[0])
    queries = rows[:100]
    expected = neighbours.nearest(rows, queries, 51, exclude=np.arange(100)).indices
    unit = neighbours.normalised(queries)
    candidates = index.search(reduced.of(unit), 204).keys.astype(np.int64)
    for k in (10, 50):
        shares = []
        for n, near in enumerate(candidates):
            near = near[near != n]
            cosine = neighbours.normalised(rows[near]) @ unit[n]
            shares.append(np.isin(expected[n, :k], near[np.argsort(-cosine)[:k]]).mean())
        assert np.mean(shares) >= 0.95

"""The cache of originals keeps what was used last, within its limit, and trusts no file that was changed."""

import os
from pathlib import Path

from peakid import paths
from peakid.imaging import inspection
from peakid.store.objects.cache import ObjectCache


def put(cache: ObjectCache, n: int, *, size: int = 100, at: float = 0.0) -> str:
    data = bytes([n]) * size
    digest = inspection.digest_of(data)
    cache.put(digest, data)
    if at:
        os.utime(paths.of_digest(cache.folder, digest), (at, at))
    return digest


def test_what_was_put_is_read_until_the_file_is_damaged(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 1000)
    digest = put(cache, 1)
    assert cache.get(digest) == bytes([1]) * 100
    paths.of_digest(tmp_path, digest).write_bytes(b"other")
    assert cache.get(digest) is None
    assert not paths.of_digest(tmp_path, digest).exists()
    assert cache.get("0" * 64) is None


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, 400)
    first, second, third = (put(cache, n, at=1000.0 + n) for n in (1, 2, 3))
    assert cache.get(first)  # Used now.
    put(cache, 4)
    put(cache, 5)
    assert (cache.get(first) is not None, cache.get(second), cache.get(third)) == (True, None, None)
    assert sum(path.stat().st_size for path in tmp_path.glob("??/*")) <= 400


def test_a_limit_of_zero_and_a_full_disk_keep_nothing(tmp_path: Path) -> None:
    assert ObjectCache(tmp_path, 0).get(put(ObjectCache(tmp_path, 0), 1)) is None
    (tmp_path / "file").write_bytes(b"")
    cache = ObjectCache(tmp_path / "file", 1000)
    assert cache.get(put(cache, 2)) is None


def test_what_other_processes_have_added_counts(tmp_path: Path) -> None:
    put(ObjectCache(tmp_path, 10_000), 1, size=300, at=1000.0)
    cache = ObjectCache(tmp_path, 400)
    put(cache, 2, size=200)
    assert [path.stat().st_size for path in tmp_path.glob("??/*")] == [200]

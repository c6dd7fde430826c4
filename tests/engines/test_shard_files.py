"""Results of shards on disk: whole or not there."""

import os
import time

import pytest

from peakid.engines import shard_files
from peakid.engines.shard_files import ShardFiles
from peakid.errors import UnsafePath, WorkspaceNotWritable

KEY, OTHER = "a" * 64, "b" * 64


def test_a_result_is_read_as_it_was_written_and_writing_it_twice_is_harmless(tmp_path):
    kept = ShardFiles(tmp_path / "shards")
    assert kept.read(KEY) is None
    for _ in range(2):
        kept.write(KEY, b"result")
    assert (kept.read(KEY), [path.name for path in kept.folder.iterdir()]) == (b"result", [KEY])
    kept.remove(KEY)
    kept.remove(KEY)
    assert kept.read(KEY) is None


def test_a_result_that_was_cut_or_changed_counts_as_missing(tmp_path):
    kept = ShardFiles(tmp_path)
    kept.write(KEY, b"result")
    for damaged in (b"", (tmp_path / KEY).read_bytes()[:-1], b"x" * 40):
        (tmp_path / KEY).write_bytes(damaged)
        assert kept.read(KEY) is None


def test_results_that_no_job_has_asked_for_in_two_weeks_are_removed(tmp_path):
    kept = ShardFiles(tmp_path)
    kept.write(KEY, b"old")
    kept.write(OTHER, b"new")
    old_s = time.time() - shard_files.KEPT_S - 10
    os.utime(tmp_path / KEY, (old_s, old_s))
    kept.sweep()
    assert (kept.read(KEY), kept.read(OTHER)) == (None, b"new")
    ShardFiles(tmp_path / "none").sweep()


def test_a_folder_that_cannot_be_written_and_a_bad_key_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceNotWritable):
        ShardFiles(tmp_path / "file").write(KEY, b"result")
    with pytest.raises(UnsafePath):
        ShardFiles(tmp_path).read("../peakid.db")

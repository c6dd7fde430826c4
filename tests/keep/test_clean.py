"""`clean` removes what can be made again, and nothing that a job uses or that would be lost."""

import fcntl
import os
import time

import pytest

from peakid.errors import BadInput, WorkspaceNotWritable
from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import ImportArguments, VerifyArguments
from peakid.keep import clean, disk_space, report_text
from peakid.store import activity, images
from peakid.store import workspace as workspaces

OLD = time.time() - 3600


def write(path, n_bytes=1000, *, is_old=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(n_bytes))
    if is_old:
        os.utime(path, (OLD, OLD))
        os.utime(path.parent, (OLD, OLD))
    return path


@pytest.fixture
def used(workspace, fill):
    """A workspace with three images and something of every kind, by kind."""
    fill(river=2, sea=1)
    return {
        "pixels": write(workspace.cache_dir / "pixels-2-160-crop" / "pixels", 3000),
        "previews": write(workspace.cache_dir / "seen" / "7" / "1.jpg"),
        "thumbnails": next(workspace.thumbs_dir.glob("??/*.jpg")),
        "unfinished": write(workspace.exports_dir / ".export-1.abc.partial" / "model.onnx"),
        "uploads": write(workspace.uploads_dir / "0123456789abcdef" / "photos.zip"),
        "old_databases": write(workspace.path / "backups" / "peakid-before-0015.db"),
        "others": write(workspace.path / "notes" / "mine.txt"),
    }


def by_kind(spaces):
    return {each.kind: each.n_files for each in spaces}


def test_what_can_be_made_again_is_removed_and_the_rest_is_named(workspace, used):
    planned = clean.plan(workspace)
    done = clean.clean(workspace)
    assert planned.removed == done.removed
    assert (planned.is_dry_run, done.is_dry_run) == (True, False)
    assert by_kind(done.removed) == {"pixels": 1, "previews": 1, "thumbnails": 3, "unfinished": 1}
    assert by_kind(done.on_request) == {"uploads": 1, "old_databases": 1}
    assert done.kept == ()
    there = {kind for kind, path in used.items() if path.exists()}
    assert there == {"uploads", "old_databases", "others"}
    assert done.n_bytes == sum(each.n_bytes for each in done.removed)


def test_a_plan_changes_nothing(workspace, used):
    before = sorted(path for path in workspace.path.rglob("*") if "peakid.db" not in path.name)
    clean.plan(workspace, clean.KINDS)
    after = sorted(path for path in workspace.path.rglob("*") if "peakid.db" not in path.name)
    assert [path for path in after if path not in before] in ([], [workspace.path / activity.LOCK_NAME])


def test_named_kinds_alone_are_removed(workspace, used):
    done = clean.clean(workspace, ["uploads", "old_databases"])
    assert by_kind(done.removed) == {"uploads": 1, "old_databases": 1}
    assert {kind for kind, path in used.items() if not path.exists()} == {"uploads", "old_databases"}


def test_nothing_of_a_person_is_of_a_kind(workspace, used):
    with pytest.raises(BadInput, match="nothing of the kind 'others'"):
        clean.clean(workspace, ["others"])
    with pytest.raises(BadInput, match="Did you mean 'thumbnails'"):
        clean.plan(workspace, ["thumbnail"])


def test_thumbnails_are_drawn_again(workspace, used):
    before = {path.stem: path.read_bytes() for path in workspace.thumbs_dir.glob("??/*.jpg")}
    clean.clean(workspace, ["thumbnails"])
    assert not list(workspace.thumbs_dir.glob("??/*.jpg"))
    assert {digest: images.thumbnail(workspace, digest) for digest in before} == before


def test_the_thumbnail_of_a_missing_image_stays(workspace, fill):
    lost, *_ = fill(river=2)
    images.image_path(workspace, lost).unlink()
    done = clean.clean(workspace, ["thumbnails"])
    assert (by_kind(done.removed), by_kind(done.kept)) == ({"thumbnails": 1}, {"thumbnails": 1})
    assert images.thumbnail(workspace, lost)


def test_decoded_pixels_that_a_process_uses_stay(workspace, used):
    store = used["pixels"].parent
    with (store / "used").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        done = clean.clean(workspace, ["pixels"])
        assert (by_kind(done.removed), by_kind(done.kept)) == ({}, {"pixels": 2})
        assert used["pixels"].exists()
    assert by_kind(clean.clean(workspace, ["pixels"]).removed) == {"pixels": 2}
    assert not store.exists()


def test_what_a_running_job_may_use_stays(workspace, used):
    lock = activity.join(workspace.path)  # As the process of a job does.
    try:
        done = clean.clean(workspace)
        assert by_kind(done.kept) == {"thumbnails": 3, "unfinished": 1}
    finally:
        os.close(lock)
    assert by_kind(clean.clean(workspace).removed) == {"thumbnails": 3, "unfinished": 1}


def test_no_job_starts_while_files_are_removed(workspace, used):
    started = []

    def report(*_progress):
        started.append(activity.join(workspace.path))

    clean.clean(workspace, report=report)
    assert set(started) == {None}


def test_what_a_waiting_job_needs_stays(workspace, used, as_idle):
    arguments = ImportArguments(source="zip", path=str(used["uploads"]))
    queue.submit(workspace, arguments, lane="cpu", settings=JobSettings())
    verifying = queue.submit(workspace, VerifyArguments(), lane="cpu", settings=JobSettings()).job_id
    write(workspace.cache_dir / "seen" / str(verifying) / "1.jpg")
    done = clean.clean(workspace, ["uploads", "previews"])
    assert by_kind(done.removed) == {"previews": 1}
    assert by_kind(done.kept) == {"previews": 1, "uploads": 1}
    assert used["uploads"].exists()


def test_a_file_that_is_being_written_stays(workspace, fill):
    fill(river=1)
    fresh = write(workspace.images_dir / "00" / ".abc.1-1.part", is_old=False)
    upload = write(workspace.uploads_dir / "part-abc", is_old=False)
    clean.clean(workspace, clean.KINDS)
    assert fresh.exists()
    assert upload.exists()


def test_links_are_neither_followed_nor_counted(workspace, tmp_path):
    outside = write(tmp_path / "outside" / "photo.jpg")
    (workspace.cache_dir / "link").symlink_to(outside.parent)
    (workspace.path / "linked").symlink_to(outside.parent)
    assert clean.clean(workspace, clean.KINDS).removed == ()
    assert [path.name for path in outside.parent.iterdir()] == ["photo.jpg"]
    assert "others" not in by_kind(disk_space.measure(workspace))


def test_a_workspace_that_can_only_be_read_is_listed_and_not_cleaned(workspace, used):
    read_only = workspaces.Workspace(workspace.path, is_read_only=True)
    assert clean.plan(read_only).n_bytes > 0
    with pytest.raises(WorkspaceNotWritable):
        clean.clean(read_only)


def test_the_command_says_what_it_removes_and_what_only_on_request(peakid, used):
    lines = peakid("clean", "--dry-run").out.splitlines()
    assert lines[0].startswith("Would remove ")
    assert "  pixels: images decoded for training (1 file, 0.0 MB)" in lines
    assert lines.index("Removed only if they are named:") < lines.index(
        "  uploads: uploaded files (1 file, 0.0 MB)"
    )
    document = peakid("clean", "--json").json
    assert set(document) == {"removed", "kept", "on_request", "is_dry_run", "n_bytes"}
    assert document["removed"][0] == {"kind": "pixels", "n_files": 1, "n_bytes": 3000}
    assert peakid("clean").out.startswith("Removed nothing")


def test_every_kind_has_a_title():
    assert set(disk_space.TITLES) == {*clean.KINDS, "others"}
    assert report_text.of_cleaning(clean.Cleaning((), (), (), is_dry_run=True))[0].startswith("Would remove")

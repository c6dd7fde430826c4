"""The jobs of albums: a preview that is kept and continued, writing, taking back, and a disk that is full."""

import errno
import hashlib
import io
import os

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder as importing
from peakid.curate.queues import review_queue
from peakid.errors import BadInput, DiskError, NotFound, NotPhotos
from peakid.jobs import ledger, process, queue, tasks
from peakid.jobs.albums import sorting
from peakid.jobs.ledger import Cancelled
from peakid.serve.albums import photos, placing, previews, writing
from peakid.serve.albums.plan import AlbumRules
from peakid.store import exports

ANNA = "human:anna"
COLOURS = {"red": (200, 30, 20), "green": (20, 210, 30), "blue": (10, 40, 220)}


@pytest.fixture
def folder(tmp_path):
    """Two photos of each colour, a grey one, and a file that is no photo."""
    made = tmp_path / "photos"
    made.mkdir()
    for name, colour in COLOURS.items():
        for n in (1, 2):
            Image.new("RGB", (30, 20 + n), colour).save(made / f"{name}{n}.png")
    Image.new("RGB", (30, 20), (90, 90, 90)).save(made / "grey.png")
    (made / "bad.jpg").write_text("no picture")
    return made


@pytest.fixture
def export(workspace, frozen, add_run, colour_export):
    """The number of an export that predicts the colour of a photo."""
    run_id = add_run(frozen)
    return exports.add(workspace, run_id=run_id, path=colour_export, files=[], parity={}).export_id


def digest_of(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def claimed(workspace, job):
    return ledger.claim(workspace, job.job_id, process.own())


def run(workspace, job):
    work = claimed(workspace, job)
    tasks.run(work)
    work.end("done")
    return queue.show(workspace, job.job_id).result


@pytest.fixture
def preview(workspace, export, folder, as_idle):
    return run(workspace, sorting.preview(workspace, export, folder))


def tree(out):
    return sorted(each.relative_to(out).as_posix() for each in out.rglob("*.png"))


RULES = AlbumRules(threshold=0.5)


def test_a_preview_is_written_as_it_was_shown_and_taken_back(workspace, preview, folder, tmp_path):
    assert (preview.n_photos, preview.n_new, preview.n_unreadable) == (7, 7, 1)
    shown = sorting.planned(workspace, previews.show(workspace, preview.preview), RULES)
    assert shown.counts() == {"blue": 2, "green": 2, "red": 2, "other": 1}
    out = tmp_path / "albums"
    done = run(workspace, sorting.write(workspace, preview.preview, out, RULES))
    assert (done.n_made, done.n_kept, dict(done.albums)) == (7, 0, shown.counts())
    assert "other/grey.png" in tree(out)
    again = run(workspace, sorting.write(workspace, preview.preview, out, RULES))
    assert (again.n_made, again.n_kept) == (0, 7)
    taken = run(workspace, sorting.take_back(workspace, out))
    assert (taken.n_removed, out.exists()) == (7, False)
    assert len(list(folder.iterdir())) == 8
    with pytest.raises(BadInput, match="No photos were sorted"):
        sorting.take_back(workspace, out)


def test_only_new_and_changed_photos_are_predicted_again(workspace, export, preview, folder, tmp_path):
    out = tmp_path / "albums"
    run(workspace, sorting.write(workspace, preview.preview, out, RULES))
    Image.new("RGB", (31, 20), COLOURS["blue"]).save(folder / "blue3.png")
    Image.new("RGB", (33, 20), COLOURS["green"]).save(folder / "red1.png")
    os.utime(folder / "red1.png", ns=(10**18, 10**18))
    (folder / "green1.png").unlink()
    again = run(workspace, sorting.preview(workspace, export, folder))
    assert (again.preview, again.n_photos, again.n_new) == (preview.preview, 7, 2)
    done = run(workspace, sorting.write(workspace, again.preview, out, RULES))
    assert (done.n_made, done.n_kept, done.n_removed) == (2, 5, 2)
    assert tree(out) == [
        *("blue/blue1.png", "blue/blue2.png", "blue/blue3.png", "green/green2.png", "green/red1.png"),
        *("other/grey.png", "red/red2.png"),
    ]


def test_a_file_whose_name_is_no_text_is_listed_and_stops_nothing(
    workspace, export, folder, tmp_path, as_idle
):
    (folder / "red1.png").rename(os.fsdecode(os.fsencode(folder) + b"/red\xff.png"))
    done = run(workspace, sorting.preview(workspace, export, folder))
    assert (done.n_photos, done.n_unreadable) == (6, 2)
    found = previews.show(workspace, done.preview).photos.unreadable
    assert {each.reason for each in found} >= {photos.NOT_TEXT}
    assert all(each.path.encode() for each in found)
    assert run(workspace, sorting.write(workspace, done.preview, tmp_path / "out", RULES)).n_made == 6


def test_albums_inside_the_folder_are_no_photos_of_it(workspace, export, preview, folder):
    run(workspace, sorting.write(workspace, preview.preview, folder / "albums", RULES))
    assert run(workspace, sorting.preview(workspace, export, folder)).n_photos == 7


def test_a_preview_that_was_stopped_continues(workspace, export, folder, as_idle, monkeypatch):
    monkeypatch.setattr(photos, "BATCH_SIZE", 2)
    job = sorting.preview(workspace, export, folder)
    work = claimed(workspace, job)
    report = work.report

    def stopping(phase, step, total, message):
        if phase == "Predicting photos" and step >= 4:
            raise Cancelled
        report(phase, step, total, message)

    work.report = stopping
    with pytest.raises(Cancelled):
        tasks.run(work)
    work.end("cancelled")
    [found] = previews.list_previews(workspace)
    assert (found.is_complete, len(found.photos.paths)) == (False, 3)  # The first file is no photo.
    with pytest.raises(BadInput, match="was stopped"):
        sorting.write(workspace, found.key, folder.parent / "albums", RULES)
    done = run(workspace, sorting.preview(workspace, export, folder))
    assert (done.n_photos, done.n_new) == (7, 4)
    whole = previews.show(workspace, done.preview)
    assert whole.is_complete
    assert whole.photos.paths == tuple(sorted(whole.photos.paths))


def test_a_preview_has_a_thumbnail_of_each_photo(workspace, preview):
    found = previews.show(workspace, preview.preview)
    for number, path in enumerate(found.photos.paths):
        drawn = Image.open(io.BytesIO(previews.thumbnail(workspace, preview.preview, number)))
        colour = path.removesuffix(".png").rstrip("12")
        expected = COLOURS.get(colour, (90, 90, 90))
        assert np.abs(np.asarray(drawn)[4, 4].astype(int) - expected).max() < 12, path
    for number in (-1, 7):
        with pytest.raises(NotFound):
            previews.thumbnail(workspace, preview.preview, number)
    for key in ("", "../exports", "0" * 16):
        with pytest.raises(NotFound):
            previews.thumbnail(workspace, key, 0)


def test_a_damaged_preview_is_predicted_again(workspace, export, preview, folder):
    file = workspace.cache_dir / "albums" / preview.preview / "predictions.npz"
    file.write_bytes(file.read_bytes()[:200])
    assert previews.list_previews(workspace) == []
    assert run(workspace, sorting.preview(workspace, export, folder)).n_new == 7


def test_a_moved_photo_goes_to_its_album_and_is_learned(workspace, preview, tmp_path):
    found = previews.show(workspace, preview.preview)
    done = placing.place(workspace, found, ["grey.png"], "blue", learns=True, actor=ANNA)
    assert (done.n_photos, len(done.image_ids), done.failed) == (1, 1, ())
    counts = sorting.planned(workspace, found, RULES).counts()
    assert counts == {"blue": 3, "green": 2, "red": 2}
    [item] = review_queue.items(workspace, [digest_of(tmp_path / "photos" / "grey.png")])
    assert (item.label, item.is_reviewed) == ("blue", True)
    assert item.path.startswith("album blue/")
    placing.place(workspace, found, ["grey.png"], None, actor=ANNA)
    assert sorting.planned(workspace, found, RULES).counts()["other"] == 1
    placing.place(workspace, found, ["red1.png", "red2.png"], "other", actor=ANNA)
    assert sorting.planned(workspace, found, RULES).counts()["other"] == 3


def test_what_cannot_be_moved_is_said(workspace, preview):
    found = previews.show(workspace, preview.preview)
    with pytest.raises(BadInput, match=r"no photo 'a\.png'"):
        placing.place(workspace, found, ["a.png"], "blue", actor=ANNA)
    with pytest.raises(BadInput, match="no class 'blu'"):
        placing.place(workspace, found, ["grey.png"], "blu", actor=ANNA)
    for class_name in ("other", None):
        with pytest.raises(BadInput, match="learned from"):
            placing.place(workspace, found, ["grey.png"], class_name, learns=True, actor=ANNA)
    assert sorting.planned(workspace, found, RULES).counts()["other"] == 1


def test_a_photo_that_is_gone_is_moved_but_not_learned(workspace, preview, folder):
    found = previews.show(workspace, preview.preview)
    (folder / "red1.png").unlink()
    done = placing.place(workspace, found, ["red1.png", "grey.png"], "blue", learns=True, actor=ANNA)
    assert [(each.path, each.reason) for each in done.failed] == [("red1.png", "No such file or directory")]
    assert len(done.image_ids) == 1


def test_a_full_disk_ends_the_job_with_a_reason_and_nothing_half_written(
    workspace, preview, folder, tmp_path, monkeypatch
):
    out, left, make = tmp_path / "albums", [3], writing._make

    def full(source, target, mode):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        left[0] -= 1
        make(source, target, mode)

    monkeypatch.setattr(writing, "_make", full)
    work = claimed(workspace, sorting.write(workspace, preview.preview, out, RULES))
    with pytest.raises(DiskError, match="full"):
        tasks.run(work)
    work.end("failed")
    assert len(tree(out)) == 3
    assert not list(out.rglob("*.part"))
    monkeypatch.setattr(writing, "_make", make)
    assert run(workspace, sorting.write(workspace, preview.preview, out, RULES)).n_made == 4


def test_a_cancelled_writing_keeps_what_it_wrote(workspace, preview, tmp_path):
    out = tmp_path / "albums"
    work = claimed(workspace, sorting.write(workspace, preview.preview, out, RULES))
    work.should_stop = lambda: len(tree(out)) == 3
    with pytest.raises(Cancelled):
        tasks.run(work)
    work.end("cancelled")
    assert len(tree(out)) == 3
    assert run(workspace, sorting.write(workspace, preview.preview, out, RULES)).n_kept == 3


def test_what_cannot_be_sorted_is_refused_before_a_job_is_queued(
    workspace, export, folder, tmp_path, as_idle
):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no photo"):
        sorting.preview(workspace, export, tmp_path / "empty")
    with pytest.raises(BadInput):
        sorting.preview(workspace, export, tmp_path / "nothing")
    with pytest.raises(NotPhotos):
        sorting.preview(workspace, export, workspace.path)
    with pytest.raises(NotFound):
        sorting.preview(workspace, 99, folder)
    with pytest.raises(NotFound, match="no preview"):
        sorting.write(workspace, "0" * 16, tmp_path / "albums", RULES)
    assert queue.list_jobs(workspace) == []


def test_photos_that_a_workspace_reads_in_place_are_not_moved(workspace, preview, folder, tmp_path):
    importing.import_folder(workspace, folder, in_place=True, actor=ANNA)
    with pytest.raises(BadInput, match="read from there"):
        sorting.write(workspace, preview.preview, tmp_path / "albums", RULES, mode="move")

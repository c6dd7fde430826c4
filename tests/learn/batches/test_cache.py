import contextlib
import dataclasses
import multiprocessing
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest

from peakid.imaging import pixels
from peakid.learn.batches import cache, data
from peakid.learn.batches.cache import RECORD_BYTES, Store
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from tests import forked
from tests.learn import colours
from tests.learn.colours import images_of

SIZE = 32
ROW = SIZE * SIZE * 3


def expected(images):
    return np.stack(
        [pixels.preprocess(images.read(digest), size_px=SIZE, resize="crop") for digest in images.digests]
    )


def prepare(images, tmp_path, **options):
    """Bring the images to 32 px alone, where training and canonical pixels are the same store."""
    options = {"report": no_report, "should_stop": lambda: False, **options}
    return data.prepare_all(
        images, Recipe(image_size_px=SIZE, augment=0), [SIZE], cache_dir=tmp_path / "cache", **options
    )[SIZE]


def counting(images):
    """Return the images with a list of the digests that are read from now on."""
    read = []
    return dataclasses.replace(images, read=lambda digest: read.append(digest) or images.read(digest)), read


@pytest.fixture
def store(tmp_path):
    return tmp_path / "cache" / f"pixels-{pixels.VERSION}-{SIZE}-crop"


def some(n):
    return images_of([("moss" if i % 2 else "rust", "valid" if i % 4 == 3 else "train") for i in range(n)])


def test_a_snapshot_with_ten_more_images_decodes_ten(tmp_path):
    prepare(some(20), tmp_path)
    more, read = counting(some(30))
    assert np.array_equal(prepare(more, tmp_path).canonical, expected(some(30)))
    assert sorted(read) == sorted(f"image-{i}" for i in range(20, 30))


def test_images_in_another_order_or_without_some_decode_nothing(tmp_path):
    all_of_them = some(12)
    prepare(all_of_them, tmp_path)
    keep = [7, 3, 10, 0, 1]
    fewer = data.TrainingImages(
        [all_of_them.digests[i] for i in keep],
        all_of_them.labels[keep],
        [all_of_them.splits[i] for i in keep],
        all_of_them.class_names,
        lambda digest: pytest.fail("an image was read again"),
    )
    assert np.array_equal(prepare(fewer, tmp_path).canonical, expected(all_of_them)[keep])


def test_pixels_are_indexed_as_an_array_is(tmp_path):
    images = some(8)
    given, want = prepare(images, tmp_path).canonical, expected(images)
    for key in (3, slice(2, 6), [5, 1, 1], np.array([False, True] * 4), -1):
        assert np.array_equal(given[key], want[key])
    assert (len(given), given.shape) == (8, (8, SIZE, SIZE, 3))


def flip_a_pixel(folder):
    with (folder / "pixels").open("r+b") as file:
        file.seek(5 * ROW + 100)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def cut_pixels(folder):
    os.truncate(folder / "pixels", 9 * ROW - 7)


def empty_pixels(folder):
    os.truncate(folder / "pixels", 0)


def cut_index(folder):
    os.truncate(folder / "index", 7 * RECORD_BYTES + 11)


def garbage_index(folder):
    (folder / "index").write_bytes(np.random.default_rng(0).bytes(700))


def zero_a_record(folder):
    content = bytearray((folder / "index").read_bytes())
    content[3 * RECORD_BYTES : 4 * RECORD_BYTES] = bytes(RECORD_BYTES)
    (folder / "index").write_bytes(bytes(content))


def no_index(folder):
    (folder / "index").unlink()


@pytest.mark.parametrize(
    ("damage", "n_damaged"),
    [
        (flip_a_pixel, 1),
        (cut_pixels, 4),  # Of 12 rows, 8 are whole.
        (empty_pixels, 12),
        (cut_index, 0),  # As a killed process leaves it: nothing was damaged, some images are missing.
        (garbage_index, 12),
        (zero_a_record, 1),
        (no_index, 0),
    ],
)
def test_a_damaged_store_is_repaired_and_reported(tmp_path, store, damage, n_damaged):
    images = some(12)
    prepare(images, tmp_path)
    damage(store)
    given = prepare(images, tmp_path)
    assert np.array_equal(given.canonical, expected(images))
    plural = "s in the pixel cache were" if n_damaged > 1 else " in the pixel cache was"
    assert given.notes == ((f"{n_damaged} image{plural} damaged and decoded again.",) if n_damaged else ())
    again, read = counting(images)
    assert (np.array_equal(prepare(again, tmp_path).canonical, expected(images)), read) == (True, [])
    assert prepare(some(14), tmp_path).notes == ()  # The damage is not reported again.


def test_images_not_wanted_now_survive_a_file_cut_short_and_their_repair(tmp_path, store):
    images = some(12)
    prepare(images, tmp_path)
    cut_pixels(store)
    first = dataclasses.replace(
        images, digests=images.digests[:4], labels=images.labels[:4], splits=images.splits[:4]
    )
    prepare(first, tmp_path)
    new = images_of([("sky", "train")] * 14 + [("sky", "valid")])
    new = dataclasses.replace(
        new, digests=[f"other-{i}" for i in range(15)], read=lambda name: images.read("image-0")
    )
    prepare(new, tmp_path)
    assert np.array_equal(prepare(images, tmp_path).canonical, expected(images))


def test_a_row_whose_record_was_never_written_is_not_used(tmp_path, store):
    prepare(some(4), tmp_path)
    with (store / "pixels").open("ab") as file:
        file.write(b"\x01" * (ROW + 17))  # A process died while it wrote its second row.
    given = prepare(some(8), tmp_path)
    assert (np.array_equal(given.canonical, expected(some(8))), given.notes) == (True, ())
    assert (store / "pixels").stat().st_size == 8 * ROW


@pytest.mark.slow
def test_a_process_killed_while_it_fills_leaves_a_store_that_is_read_correctly(tmp_path):
    images, rng = some(300), np.random.default_rng(1)
    forked.TRAINING.warm()
    for _ in range(5):
        child = forked.TRAINING.start(
            colours.prepare, images, Recipe(image_size_px=SIZE, augment=0), tmp_path / "cache"
        )
        time.sleep(rng.uniform(0.02, 0.12))  # The whole takes a quarter of a second or more.
        child.kill()
        child.join()
    given = prepare(images, tmp_path)
    assert (np.array_equal(given.canonical, expected(images)), given.notes) == (True, ())


def fill_in_child(folder, digests, start):
    own = Store(Path(folder), SIZE, "crop")
    start.wait()
    for digest in digests:
        with own.filling(lambda: None):
            own.find(digests)
            time.sleep(0.002)  # Room for another process to come between, were it let in.
            own.write(digest, np.full((SIZE, SIZE, 3), int(digest), dtype=np.uint8))
            own.publish()


def test_processes_that_fill_one_store_take_turns(tmp_path):
    parts, start = (
        [[str(i) for i in range(k, 18, 3)] for k in range(3)],
        multiprocessing.get_context("forkserver").Barrier(3),
    )
    children = [forked.TRAINING.start(fill_in_child, tmp_path, part, start) for part in parts]
    for child in children:
        child.join()
    store = Store(tmp_path, SIZE, "crop")
    rows = store.find([str(i) for i in range(18)])
    assert sorted(rows) == list(range(18))
    assert store.rows()[rows, 0, 0, 0].tolist() == list(range(18))


def test_images_that_another_process_decoded_meanwhile_are_not_decoded_again(tmp_path):
    images, read = counting(some(4))
    pictures, other = expected(some(4)), Store(tmp_path / "cache", SIZE, "crop")
    turn = contextlib.ExitStack()
    turn.enter_context(other.filling(lambda: None))

    def should_stop():  # Asked while it waits for its turn.
        if not other.known(images.digests).max() >= 0:
            other.find(images.digests)
            for digest, picture in zip(images.digests, pictures, strict=True):
                other.write(digest, picture)
            other.publish()
            turn.close()
        return False

    given = prepare(images, tmp_path, should_stop=should_stop)
    assert (np.array_equal(given.canonical, pictures), read) == (True, [])


def test_a_training_that_waits_for_another_process_can_be_stopped(tmp_path):
    other = Store(tmp_path / "cache", SIZE, "crop")
    with other.filling(lambda: None), pytest.raises(data.Stopped):
        prepare(some(4), tmp_path, should_stop=lambda: True)


def test_files_of_the_former_cache_are_removed(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "pixels-0123456789abcdef.npy").write_bytes(b"one file for each list of images")
    (tmp_path / "cache" / "log.csv").write_bytes(b"not ours")
    prepare(some(4), tmp_path)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [
        "log.csv",
        f"pixels-{pixels.VERSION}-{SIZE}-crop",
    ]


def filled(folder, size_px, n, *, used_at):
    store = Store(folder, size_px, "crop")
    for i in range(n):
        store.write(str(i), np.ones((size_px, size_px, 3), dtype=np.uint8))
    store.publish()
    os.utime(store.folder / "used", (used_at, used_at))
    return store


def test_the_least_recently_used_store_makes_room_and_one_in_use_never_does(tmp_path):
    folders = {
        px: filled(tmp_path, px, 10, used_at=px).folder for px in (40, 48, 56)
    }  # 40 px was used first.
    in_use = Store(tmp_path, 48, "crop")
    os.utime(in_use.folder / "used", (1, 1))
    held = sum(file.stat().st_blocks * 512 for folder in folders.values() for file in folder.iterdir())
    assert cache.free_space(tmp_path, 1000, budget_bytes=held + 1000, keep=[]) == (1000, "budget")
    assert all(folder.exists() for folder in folders.values())
    assert cache.free_space(tmp_path, 1000, budget_bytes=held, keep=[]).n_bytes == 1000
    assert [folder.exists() for folder in folders.values()] == [False, True, True]
    assert cache.free_space(tmp_path, 10**6, budget_bytes=10**5, keep=[]).n_bytes < 10**5
    assert [folder.exists() for folder in folders.values()] == [False, True, False]
    assert len(in_use.rows()) == 10


def test_images_over_the_budget_are_decoded_each_time_and_reported(tmp_path):
    images = some(12)
    given = prepare(images, tmp_path, budget_bytes=5 * ROW + 10)
    assert np.array_equal(given.canonical, expected(images))
    assert given.notes == (
        "The pixel cache is limited to 1.537e-05 GB: 7 of 12 images are decoded again each time they are "
        "needed. "
        "Raise PEAKID_CACHE_GB (2.2e-05 GB more are needed).",
    )
    counted, read = counting(images)
    again = prepare(counted, tmp_path, budget_bytes=0).canonical
    assert read == []  # Only when they are needed.
    assert np.array_equal(again[::-1], expected(images)[::-1])
    assert len(read) == 7


def test_validation_images_are_stored_before_training_images(tmp_path, store):
    images = some(12)
    prepare(images, tmp_path, budget_bytes=3 * ROW)
    found = Store(tmp_path / "cache", SIZE, "crop").find(images.digests)
    assert np.flatnonzero(found >= 0).tolist() == images.rows("valid").tolist()


def test_a_full_disk_is_reported_and_nothing_is_lost(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * ROW + 10, before[1]))  # The sixth row is written in part.
    try:
        given = prepare(some(12), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert np.array_equal(given.canonical, expected(some(12)))
    assert len(given.notes) == 1
    assert (
        "could not be written (File too large): 7 of 12 images are decoded again each time they are needed."
        in given.notes[0]
    )
    better = prepare(some(12), tmp_path)  # The disk has room again.
    assert (np.array_equal(better.canonical, expected(some(12))), better.notes) == (True, ())


def test_a_cache_that_cannot_be_written_at_all_is_reported(tmp_path):
    (tmp_path / "cache").write_bytes(b"a file where the folder should be")
    given = prepare(some(4), tmp_path)
    assert np.array_equal(given.canonical, expected(some(4)))
    assert "4 of 4 images are decoded again each time they are needed." in given.notes[0]


def test_rows_stay_readable_when_the_store_is_removed(tmp_path, store):
    given = prepare(some(6), tmp_path).canonical
    for file in store.iterdir():
        file.unlink()
    store.rmdir()
    assert np.array_equal(given, expected(some(6)))
    assert np.array_equal(prepare(some(6), tmp_path).canonical, expected(some(6)))

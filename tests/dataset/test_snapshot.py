"""Snapshots: their images and splits, and that changes are detected."""

import hashlib
import io
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder
from peakid.curate import classes, decisions
from peakid.dataset import manifest, snapshot
from peakid.errors import AmbiguousDigest, BadFractions, DamagedSnapshot, EmptySnapshot, NotFound
from peakid.imaging import inspection
from peakid.records import Choice, SnapshotItem
from peakid.store import comparisons, images
from peakid.store.workspace import now

ANNA = "human:anna"


def twenty(label: str = "dom", prefix: str = "d", n: int = 20) -> dict[str, str]:
    return {f"{prefix}{i:02d}": label for i in range(n)}


@pytest.fixture
def pair(workspace):
    """Add a pair of duplicates: `pair(digest, digest)`."""

    def paired(a: str, b: str) -> None:
        with workspace.transaction() as connection:
            connection.execute(
                "INSERT INTO duplicate_pair SELECT MIN(id), MAX(id), 'exact', 0, ? FROM image"
                " WHERE digest IN (?, ?)",
                (now(), a, b),
            )

    return paired


@pytest.fixture
def imported(workspace):
    """Record the split of an import: `imported(digest, "test")`; called twice, the image is in both."""

    def add(digest: str, part: str) -> None:
        with workspace.transaction() as connection:
            connection.execute(
                "INSERT INTO origin (image_id, acquisition_id, source, path, split, created_at)"
                " SELECT id, 1, 'folder', 'again', ?, ? FROM image WHERE digest = ?",
                (part, now(), digest),
            )

    return add


def frozen(workspace, **options):
    return snapshot.create(workspace, actor=ANNA, **options)


def splits_of(workspace, reference=None) -> dict[str, str]:
    return {item.digest: item.split for item in snapshot.items(workspace, reference)}


def test_a_snapshot_has_the_labelled_images_of_classes_in_use(workspace, plant):
    digests = plant(
        {"kept": "dom", "bare": None, "out": "dom", "doubt": "dom", "old": "eiger", "given": None}
    )
    decisions.decide(
        workspace,
        [
            Choice(digests["out"], "exclude", reason="a map"),
            Choice(digests["doubt"], "flag"),
            Choice(digests["given"], "label", "dom"),
        ],
        actor=ANNA,
    )
    classes.retire(workspace, "eiger")
    made = frozen(workspace)
    assert {item.digest for item in snapshot.items(workspace)} == {digests["kept"], digests["given"]}
    assert (made.class_names, made.n_images, made.n_groups, made.n_leaks, made.n_unreviewed) == (
        ["dom"],
        2,
        2,
        0,
        1,
    )


def test_reviewed_only_leaves_out_labels_that_no_person_confirmed(workspace, plant):
    digests = plant({"seen": "dom", "unseen": "dom"})
    decisions.decide(workspace, [Choice(digests["seen"], "label", "dom")], actor=ANNA)
    assert [
        item.digest for item in snapshot.items(workspace, frozen(workspace, is_reviewed_only=True).digest)
    ] == [digests["seen"]]


def test_the_digest_is_that_of_the_documented_manifest(workspace, plant):
    digest = plant({"a": "dom"})["a"]
    written = f"class\tdom\nimage\t{digest}\tdom\ttrain\t{digest}\n"
    assert frozen(workspace).digest == hashlib.sha256(written.encode()).hexdigest()


def test_freezing_the_same_content_returns_the_first_snapshot(workspace, plant):
    plant(twenty())
    first = frozen(workspace, name="monday")
    assert frozen(workspace, name="tuesday") == first
    assert [each.name for each in snapshot.list_snapshots(workspace)] == ["monday"]


def test_an_image_keeps_its_split_when_more_images_arrive(workspace, plant):
    plant(twenty())
    frozen(workspace)
    before = splits_of(workspace)
    plant(twenty(prefix="e", n=33))
    second = frozen(workspace)
    after = splits_of(workspace)
    assert {digest: after[digest] for digest in before} == before
    assert second.splits == {"train": 37, "valid": 8, "test": 8}  # .7 / .15 / .15 of 53 = 37.1 / 7.95 / 7.95


def test_an_image_excluded_for_a_while_returns_to_its_split(workspace, plant):
    digests = plant(twenty())
    frozen(workspace)
    before = splits_of(workspace)
    in_test = next(digest for digest, part in before.items() if part == "test")
    decisions.decide(workspace, [Choice(in_test, "exclude", reason="a map")], actor=ANNA)
    frozen(workspace)
    decisions.undo(workspace, actor=ANNA)
    assert splits_of(workspace, frozen(workspace).digest) == before
    assert in_test in digests.values()


def test_another_seed_is_another_partition_and_leaves_the_first_alone(workspace, plant):
    plant(twenty())
    first = frozen(workspace)
    other = frozen(workspace, seed=1)
    assert splits_of(workspace, first.digest) != splits_of(workspace, other.digest)
    assert frozen(workspace).digest == first.digest


def test_near_duplicates_share_a_split_and_a_group_key(workspace, plant, pair):
    digests = plant(twenty())
    for i in range(0, 20, 2):
        pair(digests[f"d{i:02d}"], digests[f"d{i + 1:02d}"])
    made = frozen(workspace)
    held = {item.digest: item for item in snapshot.items(workspace)}
    for i in range(0, 20, 2):
        a, b = held[digests[f"d{i:02d}"]], held[digests[f"d{i + 1:02d}"]]
        assert (a.split, a.group_key) == (b.split, b.group_key)
        assert a.group_key == min(a.digest, b.digest)
    assert (made.n_groups, made.n_leaks) == (10, 0)


def test_new_evidence_that_joins_two_splits_moves_both_images_to_train_and_the_diff_shows_it(
    workspace, plant, pair
):
    plant(twenty())
    first = frozen(workspace)
    parts = splits_of(workspace)
    in_test = next(digest for digest, part in parts.items() if part == "test")
    in_valid = next(digest for digest, part in parts.items() if part == "valid")
    pair(in_test, in_valid)
    second = frozen(workspace)
    moved = snapshot.diff(workspace, first.digest, second.digest)["moved"]
    assert {(row["digest"], row["from"], row["to"]) for row in moved} == {
        (in_test, "test", "train"),
        (in_valid, "valid", "train"),
    }
    assert second.n_leaks == 0


def test_imported_splits_are_kept_and_the_missing_valid_comes_from_train(workspace, plant, imported):
    digests = plant(twenty(n=30))
    for i, digest in enumerate(digests.values()):
        imported(digest, "test" if i < 10 else "train")
    made = frozen(workspace)
    parts = splits_of(workspace)
    assert {parts[digests[f"d{i:02d}"]] for i in range(10)} == {"test"}
    assert made.splits["test"] == 10
    assert made.splits["valid"] in (3, 4)  # .15 / .85 of 20 = 3.5
    assert not any("as requested" in text for text in snapshot.warnings(workspace, made))


def test_near_duplicates_across_imported_splits_are_a_leak_and_not_moved(workspace, plant, imported, pair):
    digests = plant(twenty(n=6))
    for name, part in zip(digests, ["train", "train", "train", "train", "valid", "test"], strict=True):
        imported(digests[name], part)
    pair(digests["d00"], digests["d05"])
    made = frozen(workspace)
    assert made.n_leaks == 1
    (leak,) = snapshot.leaks(workspace)
    assert {(image["digest"], image["split"]) for image in leak["images"]} == {
        (digests["d00"], "train"),
        (digests["d05"], "test"),
    }
    assert any("1 groups of near duplicates" in text for text in snapshot.warnings(workspace, made))
    assert frozen(workspace).digest == made.digest  # Freezing again gives the same snapshot.


def test_an_image_imported_as_train_and_test_is_in_train_with_a_warning(workspace, plant, imported):
    digests = plant({"both": "dom", "other": "dom"})
    imported(digests["both"], "train")
    imported(digests["both"], "test")
    imported(digests["other"], "test")
    made = frozen(workspace)
    assert splits_of(workspace)[digests["both"]] == "train"
    assert any("imported in several splits" in text for text in snapshot.warnings(workspace, made))


def test_an_empty_snapshot_is_an_error_with_the_counts(workspace, plant):
    with pytest.raises(EmptySnapshot, match="0 images"):
        frozen(workspace)
    digests = plant({"a": "dom"})
    with pytest.raises(EmptySnapshot, match="confirmed by a person"):
        frozen(workspace, is_reviewed_only=True)
    decisions.decide(workspace, [Choice(digests["a"], "exclude", reason="a map")], actor=ANNA)
    with pytest.raises(EmptySnapshot, match="1 excluded") as raised:
        frozen(workspace)
    assert raised.value.remedy
    assert snapshot.list_snapshots(workspace) == []


def test_invalid_shares_are_an_error_before_anything_is_written(workspace, plant):
    plant(twenty())
    with pytest.raises(BadFractions):
        frozen(workspace, fractions={"train": 0.5, "valid": 0.1, "test": 0.1})
    assert workspace.query("SELECT * FROM split_assignment") == []


def test_a_class_without_images_in_a_split_has_a_warning(workspace, plant):
    plant({**twenty(), "e0": "eiger", "e1": "eiger"})
    warnings = snapshot.warnings(workspace, frozen(workspace))
    assert warnings == [
        "Class 'eiger' has 2 images and none in validation or test: it gets no score there."
        " Label more, or retire the class."
    ]


def test_many_small_classes_have_one_warning(workspace, plant):
    plant({**twenty(), **{f"{n} {i}": f"peak {n}" for n in range(7) for i in range(2)}})
    assert snapshot.warnings(workspace, frozen(workspace)) == [
        "7 classes ('peak 0', 'peak 1', 'peak 2', 'peak 3', 'peak 4' and 2 more) have no image in validation"
        " or test: they get no score there. Label more, or retire them."
    ]


def test_three_images_of_a_class_are_enough_for_every_split(workspace, plant):
    plant({**twenty(), "e0": "eiger", "e1": "eiger", "e2": "eiger"})
    assert snapshot.warnings(workspace, frozen(workspace)) == []
    assert snapshot.table(workspace) == [
        {"class_name": "dom", "train": 14, "valid": 3, "test": 3, "n_images": 20},
        {"class_name": "eiger", "train": 1, "valid": 1, "test": 1, "n_images": 3},
    ]


def test_one_image_of_each_class_is_too_few_for_a_model(workspace, plant):
    plant({"d": "dom", "e": "eiger"})
    assert snapshot.warnings(workspace, frozen(workspace)) == [
        "No image is in validation or test: no model can be trained on it. Label at least 3 different images"
        " of each class, and freeze a snapshot again."
    ]


def test_a_split_that_was_given_no_share_has_no_warning(workspace, plant):
    plant({**twenty(), **twenty("eiger", "e")})
    shares = {"train": 0.8, "valid": 0.2, "test": 0}
    assert snapshot.warnings(workspace, frozen(workspace, fractions=shares)) == []


def test_a_single_class_has_a_warning(workspace, plant):
    plant(twenty())
    assert any("one class, 'dom'" in text for text in snapshot.warnings(workspace, frozen(workspace)))


def test_shares_that_differ_from_the_request_have_a_warning(workspace, plant):
    plant({**twenty(n=60), **twenty("eiger", "e", 60)})
    frozen(workspace)
    again = frozen(workspace, fractions={"train": 0.4, "valid": 0.3, "test": 0.3})
    assert again.splits == {"train": 84, "valid": 18, "test": 18}
    plant({"new": "dom"})
    made = frozen(workspace, fractions={"train": 0.4, "valid": 0.3, "test": 0.3})
    assert any("not 40 % / 30 % / 30 % as requested" in text for text in snapshot.warnings(workspace, made))


def test_a_diff_lists_added_removed_and_relabelled_images(workspace, plant):
    digests = plant({**twenty(n=4), "e0": "eiger"})
    first = frozen(workspace)
    decisions.decide(
        workspace,
        [Choice(digests["d00"], "exclude", reason="a map"), Choice(digests["d01"], "label", "eiger")],
        actor=ANNA,
    )
    added = plant({"new": "dom"})["new"]
    second = frozen(workspace)
    changes = snapshot.diff(workspace, first.digest, second.digest)
    assert [row["digest"] for row in changes["added"]] == [added]
    assert [row["digest"] for row in changes["removed"]] == [digests["d00"]]
    assert changes["relabelled"] == [
        {"digest": digests["d01"], "path": "dom/d01.jpg", "from": "dom", "to": "eiger"}
    ]
    assert changes["moved"] == []
    assert snapshot.diff(workspace, first.digest, first.digest) == {
        "added": [],
        "removed": [],
        "relabelled": [],
        "moved": [],
    }


def test_a_snapshot_is_found_by_name_by_the_beginning_of_its_digest_or_as_the_newest(workspace, plant):
    plant(twenty())
    first = frozen(workspace, name="first")
    plant({"new": "dom"})
    second = frozen(workspace)
    assert snapshot.resolve(workspace) == second.digest
    assert snapshot.resolve(workspace, "first") == first.digest
    assert snapshot.resolve(workspace, first.digest[:8].upper()) == first.digest


def test_content_that_is_frozen_again_is_the_newest_snapshot(workspace, plant):
    digest = plant(twenty())["d00"]
    first = frozen(workspace)
    decisions.decide(workspace, [Choice(digest, "exclude", reason="a map")], actor=ANNA)
    frozen(workspace)
    decisions.undo(workspace, actor=ANNA)
    time.sleep(0.002)  # Times are kept in milliseconds.
    frozen(workspace)
    assert snapshot.show(workspace) == first


def test_an_unknown_snapshot_is_an_error(workspace, plant):
    with pytest.raises(NotFound, match="no snapshot yet"):
        snapshot.resolve(workspace)
    plant(twenty())
    for n in range(17):  # Of 17 digests, two begin with the same hex digit.
        frozen(workspace, seed=n)
    with pytest.raises(NotFound, match="'xyz'"):
        snapshot.show(workspace, "xyz")
    first_digit = Counter(each.digest[0] for each in snapshot.list_snapshots(workspace)).most_common(1)[0][0]
    with pytest.raises(AmbiguousDigest):
        snapshot.show(workspace, first_digit)


@pytest.fixture
def stored(workspace, draw):
    """Five images with real bytes, labelled by a person."""
    classes.add(workspace, "dom")
    digests = []
    for seed in range(5):
        data = draw(seed)
        images.store(workspace, inspection.inspect(data), data)
        with workspace.transaction() as connection:
            images.add(connection, inspection.inspect(data))
        digests.append(inspection.digest_of(data))
    decisions.decide(workspace, [Choice(digest, "label", "dom") for digest in digests], actor=ANNA)
    return digests


def test_an_unchanged_snapshot_is_verified_with_all_images(workspace, stored):
    frozen(workspace)
    assert snapshot.verify(workspace) == 5


@pytest.mark.parametrize(
    "change",
    ["label = 'eiger'", "split = CASE split WHEN 'test' THEN 'train' ELSE 'test' END", "group_key = 'x'"],
)
def test_a_changed_row_is_found(workspace, stored, change):
    frozen(workspace)
    with workspace.transaction() as connection:
        connection.execute(f"UPDATE snapshot_item SET {change} WHERE image_id = 1")
    with pytest.raises(DamagedSnapshot, match="was changed"):
        snapshot.verify(workspace)


def test_missing_and_changed_bytes_are_found(workspace, stored):
    frozen(workspace)
    images.image_path(workspace, stored[0]).unlink()
    images.image_path(workspace, stored[1]).write_bytes(b"other")
    with pytest.raises(DamagedSnapshot, match="2 of 5 images"):
        snapshot.verify(workspace)


def test_an_import_repairs_what_the_check_of_a_snapshot_found(workspace, stored, tmp_path, draw):
    frozen(workspace)
    data = draw(1)
    damaged = bytes([data[0] ^ 255]) + data[1:]  # Of the same size.
    images.image_path(workspace, stored[1]).write_bytes(damaged)
    with pytest.raises(DamagedSnapshot, match="1 of 5 images"):
        snapshot.verify(workspace)
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / "1.jpg").write_bytes(data)
    assert folder.import_folder(workspace, tmp_path / "original", actor=ANNA).n_mended == 1
    assert snapshot.verify(workspace) == 5


def test_a_snapshot_is_a_data_frame_of_files_that_open(workspace, stored):
    frozen(workspace)
    frame = snapshot.to_frame(workspace)
    assert list(frame.columns) == ["digest", "path", "label", "split", "group_key"]
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in frame["path"]]
    assert digests == list(frame["digest"])
    assert list(frame["digest"]) == sorted(stored)


def test_the_manifest_does_not_depend_on_the_order_of_its_rows():
    rows = [SnapshotItem("b", "", "dom", "train", "b"), SnapshotItem("a", "", "eiger", "test", "a")]
    assert manifest.text(["eiger", "dom"], rows) == manifest.text(["dom", "eiger"], rows[::-1])


def test_frames_that_were_never_compared_are_compared_before_they_are_frozen(workspace, tmp_path):
    rng = np.random.default_rng(1)
    scene = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((160, 120))
    (tmp_path / "video" / "goal").mkdir(parents=True)
    for n in range(20):
        pixels = np.asarray(scene, dtype=float) + rng.normal(0, 3, (120, 160, 3))
        out = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG")
        (tmp_path / "video" / "goal" / f"{n:02}.jpg").write_bytes(out.getvalue())
    folder.import_folder(workspace, tmp_path / "video", actor=ANNA)
    assert snapshot.n_not_compared(workspace) == 20
    at_once = snapshot.create(workspace, seed=1, is_scanned_first=False, actor=ANNA)
    assert (at_once.n_groups, at_once.n_compared) == (20, 0)
    assert "20 were never compared" in snapshot.compared(at_once).finding
    assert any("20 of 20 images" in each for each in snapshot.warnings(workspace, at_once))
    made = snapshot.create(workspace, actor=ANNA)
    assert (made.n_groups, made.n_compared, sorted(made.splits.values())) == (1, 20, [0, 0, 20])
    assert snapshot.warnings(workspace, made)[-1:] != [comparisons.NOT_KNOWN]


def test_a_snapshot_of_an_earlier_version_does_not_know_what_was_compared(workspace, plant):
    plant(twenty(n=3))
    made = snapshot.create(workspace, actor=ANNA)
    assert made.n_compared == 3
    with workspace.transaction() as connection:
        connection.execute("UPDATE snapshot SET n_compared = NULL")
    old = snapshot.show(workspace)
    assert snapshot.compared(old).n_missing is None
    assert comparisons.NOT_KNOWN in snapshot.warnings(workspace, old)
    assert snapshot.create(workspace, actor=ANNA).n_compared == 3  # The same content: now it is known.


def test_without_an_image_to_freeze_the_counts_are_told_exactly(workspace, plant):
    with pytest.raises(EmptySnapshot) as raised:
        frozen(workspace)
    nothing = "No image is labelled and of a class in use (0 images, 0 excluded, 0 flagged)."
    assert raised.value.message == nothing
    plant({"a": "dom"})
    classes.add(workspace, "eiger")
    classes.retire(workspace, "dom")
    with pytest.raises(EmptySnapshot) as raised:  # It has a label, but of no class in use.
        frozen(workspace)
    assert raised.value.message == nothing.replace("0 images", "1 images")


def test_of_many_missing_images_three_are_named_by_the_start_of_their_digest(workspace, stored):
    made = frozen(workspace)
    gone = sorted(stored)[:4]
    for n, digest in enumerate(gone, 1):
        images.image_path(workspace, digest).unlink()
        with pytest.raises(DamagedSnapshot) as raised:
            snapshot.verify(workspace)
        listed = ", ".join(f"{each[:12]} ({_path(workspace, each)})" for each in gone[: min(n, 3)])
        assert raised.value.message == (
            f"The bytes of {n} of 5 images of snapshot {made.digest[:12]} are missing or changed:"
            f" {listed}{', ...' if n > 3 else ''}."
        )


def _path(workspace, digest):
    return next(item.path for item in snapshot.items(workspace) if item.digest == digest)

"""An image is identified by its bytes, stored once, and found by the start of its digest."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder
from peakid.errors import AmbiguousDigest, NotFound, UnreadableImage, WorkspaceNotWritable
from peakid.imaging import inspection, pixels
from peakid.store import images, origins
from peakid.store.workspace import Workspace, now


def stored(workspace: Workspace, data: bytes, *, keep: bool = True) -> tuple[int, bool]:
    inspected = inspection.inspect(data)
    images.store(workspace, inspected, data if keep else None)
    with workspace.transaction() as connection:
        return images.add(connection, inspected)


def seen_at(
    workspace: Workspace, image_id: int, root: Path, path: str, *, is_in_place: bool, label: str | None = None
) -> None:
    with workspace.transaction() as connection:
        root_id = connection.execute(
            "INSERT INTO root (path, is_in_place, created_at) VALUES (?, ?, ?)",
            (str(root), int(is_in_place), now()),
        ).lastrowid
        step = connection.execute(
            "INSERT INTO acquisition (source, actor, started_at) VALUES ('folder', 'human:t', ?)", (now(),)
        ).lastrowid
        connection.execute(
            "INSERT INTO origin (image_id, acquisition_id, source, root_id, path, label, created_at)"
            " VALUES (?, ?, 'folder', ?, ?, ?, ?)",
            (image_id, step, root_id, path, label, now()),
        )


def test_digest_and_format_come_from_the_bytes_of_an_image(
    draw: Callable[..., bytes],
) -> None:
    data = draw(1, size=(640, 480), format="PNG")
    inspected = inspection.inspect(data)
    assert inspected.digest == hashlib.sha256(data).hexdigest()
    assert (inspected.format, inspected.n_bytes, inspected.width_px, inspected.height_px) == (
        "PNG",
        len(data),
        640,
        480,
    )


def test_the_thumbnail_is_an_upright_jpeg_of_at_most_256_px() -> None:
    exif = Image.Exif()
    exif[pixels.ORIENTATION_TAG] = 6
    out = io.BytesIO()
    Image.new("RGB", (1200, 600), "red").save(out, "JPEG", exif=exif)
    inspected = inspection.inspect(out.getvalue())
    thumbnail = Image.open(io.BytesIO(inspected.thumbnail))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (128, 256))
    assert (inspected.width_px, inspected.height_px) == (600, 1200)


@pytest.mark.parametrize("seed", range(12))
def test_hashes_are_those_of_the_imagehash_package(seed: int, draw: Callable[..., bytes]) -> None:
    data = draw(seed, size=(200, 150), format="PNG" if seed % 2 else "JPEG")
    inspected, whole = inspection.inspect(data), pixels.decode(data)
    assert (inspected.phash, inspected.dhash) == (str(imagehash.phash(whole)), str(imagehash.dhash(whole)))


@pytest.mark.parametrize("grey", [0, 1, 127, 255])
def test_hashes_of_flat_images_are_those_of_the_imagehash_package(grey: int) -> None:
    out = io.BytesIO()
    Image.new("L", (64, 64), grey).save(out, "PNG")
    inspected, whole = inspection.inspect(out.getvalue()), Image.new("L", (64, 64), grey)
    assert (inspected.phash, inspected.dhash) == (str(imagehash.phash(whole)), str(imagehash.dhash(whole)))


def test_hashes_of_real_photos_from_the_reduced_decode_are_within_4_bits(real_data: Path) -> None:
    distances = []
    for path in sorted((real_data / "data" / "mountainid" / "photos").iterdir())[:8]:
        data = path.read_bytes()
        inspected, whole = inspection.inspect(data), pixels.decode(data)
        distances.append(imagehash.hex_to_hash(inspected.phash) - imagehash.phash(whole))
        distances.append(imagehash.hex_to_hash(inspected.dhash) - imagehash.dhash(whole))
    assert distances
    assert max(distances) <= 4


def test_a_truncated_image_cannot_be_inspected(draw: Callable[..., bytes]) -> None:
    data = draw(2, size=(300, 200))
    with pytest.raises(UnreadableImage):
        inspection.inspect(data[: len(data) * 2 // 3])


def test_the_same_bytes_are_one_image(workspace: Workspace, draw: Callable[..., bytes]) -> None:
    first, second = stored(workspace, draw(1)), stored(workspace, draw(1))
    assert first == (second[0], True)
    assert second[1] is False
    assert workspace.one("SELECT COUNT(*) AS n FROM image")["n"] == 1


def test_storing_an_image_writes_its_bytes_and_its_thumbnail_and_nothing_else(
    workspace: Workspace, draw: Callable[..., bytes]
) -> None:
    data = draw(1)
    digest = inspection.digest_of(data)
    stored(workspace, data)
    assert (workspace.images_dir / digest[:2] / digest).read_bytes() == data
    files = [
        path
        for folder in (workspace.images_dir, workspace.thumbs_dir)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert len(files) == 2


def test_bytes_and_thumbnail_are_read_back(workspace: Workspace, draw: Callable[..., bytes]) -> None:
    data = draw(1)
    stored(workspace, data)
    digest = inspection.digest_of(data)
    assert images.read_bytes(workspace, digest) == data
    assert images.thumbnail(workspace, digest) == inspection.inspect(data).thumbnail


def test_a_lost_thumbnail_is_made_again(workspace: Workspace, draw: Callable[..., bytes]) -> None:
    stored(workspace, draw(1))
    digest = inspection.digest_of(draw(1))
    path = images.thumbnail_path(workspace, digest)
    path.unlink()
    assert images.thumbnail(workspace, digest) == path.read_bytes() == inspection.inspect(draw(1)).thumbnail


def test_an_image_left_in_place_is_read_from_there(
    workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(draw(1))
    image_id, _ = stored(workspace, draw(1), keep=False)
    seen_at(workspace, image_id, tmp_path / "photos", "a.jpg", is_in_place=True)
    assert not any(path.is_file() for path in workspace.images_dir.rglob("*"))
    assert images.read_bytes(workspace, inspection.digest_of(draw(1))) == draw(1)


@pytest.mark.parametrize("fate", ["gone", "changed"])
def test_a_missing_file_of_an_image_left_in_place_is_an_error_with_a_remedy(
    fate: str, workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path
) -> None:
    image_id, _ = stored(workspace, draw(1), keep=False)
    seen_at(workspace, image_id, tmp_path, "a.jpg", is_in_place=True)
    if fate == "changed":
        (tmp_path / "a.jpg").write_bytes(draw(2))
    with pytest.raises(NotFound, match=r"a\.jpg was moved, removed or changed") as caught:
        images.read_bytes(workspace, inspection.digest_of(draw(1)))
    assert "Put the file back" in caught.value.remedy
    assert [each.kind for each in caught.value.actions] == ["import_images", "verify_images"]


def test_a_digest_may_be_shortened(workspace: Workspace, draw: Callable[..., bytes]) -> None:
    digests = []
    for seed in range(40):  # 40 digests, 16 possible first digits: some are shared.
        stored(workspace, draw(seed))
        digests.append(inspection.digest_of(draw(seed)))
    assert images.resolve(workspace, digests[0][:12].upper()) == digests[0]
    assert images.resolve(workspace, digests[0]) == digests[0]
    shared = next(
        first for first in "0123456789abcdef" if sum(digest.startswith(first) for digest in digests) > 1
    )
    with pytest.raises(AmbiguousDigest, match="digests of several images start with"):
        images.resolve(workspace, shared)


@pytest.mark.parametrize("prefix", ["", "xyz", "%", "deadbeef"])
def test_a_prefix_without_an_image_is_not_found(prefix: str, workspace: Workspace) -> None:
    with pytest.raises(NotFound):
        images.resolve(workspace, prefix)


def test_the_path_of_an_image_is_that_of_its_first_origin(
    workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path
) -> None:
    image_id, _ = stored(workspace, draw(1))
    seen_at(workspace, image_id, tmp_path / "a", "sea/2.jpg", is_in_place=False, label="sea")
    seen_at(workspace, image_id, tmp_path / "b", "river/1.jpg", is_in_place=False, label="river")
    digest = inspection.digest_of(draw(1))
    assert origins.path_and_root(workspace, digest) == ("sea/2.jpg", str(tmp_path / "a"))
    assert [
        (origin.path, origin.label, origin.split) for origin in origins.list_origins(workspace, digest)
    ] == [
        ("sea/2.jpg", "sea", None),
        ("river/1.jpg", "river", None),
    ]
    assert images.show(workspace, digest).image_id == image_id


def test_a_folder_that_cannot_be_written_is_an_error(
    workspace: Workspace, draw: Callable[..., bytes]
) -> None:
    digest = inspection.digest_of(draw(1))
    (workspace.images_dir / digest[:2]).write_text("a file where the folder should be")
    with pytest.raises(WorkspaceNotWritable):
        images.store(workspace, inspection.inspect(draw(1)), draw(1))


def test_an_image_of_one_colour_has_known_hashes() -> None:
    # The duplicate scan relies on it: a constant image has one phash bit (the mean) and no dhash bit.
    out = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), 200, dtype=np.uint8)).save(out, "PNG")
    inspected = inspection.inspect(out.getvalue())
    assert (inspected.phash, inspected.dhash) == ("8000000000000000", "0000000000000000")


def test_an_import_clears_what_a_killed_one_left(workspace, tmp_path, draw):
    left = [place / "ab" / ".ab12.999999999-1.part" for place in (workspace.images_dir, workspace.thumbs_dir)]
    for part in left:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"half")
        os.utime(part, (1, 1))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(draw(1))
    folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    assert not any(part.exists() for part in left)

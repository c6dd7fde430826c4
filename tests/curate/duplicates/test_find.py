"""Edited pictures are found, different ones are not, and a scan compares only new images."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from peakid.acquire import archive, folder
from peakid.curate import decisions
from peakid.curate.duplicates import duplicate_groups, find, pair_judgements, resolve
from peakid.imaging import inspection
from peakid.records import ScanReport
from peakid.store import decision_log, images
from peakid.store.workspace import Workspace

Save = Callable[[str, Image.Image], str]


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A picture with some structure at every scale, as photos have."""
    rng = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for cells in (3, 6, 12, 24):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) / 4
    return Image.fromarray(total.astype(np.uint8))


def encoded(image: Image.Image, format: str = "JPEG", **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


class Photos:
    """A folder of files to import."""

    def __init__(self, workspace: Workspace, root: Path) -> None:
        self.workspace, self.root = workspace, root

    def put(self, path: str, data: bytes) -> str:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)
        return inspection.digest_of(data)

    def arrive(self) -> None:
        folder.import_folder(self.workspace, self.root, actor="human:tester")


@pytest.fixture
def photos(workspace: Workspace, tmp_path: Path) -> Photos:
    return Photos(workspace, tmp_path / "photos")


def pairs(workspace: Workspace) -> dict[frozenset[str], str]:
    rows = workspace.query(
        "SELECT a.digest AS a, b.digest AS b, kind FROM duplicate_pair"
        " JOIN image a ON a.id = image_a_id JOIN image b ON b.id = image_b_id"
    )
    return {frozenset((row["a"], row["b"])): row["kind"] for row in rows}


def test_the_same_pixels_in_other_bytes_are_exact(workspace: Workspace, photos: Photos) -> None:
    jpeg = encoded(photo(1))
    same = encoded(Image.open(io.BytesIO(jpeg)), "PNG")
    a, b = photos.put("sea/1.jpg", jpeg), photos.put("sea/2.png", same)
    photos.arrive()
    report = find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "exact"}
    assert (report.n_scanned, report.n_exact_groups, report.n_near_groups, report.n_conflicting_groups) == (
        2,
        1,
        0,
        0,
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda image: encoded(image, quality=40),
        lambda image: encoded(image.resize((160, 120))),
        lambda image: encoded(Image.eval(image, lambda value: min(255, int(value * 1.15)))),
        lambda image: encoded(ImageOps.crop(image, 4)),
        lambda image: encoded(image, "WEBP", quality=70),
    ],
    ids=["re-encoded", "smaller", "brighter", "slightly cropped", "as WebP"],
)
def test_an_edit_that_looks_the_same_is_near(
    edit: Callable[[Image.Image], bytes], workspace: Workspace, photos: Photos
) -> None:
    a, b = photos.put("sea/1.jpg", encoded(photo(1), quality=95)), photos.put("sea/2.jpg", edit(photo(1)))
    photos.put("sea/3.jpg", encoded(photo(2)))
    photos.arrive()
    report = find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "near"}
    assert (report.n_exact_groups, report.n_near_groups) == (0, 1)


def test_different_pictures_are_not_pairs(workspace: Workspace, photos: Photos) -> None:
    for seed in range(40):
        photos.put(f"sea/{seed}.jpg", encoded(photo(seed, (80, 60))))
    photos.arrive()
    assert find.scan(workspace).n_near_groups == 0


def test_a_byte_copy_is_a_group_to_decide_on_only_if_its_labels_differ(
    workspace: Workspace, photos: Photos
) -> None:
    photos.put("sea/1.jpg", encoded(photo(1)))
    photos.put("sea/2.jpg", encoded(photo(1)))
    photos.arrive()
    assert counted(find.scan(workspace)) == (0, 0, 0, 0)
    photos.put("river/1.jpg", encoded(photo(1)))
    photos.arrive()
    assert counted(find.scan(workspace)) == (0, 0, 1, 1)


def counted(report: ScanReport) -> tuple[int, int, int, int]:
    assert report.n_groups == report.n_exact_groups + report.n_near_groups + report.n_copy_groups
    return report.n_exact_groups, report.n_near_groups, report.n_copy_groups, report.n_conflicting_groups


def test_a_group_with_exact_and_near_duplicates_is_counted_once(workspace: Workspace, photos: Photos) -> None:
    jpeg = encoded(photo(1), quality=95)
    photos.put("sea/1.jpg", jpeg)
    photos.put("sea/2.png", encoded(Image.open(io.BytesIO(jpeg)), "PNG"))
    photos.put("sea/3.jpg", encoded(photo(1), quality=50))
    photos.arrive()
    assert counted(find.scan(workspace)) == (0, 1, 0, 0)


def test_a_settled_group_is_counted_no_more(workspace: Workspace, photos: Photos) -> None:
    digests = [photos.put(f"sea/{n}.jpg", encoded(photo(1), quality=n)) for n in (95, 60)]
    digests += [photos.put(f"lake/{n}.jpg", encoded(photo(2), quality=n)) for n in (95, 60)]
    photos.arrive()
    assert counted(find.scan(workspace)) == (0, 2, 0, 0)
    resolve.keep_all(workspace, digests[:2], actor="human:tester")
    assert counted(find.scan(workspace)) == (0, 1, 0, 0)


def test_a_zip_of_known_files_adds_no_group_to_any_count(
    workspace: Workspace, photos: Photos, tmp_path: Path
) -> None:
    for n in range(6):
        photos.put(f"sea/{n}.jpg", encoded(photo(n), quality=95))
    photos.put("sea/again.jpg", encoded(photo(0), quality=50))
    photos.put("lake/1.jpg", encoded(photo(1), quality=50))
    photos.arrive()
    before = find.scan(workspace)
    assert counted(before) == (0, 2, 0, 1)
    with zipfile.ZipFile(tmp_path / "known.zip", "w") as known:
        for file in photos.root.rglob("*.jpg"):
            known.write(file, file.relative_to(photos.root))
    archive.import_zip(workspace, tmp_path / "known.zip", actor="human:tester")
    after = find.scan(workspace)
    assert counted(after) == counted(before)
    groups = [group for group in duplicate_groups.list_groups(workspace) if not group.is_settled]
    assert duplicate_groups.n_waiting(workspace) == len(groups) == after.n_groups == 2


def test_pictures_that_are_the_same_on_white_alone_are_never_exact(
    workspace: Workspace, photos: Photos
) -> None:
    for n in range(3):
        white, black = art(n, (255, 255, 255)), art(10 + n, (0, 0, 0))
        photos.put(f"white/{n}.png", encoded(white, "PNG"))
        photos.put(f"grey/{n}.png", encoded(art(20 + n, (255, 255, 255)).convert("LA"), "PNG"))
        photos.put(f"palette/{n}.png", encoded(art(30 + n, (255, 255, 255)).quantize(4), "PNG"))
        photos.put(f"gif/{n}.gif", encoded(art(40 + n, (255, 255, 255)), "GIF"))
        photos.put(f"icon/{n}.png", encoded(icon(n, (255, 255, 255)), "PNG"))
        # Black art, of which the white parts are seen on another ground only.
        mixed = art(50, (0, 0, 0))
        mixed.alpha_composite(art(60 + n, (255, 255, 255)))
        photos.put(f"mixed/{n}.png", encoded(mixed, "PNG"))
        # The same art on the ground that it is shown on: it looks the same, and is another picture.
        photos.put(f"flat/{n}.png", encoded(on_ground(white, "black"), "PNG"))
        photos.put(f"flat/{n}b.png", encoded(on_ground(black, "white"), "PNG"))
        photos.put(f"black/{n}.png", encoded(black, "PNG"))
    photos.arrive()
    find.scan(workspace)
    assert "exact" not in pairs(workspace).values()
    assert resolve.plan(workspace, kinds=("exact",)).excluded == []


def test_the_same_transparent_picture_in_another_format_is_exact(
    workspace: Workspace, photos: Photos
) -> None:
    expected = set()
    for n, colour in enumerate([(255, 255, 255), (0, 0, 0), (200, 30, 90)]):
        picture = art(n, colour)
        a = photos.put(f"a/{n}.png", encoded(picture, "PNG"))
        b = photos.put(f"b/{n}.webp", encoded(picture, "WEBP", lossless=True))
        c = photos.put(f"c/{n}.tiff", encoded(picture, "TIFF"))
        expected |= {frozenset(pair) for pair in ((a, b), (a, c), (b, c))}
    photos.arrive()
    find.scan(workspace)
    assert {pair for pair, kind in pairs(workspace).items() if kind == "exact"} == expected


def art(seed: int, colour: tuple[int, int, int]) -> Image.Image:
    """Draw lines and rings of one colour on a clear ground."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGBA", (120, 90), (*colour, 0))
    pen = ImageDraw.Draw(image)
    for _ in range(8):
        pen.line([int(value) for value in rng.integers(0, 90, 4)], fill=(*colour, 255), width=3)
        x, y, r = (int(value) for value in rng.integers(5, 60, 3))
        pen.ellipse((x, y, x + r, y + r), outline=(*colour, 255), width=3)
    return image


def icon(n: int, colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    draw = (pen.ellipse, pen.rectangle, pen.line)[n]
    draw((6, 6, 42, 42), fill=(*colour, 255))
    return image


def on_ground(image: Image.Image, ground: str) -> Image.Image:
    flat = Image.new("RGB", image.size, ground)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def test_one_file_named_by_two_imports_is_no_copy(
    workspace: Workspace, photos: Photos, tmp_path: Path
) -> None:
    from peakid.acquire import table

    photos.put("sea/1.jpg", encoded(photo(1)))
    photos.arrive()
    (tmp_path / "labels.csv").write_text("path,label\nsea/1.jpg,sea\n")
    table.import_csv(workspace, tmp_path / "labels.csv", root=photos.root, actor="human:tester")
    assert find.scan(workspace).n_exact_groups == 0


def test_blank_pictures_are_paired_only_with_the_same_pixels(workspace: Workspace, photos: Photos) -> None:
    white, black = Image.new("RGB", (60, 40), "white"), Image.new("RGB", (60, 40), "black")
    a, b = photos.put("x/white.png", encoded(white, "PNG")), photos.put("x/white.bmp", encoded(white, "BMP"))
    photos.put("x/black.png", encoded(black, "PNG"))
    photos.put("x/white_large.png", encoded(Image.new("RGB", (80, 40), "white"), "PNG"))
    photos.put("x/grey.jpg", encoded(Image.new("RGB", (60, 40), (200, 200, 200))))
    photos.arrive()
    report = find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "exact"}
    assert (report.n_exact_groups, report.n_near_groups) == (1, 0)


def test_many_blank_pictures_are_one_group_by_few_pairs(workspace: Workspace, photos: Photos) -> None:
    for n in range(12):
        photos.put(
            f"x/{n}.png", encoded(Image.new("RGB", (60, 40), "white"), "PNG") + bytes(n)
        )  # Trailing bytes are ignored.
    photos.arrive()
    report = find.scan(workspace)
    assert (report.n_scanned, report.n_exact_groups, len(pairs(workspace))) == (12, 1, 11)


def test_a_second_scan_compares_new_images_with_all(workspace: Workspace, photos: Photos) -> None:
    a = photos.put("sea/1.jpg", encoded(photo(1), quality=95))
    photos.put("sea/2.jpg", encoded(photo(2)))
    photos.arrive()
    assert find.scan(workspace).n_scanned == 2
    assert find.scan(workspace).n_scanned == 0
    c = photos.put("sea/3.jpg", encoded(photo(1), quality=50))
    photos.arrive()
    report = find.scan(workspace)
    assert (report.n_scanned, report.n_near_groups) == (1, 1)
    assert pairs(workspace) == {frozenset((a, c)): "near"}


def test_chunks_find_what_one_comparison_finds(
    workspace: Workspace, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = set()
    for seed in range(5):
        a = photos.put(f"a/{seed}.jpg", encoded(photo(seed), quality=95))
        b = photos.put(f"b/{seed}.jpg", encoded(photo(seed), quality=60))
        expected.add(frozenset((a, b)))
    photos.arrive()
    monkeypatch.setattr(find, "CHUNK", 3)
    find.scan(workspace)
    assert set(pairs(workspace)) == expected


def test_a_killed_scan_continues_where_it_stopped(
    workspace: Workspace, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(4):
        photos.put(f"a/{seed}.jpg", encoded(photo(seed), quality=95))
        photos.put(f"b/{seed}.jpg", encoded(photo(seed), quality=60))
    photos.arrive()
    monkeypatch.setattr(find, "CHUNK", 3)

    def killing(_phase: str, step: int, _total: int, _message: str) -> None:
        if step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find.scan(workspace, report=killing)
    report = find.scan(workspace)
    assert (report.n_scanned, report.n_near_groups) == (2, 4)


def test_groups_are_connected_components_named_by_their_smallest_digest(
    workspace: Workspace, photos: Photos
) -> None:
    tied = {photos.put(f"sea/{n}.jpg", encoded(photo(1), quality=n)) for n in (40, 60, 80, 95)}
    alone = photos.put("sea/alone.jpg", encoded(photo(2)))
    photos.arrive()
    assert find.groups(workspace) == {digest: digest for digest in (*tied, alone)}
    find.scan(workspace)
    assert find.groups(workspace) == {digest: min(tied) for digest in tied} | {alone: alone}


def test_groups_of_an_empty_workspace_are_none(workspace: Workspace) -> None:
    assert find.groups(workspace) == {}
    report = find.scan(workspace)
    assert (report.n_scanned, report.n_exact_groups, report.n_near_groups, report.n_conflicting_groups) == (
        0,
        0,
        0,
        0,
    )


def test_a_group_conflicts_while_its_labels_differ_and_it_is_open(
    workspace: Workspace, photos: Photos
) -> None:
    photos.put("river/1.jpg", encoded(photo(1), quality=95))
    b = photos.put("sea/1.jpg", encoded(photo(1), quality=60))
    photos.put("river/2.jpg", encoded(photo(2)))
    photos.put("sea/2.jpg", encoded(photo(2)))  # A byte copy with another label.
    photos.put("sea/3.jpg", encoded(photo(3)))
    photos.put("sea/4.jpg", encoded(photo(3), quality=50))  # A near pair with one label.
    photos.arrive()
    assert find.scan(workspace).n_conflicting_groups == 2
    decide(workspace, b, "exclude", None)
    assert find.scan(workspace).n_conflicting_groups == 1
    decide(workspace, inspection.digest_of(encoded(photo(2))), "label", "sea")
    assert find.scan(workspace).n_conflicting_groups == 0


def decide(workspace: Workspace, digest: str, verdict: str, label: str | None) -> None:
    with workspace.transaction() as connection:
        decision_log.append(
            connection,
            step_id=decision_log.new_step(connection, actor="human:tester", kind="decide"),
            image_id=images.show(workspace, digest).image_id,
            verdict=verdict,
            class_id=decision_log.class_id(connection, label) if label else None,
            is_reviewed=True,
            actor="human:tester",
        )


def test_an_image_whose_file_is_gone_is_still_compared_by_its_hashes(
    workspace: Workspace, photos: Photos
) -> None:
    a = photos.put("sea/1.png", encoded(photo(1), "PNG"))
    b = photos.put("sea/2.bmp", encoded(photo(1), "BMP"))
    folder.import_folder(workspace, photos.root, in_place=True, actor="human:tester")
    (photos.root / "sea" / "2.bmp").unlink()
    find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "near"}


@pytest.mark.parametrize(
    "edit",
    [
        ImageOps.mirror,
        ImageOps.flip,
        lambda image: image.transpose(Image.Transpose.ROTATE_90),
        lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        lambda image: ImageOps.expand(image, 14, "black"),
        lambda image: image.crop((0, 0, 288, 216)),
        lambda image: image.rotate(5, Image.Resampling.BICUBIC),
        lambda image: image.crop((64, 0, 320, 192)),
        lambda image: ImageOps.expand(image, (40, 90), "black"),
    ],
    ids=[
        "mirrored",
        "upside down",
        "turned",
        "turned and mirrored",
        "with a border",
        "a tenth cut off",
        "askew",
        "a fifth cut off",
        "framed",
    ],
)
def test_a_rotated_or_flipped_picture_is_near(
    edit: Callable[[Image.Image], Image.Image], workspace: Workspace, photos: Photos
) -> None:
    a, b = (
        photos.put("sea/1.jpg", encoded(photo(1), quality=95)),
        photos.put("sea/2.jpg", encoded(edit(photo(1)), quality=90)),
    )
    photos.put("sea/3.jpg", encoded(photo(2)))
    photos.arrive()
    find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "near"}


def test_images_without_orientation_hashes_are_hashed_by_the_next_scan(
    workspace: Workspace, photos: Photos
) -> None:
    a, b = (
        photos.put("sea/1.jpg", encoded(photo(1))),
        photos.put("sea/2.jpg", encoded(ImageOps.mirror(photo(1)))),
    )
    photos.arrive()
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM orientation_hash")
    find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "near"}
    assert len(workspace.query("SELECT 1 FROM orientation_hash")) == 2


def test_images_without_part_hashes_are_hashed_by_the_next_scan(workspace: Workspace, photos: Photos) -> None:
    a, b = (
        photos.put("sea/1.jpg", encoded(photo(1))),
        photos.put("sea/2.jpg", encoded(photo(1).crop((0, 48, 256, 240)))),
    )
    photos.arrive()
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM part_hash")
    find.scan(workspace)
    assert pairs(workspace) == {frozenset((a, b)): "near"}
    assert len(workspace.query("SELECT 1 FROM part_hash")) == 2


def test_a_pair_judged_as_different_is_not_grouped_but_the_same_pixels_are(
    workspace: Workspace, photos: Photos
) -> None:
    jpeg = encoded(photo(1))
    a, b = (
        photos.put("sea/1.jpg", jpeg),
        photos.put("sea/2.png", encoded(Image.open(io.BytesIO(jpeg)), "PNG")),
    )
    c, d = photos.put("sea/3.jpg", encoded(photo(2))), photos.put("sea/4.jpg", encoded(photo(2), quality=40))
    photos.arrive()
    find.scan(workspace)
    tied = [tuple(row) for row in workspace.query("SELECT image_a_id, image_b_id FROM duplicate_pair")]
    pair_judgements.judge(workspace, tied, "different", actor="human:tester")
    assert find.groups(workspace) == {a: min(a, b), b: min(a, b), c: c, d: d}
    decisions.undo(workspace, actor="human:tester")
    assert find.groups(workspace)[c] == min(c, d)
    decisions.redo(workspace, actor="human:tester")
    assert find.groups(workspace)[c] == c


def test_real_duplicates_are_found(workspace: Workspace, real_data: Path) -> None:
    folder.import_folder(
        workspace, real_data / "data" / "imagededup_tests", in_place=True, actor="human:tester"
    )
    find.scan(workspace)

    def digest(name: str) -> str:
        return inspection.digest_of(
            (real_data / "data" / "imagededup_tests" / "mixed_images" / name).read_bytes()
        )

    assert frozenset((digest("ukbench00120.jpg"), digest("ukbench00120_resize.jpg"))) in pairs(workspace)


@pytest.mark.slow
def test_the_otters_have_one_byte_copy(workspace: Workspace, real_data: Path) -> None:
    folder.import_folder(workspace, real_data / "data" / "otters", in_place=True, actor="human:tester")
    report = find.scan(workspace)
    assert report.n_scanned == 348
    assert report.n_groups >= 1

"""Hostile files (damaged at random, huge, or deleted meanwhile) become images or rejections."""

import functools
import importlib.util
import io
import random
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from peakid.acquire import archive, folder
from peakid.errors import UnreadableImage
from peakid.imaging import inspection
from peakid.imaging.decoder import Decoder
from peakid.records import ImportReport
from peakid.store.workspace import Workspace
from tests import hostile_images

N_CASES = 154  # Eleven of each of the fourteen kinds.


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "fuzz", Path(__file__).resolve().parents[2] / "bench" / "fuzz.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reasons(report: ImportReport) -> dict[str, str]:
    return {row.path: row.reason for row in report.rejections}


def test_damaged_files_of_every_format_are_images_or_rejections_and_break_nothing(
    workspace: Workspace, tmp_path: Path, fuzz: ModuleType
) -> None:
    drawn = fuzz.originals()
    names = list(drawn)
    (tmp_path / "photos").mkdir()
    for case in range(N_CASES):
        (tmp_path / "photos" / f"{case:03}").write_bytes(fuzz.mutated(drawn[names[case % len(names)]], case))
    report = folder.import_folder(workspace, tmp_path / "photos", actor="human:anna")
    assert report.n_added + report.n_known + report.n_rejected == N_CASES
    assert report.n_added > 0
    said = Counter(row.reason for row in report.rejections)
    assert set(said) <= {
        *("unreadable", "not_an_image", "too_many_pixels", "too_much_memory", "unsupported_format", "empty")
    }
    assert all(row.detail for row in report.rejections)


def test_noise_text_and_headers_alone_are_rejections(
    workspace: Workspace, tmp_path: Path, fuzz: ModuleType
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, data in fuzz.originals().items():
        (photos / f"{name} header").write_bytes(data[:16])
    (photos / "noise").write_bytes(random.Random(1).randbytes(5000))
    report = folder.import_folder(workspace, photos, actor="human:anna")
    assert report.n_added == 0
    assert set(reasons(report).values()) <= {"unreadable", "not_an_image"}


def test_a_width_of_60000_pixels_is_read_and_a_square_of_it_is_rejected(
    workspace: Workspace, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "strip.png").write_bytes(hostile_images.png(60_000, 40, channels=1, bits=1))
    (photos / "square.png").write_bytes(hostile_images.png(60_000, 60_000, channels=1, bits=1, n_rows=1))
    report = folder.import_folder(workspace, photos, actor="human:anna")
    assert (report.n_added, reasons(report)) == (1, {"square.png": "too_many_pixels"})


@pytest.mark.slow
def test_a_decompression_bomb_is_rejected_for_its_memory(draw: Callable[..., bytes]) -> None:
    guarded = Decoder(n_threads=1, limit_s=60, limit_bytes=100 * 2**20)
    bomb = guarded.submit(
        functools.partial(bytes, hostile_images.png(9000, 9000, channels=1, bits=1))
    )  # 10 KB; 81 million pixels, 324 MB as Pillow holds RGB.
    good = guarded.submit(functools.partial(bytes, draw(1)))
    assert good.result(120) == inspection.inspect(draw(1))
    with pytest.raises(UnreadableImage, match="9000 x 9000 PNG takes more than 100 MB") as refused:
        bomb.result(120)
    assert refused.value.reason == "too_much_memory"
    guarded.close()


def test_a_file_deleted_during_the_import_is_a_missing_file(
    workspace: Workspace, tmp_path: Path, draw: Callable[..., bytes]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in range(90):
        (photos / f"{n:02}.jpg").write_bytes(draw(n % 5) + bytes([n]))

    def vanish(_phase: str, step: int, _total: int, _message: str) -> None:
        if step == 1:  # 64 files are ahead of the first at most.
            (photos / "89.jpg").unlink()

    report = folder.import_folder(workspace, photos, actor="human:anna", report=vanish)
    assert (report.n_added, reasons(report)) == (89, {"89.jpg": "missing_file"})


def test_zips_in_zips_are_opened_once_and_no_deeper(
    workspace: Workspace, tmp_path: Path, draw: Callable[..., bytes]
) -> None:
    data = draw(1)
    for depth in range(20):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            packed.writestr(f"{depth}.zip" if depth else "1.jpg", data)
        data = out.getvalue()
    (tmp_path / "deep.zip").write_bytes(data)
    assert reasons(archive.import_zip(workspace, tmp_path / "deep.zip", actor="human:anna")) == {
        "19.zip": "not_an_image"
    }


def test_a_huge_drawing_of_one_colour_is_an_image(workspace: Workspace, tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (3000, 3000), "white").save(out, "PNG")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "white.png").write_bytes(out.getvalue())
    assert folder.import_folder(workspace, tmp_path / "photos", actor="human:anna").n_added == 1

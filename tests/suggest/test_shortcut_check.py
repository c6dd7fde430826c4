"""The properties of stored images are read, and the finding is a sentence."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from peakid.acquire import folder
from peakid.suggest import shortcut_check


def photo(seed: int, *, size: tuple[int, int] = (120, 90), has_mark: bool = False) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    if has_mark:
        draw = ImageDraw.Draw(image)
        for x in range(0, size[0] // 6, 3):
            draw.line((size[0] - x, size[1] - 12, size[0] - x, size[1]), fill="white" if x % 2 else "black")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def checked(workspace, tmp_path, **sea):
    """Import 15 photos of each class; `sea` says how those of the sea differ."""
    for n in range(30):
        label = ("river", "sea")[n % 2]
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        data = photo(n, **(sea if label == "sea" else {}))
        (tmp_path / "photos" / label / f"{n:02}.png").write_bytes(data)
    folder.import_folder(workspace, tmp_path / "photos", actor="import:folder")
    return shortcut_check.check(workspace)


def test_a_size_that_differs_between_the_classes_is_named(workspace, tmp_path):
    found = checked(workspace, tmp_path, size=(160, 120))
    first = found.findings[0]
    assert first.shortcut.is_shortcut
    assert found.n_images == found.n_read == 30
    size = next(each for each in found.found if each.shortcut.title == "Size")
    assert size.text.startswith("Size predicts the label with 100 % (most frequent label: 50 %): ")
    assert "is sea in 100 % of 15 images" in size.text


def test_a_mark_in_a_corner_is_found(workspace, tmp_path):
    found = checked(workspace, tmp_path, has_mark=True)
    assert "Detail in the bottom right corner" in [each.shortcut.title for each in found.found]


def test_photos_that_differ_in_nothing_plain_have_no_shortcut(workspace, tmp_path):
    assert checked(workspace, tmp_path).found == ()


def test_an_empty_workspace_has_nothing_to_check(workspace):
    assert shortcut_check.check(workspace) == shortcut_check.Checked(0, 0, ())


def test_a_border_is_measured_as_its_share_of_the_picture():
    grey = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(np.float32)
    assert shortcut_check.border_share(grey) == 0
    grey[:10] = 255  # A quarter of the rows.
    assert shortcut_check.border_share(grey) == pytest.approx(0.25)
    assert shortcut_check.border_share(np.zeros((4, 4))) == 1


def test_a_corner_with_a_mark_has_more_detail():
    grey = np.zeros((50, 50), np.float32)
    grey[-8::2, -8:] = 255
    detail = shortcut_check.corner_detail(grey)
    assert detail[3] > 5
    assert detail[:3] == (0, 0, 0)

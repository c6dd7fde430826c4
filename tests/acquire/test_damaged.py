"""A photo that lacks a little of its end is imported with an issue; one that lacks much is rejected."""

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from peakid.acquire import folder
from peakid.curate import image_issues, scan


def test_a_truncated_photo_is_imported_or_rejected_by_the_share_that_is_left(
    workspace, tmp_path: Path
) -> None:
    out = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (800, 1200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "JPEG", quality=80)
    data = out.getvalue()
    photos = tmp_path / "photos"
    photos.mkdir()
    for percent in (50, 87, 96, 100):  # Noise fills a file evenly: percent of bytes = percent of rows.
        (photos / f"{percent:03}.jpg").write_bytes(data[: len(data) * percent // 100])
    brought = folder.import_folder(workspace, photos, actor="human:anna")
    assert [(row.path, row.reason) for row in brought.rejections] == [
        ("050.jpg", "unreadable"),
        ("087.jpg", "unreadable"),
    ]
    assert re.search(r"(4[89]|50) % of its rows are present", brought.rejections[0].detail)
    assert "of its rows are present" in brought.rejections[1].detail
    assert scan.scan(workspace).issues["truncated"] == 1
    (issue,) = image_issues.list_issues(workspace, kind="truncated")
    assert issue.path == "096.jpg"
    assert 0.9 < issue.score < 1

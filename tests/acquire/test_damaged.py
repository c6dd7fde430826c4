"""A photo that lost a little of its end is taken in and told; one that lost much is a rejection that says how much is left."""

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from peakid.acquire import folder
from peakid.curate import image_issues, scan


def test_a_cut_photo_is_an_image_with_an_issue_or_a_rejection_by_what_is_left(
    workspace, tmp_path: Path
) -> None:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (800, 1200, 3), dtype=np.uint8)).save(
        out, "JPEG", quality=80
    )
    data = out.getvalue()
    photos = tmp_path / "photos"
    photos.mkdir()
    for percent in (50, 87, 96, 100):  # Noise fills its file evenly: so many percent of the rows.
        (photos / f"{percent:03}.jpg").write_bytes(data[: len(data) * percent // 100])
    brought = folder.import_folder(workspace, photos, actor="human:anna")
    assert [(row.path, row.reason) for row in brought.rejections] == [
        ("050.jpg", "unreadable"),
        ("087.jpg", "unreadable"),
    ]
    assert re.search(r"(4[89]|50)% of its rows are there", brought.rejections[0].detail)
    assert "of its rows are there" in brought.rejections[1].detail
    assert scan.scan(workspace).issues["truncated"] == 1
    (issue,) = image_issues.list_issues(workspace, kind="truncated")
    assert issue.path == "096.jpg"
    assert 0.9 < issue.score < 1

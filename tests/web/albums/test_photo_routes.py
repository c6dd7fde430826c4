"""The thumbnails of a preview over HTTP: photos that the workspace does not have."""

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from peakid.serve.albums import preview_file
from peakid.serve.albums.photos import FileFacts, PredictedPhoto
from peakid.serve.albums.preview_file import Draft
from peakid.web.albums import photo_routes

KEY = "0123456789abcdef"


@pytest.fixture
def client(workspace, tmp_path):
    """A server of a workspace with a preview of one photo."""
    folder = workspace.cache_dir / "albums" / KEY
    folder.mkdir(parents=True)
    photo = PredictedPhoto(
        "a.jpg",
        FileFacts(3, 4),
        np.ones(2, np.float32) / 2,
        np.zeros(2, np.uint64),
        has_detail=True,
        thumbnail=b"\xff\xd8 jpeg",
    )
    draft = Draft(tmp_path, ("sea", "hill"), {})
    with (folder / preview_file.THUMBNAILS).open("wb") as thumbnails:
        draft.add(thumbnails, photo)
    about = {"export_id": 1, "threshold": 0.5, "is_complete": True, "made_at": "2026-01-01T00:00:00.000Z"}
    preview_file.write(folder, draft, about)
    return TestClient(Starlette(routes=photo_routes.build(lambda _request: workspace)))


def test_a_thumbnail_is_sent_as_a_picture_that_cannot_run_scripts(client):
    answer = client.get(f"/album/{KEY}/0/1")
    assert (answer.status_code, answer.content) == (200, b"\xff\xd8 jpeg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "address", [f"{KEY}/1/1", f"{KEY}/-1/1", f"{KEY}/x/1", f"{'0' * 16}/0/1", "..%2f..%2fruns/0/1"]
)
def test_what_is_not_there_is_not_found(client, address):
    answer = client.get(f"/album/{address}")
    assert answer.status_code == 404


def test_a_preview_that_names_a_file_outside_is_not_used(workspace, client):
    folder = workspace.cache_dir / "albums" / KEY
    found = preview_file.read(folder)
    assert found is not None
    draft = Draft(found.photos.folder, ("sea", "hill"), {})
    with (folder / preview_file.THUMBNAILS).open("ab") as thumbnails:
        draft.add(
            thumbnails, PredictedPhoto("../b.jpg", FileFacts(), np.ones(2), np.zeros(2, np.uint64), True)
        )
    preview_file.write(folder, draft, {"export_id": 1, "threshold": 0.0, "is_complete": True, "made_at": ""})
    assert client.get(f"/album/{KEY}/0/1").status_code == 404

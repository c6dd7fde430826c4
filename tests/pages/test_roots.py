"""The Collect page shows which folders left in place are missing, and relinks them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from peakid.acquire import folder
from peakid.imaging import inspection
from peakid.jobs import queue
from peakid.store import images
from peakid.store.workspace import Workspace


@pytest.fixture
def photos(workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path) -> Path:
    (tmp_path / "photos" / "sea").mkdir(parents=True)
    (tmp_path / "photos" / "sea" / "1.jpg").write_bytes(draw(1))
    folder.import_folder(workspace, tmp_path / "photos", in_place=True, actor="human:anna")
    return tmp_path / "photos"


def test_folders_left_in_place_are_listed_and_checked_by_a_job(
    open_page: Callable[..., AppTest], workspace: Workspace, photos: Path, no_worker: None
) -> None:
    app = open_page("collect")
    assert not app.exception
    assert app.dataframe[0].value.iloc[0].to_dict() == {
        "Folder": str(photos),
        "Images": 1,
        "Missing": "-",
        "Checked": "never",
        "State": "available",
    }
    next(button for button in app.button if button.label == "Check the files").click().run()
    assert not app.exception
    assert [(job.kind, job.state, job.actor) for job in queue.list_jobs(workspace)] == [
        ("verify", "queued", "human:anna")
    ]


def test_a_missing_folder_is_reported_and_can_be_relinked(
    open_page: Callable[..., AppTest],
    workspace: Workspace,
    photos: Path,
    tmp_path: Path,
    draw: Callable[..., bytes],
) -> None:
    photos.rename(tmp_path / "moved")
    app = open_page("collect")
    assert "was not found" in app.warning[0].value
    app.text_input(key="relink_path:1").set_value(str(tmp_path / "nowhere"))
    next(button for button in app.button if button.label == "Use this folder").click().run()
    assert "There is no folder" in app.error[0].value
    app.text_input(key="relink_path:1").set_value(str(tmp_path / "moved"))
    next(button for button in app.button if button.label == "Use this folder").click().run()
    assert not app.exception
    assert not app.warning
    assert images.read_bytes(workspace, inspection.digest_of(draw(1))) == draw(1)


def test_a_folder_that_a_backup_names_is_read_after_a_click(
    open_page: Callable[..., AppTest], workspace: Workspace, photos: Path
) -> None:
    with workspace.transaction() as connection:
        connection.execute("UPDATE root SET is_foreign = 1")  # As a restore does.
    app = open_page("collect")
    assert app.dataframe[0].value.iloc[0]["State"] == "named by a backup"
    assert "Only the restored backup says" in app.warning[0].value
    next(button for button in app.button if button.label == "Read the images in this folder").click().run()
    assert not app.exception
    assert app.dataframe[0].value.iloc[0]["State"] == "available"

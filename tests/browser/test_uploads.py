"""A zip archive is uploaded through the page: streamed to disk and imported, or refused in words."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from peakid.store.workspace import Workspace
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ZIP_FIELD = "input[type=file][accept*=zip]"


def write_zip(path: Path, draw: Callable[..., bytes], *, n_bytes: int) -> None:
    """Write an archive of two classes that is at least so large."""
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(4):
            archive.writestr(f"{'river' if n % 2 else 'sea'}/{n}.png", draw(n))
        archive.writestr("notes.txt", bytes(n_bytes))


def test_a_large_archive_is_streamed_to_disk_and_imported(
    serve: Callable[[], str], page: Page, workspace: Workspace, draw: Callable[..., bytes], tmp_path: Path
) -> None:
    write_zip(tmp_path / "my photos ü.zip", draw, n_bytes=6 * 2**20)
    page.goto(f"{serve()}/collect")
    page.get_by_text("Zip archive", exact=True).first.click()
    page.set_input_files(ZIP_FIELD, tmp_path / "my photos ü.zip")
    expect(page.get_by_text("my photos ü.zip")).to_be_visible()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("4 images").first).to_be_visible()
    assert workspace.query("SELECT COUNT(*) FROM image")[0][0] == 4
    assert [path.name for path in workspace.uploads_dir.rglob("*") if path.is_file()] == []


def test_an_archive_over_the_limit_is_refused_in_words(
    server: Server, page: Page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PEAKID_MAX_BODY_BYTES", str(6 * 2**20))
    (tmp_path / "photos.zip").write_bytes(bytes(7 * 2**20))
    page.goto(f"{server.start()}/collect")
    page.get_by_text("Zip archive", exact=True).first.click()
    expect(page.get_by_text("For more than 5 MB, enter its path instead")).to_be_visible()
    page.set_input_files(ZIP_FIELD, tmp_path / "photos.zip")
    expect(page.get_by_text("File must be 5.0MB or smaller")).to_be_visible()
    expect(page.get_by_text("Axios")).to_have_count(0)

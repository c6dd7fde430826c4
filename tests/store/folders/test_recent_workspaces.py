"""The list of the workspaces that were opened last: its order, its limits, and a file that cannot be used."""

import json
import os
from pathlib import Path

import pytest

from peakid import settings
from peakid.store.folders import recent_workspaces
from peakid.store.folders.recent_workspaces import FILE_NAME


@pytest.fixture
def file() -> Path:
    folder = settings.state_folder()
    folder.mkdir(parents=True)
    return folder / FILE_NAME


def paths() -> list[Path]:
    return [each.path for each in recent_workspaces.listed()]


def test_the_workspace_opened_last_is_on_top_and_each_is_listed_once(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (tmp_path / "link").symlink_to(one)
    for path in (one, other, tmp_path / "link"):
        recent_workspaces.note(path)
    assert paths() == [tmp_path / "link", other]  # The link leads to the same workspace.


def test_the_list_is_for_its_owner_only_and_its_length_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(14):
        recent_workspaces.note(tmp_path / str(n))
    assert settings.state_folder().stat().st_mode & 0o077 == 0
    assert paths() == [tmp_path / str(n) for n in range(13, 1, -1)]
    monkeypatch.setenv("PEAKID_RECENT_WORKSPACES", "2")
    assert paths() == [tmp_path / "13", tmp_path / "12"]
    monkeypatch.setenv("PEAKID_RECENT_WORKSPACES", "0")
    recent_workspaces.note(tmp_path / "secret")
    assert paths() == []
    assert "secret" not in (settings.state_folder() / FILE_NAME).read_text()


def test_a_workspace_is_taken_off_the_list_and_its_folder_stays(tmp_path: Path) -> None:
    recent_workspaces.note(tmp_path)
    assert recent_workspaces.remove(tmp_path)
    assert (paths(), tmp_path.is_dir(), recent_workspaces.remove(tmp_path)) == ([], True, False)


def test_names_that_are_no_text_of_a_terminal_are_kept_as_they_are(tmp_path: Path) -> None:
    hostile = [tmp_path / os.fsdecode(name) for name in (b"caf\xe9", b"a\nb", "\u202egnp".encode(), b" x ")]
    for path in hostile:
        recent_workspaces.note(path)
    assert paths() == hostile[::-1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"workspaces": {}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"workspaces": [1, {}, {"path": 3, "opened_at": 4}]}',
        b'{"workspaces": [{"path": "relative", "opened_at": "2026-01-01T00:00:00Z"}]}',
        b'{"workspaces": [{"path": "/a\\u0000b", "opened_at": "2026-01-01T00:00:00Z"}]}',
        b'{"workspaces": [{"path": "/a", "opened_at": "yesterday"}]}',
        b"x" * (2**20 + 1),
    ],
)
def test_a_list_that_another_program_has_damaged_is_empty_and_written_anew(
    file: Path, tmp_path: Path, content: bytes
) -> None:
    file.write_bytes(content)
    assert paths() == []
    recent_workspaces.note(tmp_path)
    assert paths() == [tmp_path]


def test_where_the_list_cannot_be_written_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    recent_workspaces.note(tmp_path)
    assert paths() == []
    assert not recent_workspaces.remove(tmp_path)


def test_a_list_that_is_a_folder_or_a_pipe_is_not_waited_for(file: Path, tmp_path: Path) -> None:
    os.mkfifo(file)
    assert paths() == []
    file.unlink()
    file.mkdir()
    recent_workspaces.note(tmp_path)
    assert paths() == []


def test_no_more_than_a_hundred_workspaces_are_kept(file: Path, tmp_path: Path) -> None:
    rows = [{"path": f"/w/{n}", "opened_at": "2026-01-01T00:00:00.000Z"} for n in range(150)]
    file.write_text(json.dumps({"workspaces": rows}))
    recent_workspaces.note(tmp_path)
    assert len(json.loads(file.read_text())["workspaces"]) == recent_workspaces.MAX_KEPT

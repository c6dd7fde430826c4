"""`verify` and `roots` keep their JSON, and bad input is reported in one line."""

from pathlib import Path

import pytest


@pytest.fixture
def photos(tmp_path: Path, draw, peakid) -> Path:
    for seed, name in enumerate(["river/1.jpg", "sea/2.jpg"]):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        (tmp_path / "photos" / name).write_bytes(draw(seed))
    peakid("init")
    peakid("import", "folder", tmp_path / "photos", "--in-place")
    return tmp_path / "photos"


def test_roots_are_listed_and_relinked(peakid, photos: Path, tmp_path: Path) -> None:
    (root,) = peakid("roots", "list", "--json").json
    assert root == {
        "root_id": 1,
        "path": str(photos),
        "is_in_place": True,
        "is_foreign": False,
        "is_there": True,
        "n_images": 2,
        "n_missing": None,
        "verified_at": None,
    }
    refused = peakid("roots", "relink", photos, tmp_path / "gone")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    photos.rename(tmp_path / "moved")
    assert peakid("roots", "list", "--json").json[0]["is_there"] is False
    found = peakid("roots", "relink", photos, tmp_path / "moved", "--json").json
    assert found == {
        "root_id": 1,
        "path": str(tmp_path / "moved"),
        "n_found": 2,
        "n_missing": 0,
        "missing": [],
    }
    assert str(tmp_path / "moved") in peakid("roots", "list").out


@pytest.mark.slow
def test_verify_lists_moved_and_missing_files(peakid, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEAKID_WORKER_IDLE_S", "0.5")
    (photos / "river" / "1.jpg").rename(photos / "one.jpg")
    (photos / "sea" / "2.jpg").unlink()
    answer = peakid("verify", "--json")
    assert answer.code == 1
    document = answer.json
    assert (document["state"], document["n_images"], document["n_damaged"], document["n_redrawn"]) == (
        "done",
        2,
        1,
        0,
    )
    assert [(each["path"], each["new_path"]) for each in document["moved"]] == [("river/1.jpg", "one.jpg")]
    assert [each["path"] for each in document["damaged"]] == ["sea/2.jpg"]
    assert peakid("roots", "list", "--json").json[0]["n_missing"] == 1


def test_a_folder_that_a_backup_names_is_accepted(peakid, photos: Path, tmp_path: Path) -> None:
    peakid("backup", tmp_path / "b.zip")
    restored = peakid("restore", tmp_path / "b.zip", "--replace", "--json").json
    assert restored["foreign_roots"] == []  # The replaced workspace reads it.
    (tmp_path / "workspace").rename(tmp_path / "gone")
    printed = peakid("restore", tmp_path / "b.zip").out
    assert f"roots accept {photos}" in printed.splitlines()[-1]
    restored = peakid("restore", tmp_path / "b.zip", "--replace", "--json").json
    assert restored["foreign_roots"] == [str(photos)]
    assert peakid("roots", "list", "--json").json[0]["is_foreign"] is True
    assert peakid("roots", "accept", photos).out == f"Images are read from {photos} now.\n"
    assert peakid("roots", "list", "--json").json[0]["is_foreign"] is False
    assert peakid("roots", "accept", tmp_path).code == 1

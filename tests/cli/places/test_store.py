"""`store` says and changes where originals are written; `import folder` takes the address of a store."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from peakid.store import images
from peakid.store import workspace as workspaces

Draw = Callable[..., bytes]


@pytest.fixture
def bucket(tmp_path: Path, draw: Draw) -> str:
    for n, path in enumerate(("sea/1.jpg", "sea/2.jpg", "river/3.jpg")):
        (tmp_path / "bucket" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bucket" / path).write_bytes(draw(n))
    return f"file://{tmp_path}/bucket"


def test_a_store_is_chosen_shown_and_left_again(peakid, tmp_path: Path, bucket: str) -> None:
    peakid("init")
    assert peakid("store", "show").out == "New originals are written in the folder of the workspace.\n"
    url = f"file://{tmp_path}/own"
    made = peakid("store", "set", url, "--thumbnails", "--json").json
    assert made == {
        "url": url,
        "stores": [
            {
                "store_id": 1,
                "url": url,
                "is_current": True,
                "has_thumbnails": True,
                "is_foreign": False,
                "n_images": 0,
            }
        ],
    }
    peakid("import", "folder", tmp_path / "bucket")
    assert not list((tmp_path / "workspace" / "images").glob("??/*"))
    left = peakid("store", "set", "--local", "--json").json
    assert (left["url"], left["stores"][0]["n_images"]) == (None, 3)
    assert "3" in peakid("store", "show").out


def test_what_is_no_store_is_refused_in_one_line(peakid, tmp_path: Path) -> None:
    peakid("init")
    for arguments, code, said in (
        (["set"], 2, "--local"),
        (["set", "s3://a/b", "--local"], 2, "--local"),
        (["set", str(tmp_path)], 1, f"file://{tmp_path}"),
        (["set", "s3://id:secret@bucket/a"], 1, "holds a login"),
    ):
        answer = peakid("store", *arguments)
        assert (answer.code, answer.out) == (code, "")
        assert said in answer.err
        assert "Traceback" not in answer.err
        assert "id:secret" not in answer.err


def test_a_place_in_a_store_is_previewed_imported_listed_and_relinked(
    peakid, tmp_path: Path, bucket: str
) -> None:
    peakid("init")
    read = peakid("import", "folder", bucket, "--dry-run", "--json").json
    assert (read["classes"], read["n_files"]) == ({"river": 1, "sea": 2}, 3)
    done = peakid("import", "folder", bucket, "--json").json
    assert (done["n_added"], done["n_rejected"]) == (3, 0)
    assert peakid("import", "list", "--json").json[0]["path"] == bucket
    (root,) = peakid("roots", "list", "--json").json
    assert (root["path"], root["is_in_place"], root["is_there"]) == (bucket, True, True)
    (tmp_path / "bucket").rename(tmp_path / "moved")
    moved = f"file://{tmp_path}/moved"
    assert peakid("roots", "relink", bucket, moved, "--json").json["n_found"] == 3
    workspace = workspaces.open_existing(tmp_path / "workspace")
    digests = [row["digest"] for row in workspace.query("SELECT digest FROM image")]
    assert all(each.startswith(moved) for each in images.locations(workspace, digests))
    workspace.close()
    refused = peakid("import", "folder", f"file://{tmp_path}/nowhere", "--json")
    assert (refused.code, json.loads(refused.err)["error"]) == (1, "StoreRefused")

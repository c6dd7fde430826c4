"""`peakid collect`: lists of URLs to images, what was rejected, and again what may pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_socket import enable_socket

from peakid import settings
from peakid.store.workspace import Workspace
from tests.acquire.fetching.served import Answer, Served


@pytest.fixture
def photos(draw, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    enable_socket()
    monkeypatch.setenv("PEAKID_FETCH_PRIVATE", "1")
    settings.current.cache_clear()

    def answer(asked, n_before: int) -> Answer:
        name = asked.path.strip("/")
        return Answer(draw(int(name))) if name.isdecimal() else Answer(status=404)

    with Served(answer).running() as served:
        yield served
    monkeypatch.undo()
    settings.current.cache_clear()


def written(folder: Path, name: str, *urls: str) -> Path:
    (folder / name).write_text("\n".join(urls))
    return folder / name


def test_lists_become_images_with_the_classes_of_their_names(peakid, workspace, photos, tmp_path) -> None:
    river = written(tmp_path, "urls_river.txt", f"{photos.url}/1", f"{photos.url}/2", f"{photos.url}/none")
    sea = written(tmp_path, "urls_sea.txt", f"{photos.url}/3", f"{photos.url}/1")
    dry = peakid("collect", "urls", river, sea, "--dry-run", "--json").json
    assert (dry["n_rows"], dry["n_unique"], dry["conflicts"]) == (5, 4, {f"{photos.url}/1": ["river", "sea"]})
    assert photos.asked == []
    found = peakid("collect", "urls", river, sea, "--json").json
    assert (found["n_images"], found["n_new"], found["n_rejected"]) == (4, 3, 1)
    assert found["collection"]["by_reason"] == {"gone": 1}
    [row] = peakid("collect", "list", "--json").json
    assert (row["name"], row["n_images"], row["n_rejected"], row["n_waiting"]) == ("urls", 4, 1, 0)
    [lost] = peakid("collect", "rejections", "--json").json
    assert (lost["label"], lost["reason"]) == ("river", "gone")
    n_asked = len(photos.asked)
    assert peakid("collect", "urls", river, sea, "--json").json["n_images"] == 0
    assert len(photos.asked) == n_asked
    assert peakid("collect", "retry", "--reason", "gone", "--json").json == {"name": "urls", "n_waiting": 1}
    assert peakid("collect", "run", "--json").json["n_rejected"] == 1


def test_a_limit_and_a_chosen_column(peakid, workspace, photos, tmp_path) -> None:
    table = written(tmp_path, "found.csv", "where,what", *(f"{photos.url}/{n},lake" for n in range(9)))
    columns = ("--url-column", "where", "--label-column", "what", "--max", 3, "--name", "lakes")
    assert peakid("collect", "urls", table, *columns, "--json").json["n_new"] == 3
    assert peakid("queue", "all", "--json").json[0]["label"] == "lake"


def test_bad_lists_and_names_are_one_clear_line(peakid, workspace, tmp_path) -> None:
    none = written(tmp_path, "names.txt", "a.jpg", "b.jpg")
    assert "no line that begins with http" in peakid("collect", "urls", none).err
    assert "no collection 'seas'" in peakid("collect", "run", "--name", "seas").err
    assert peakid("collect", "list").out.strip() == "There is no collection."
    here = written(tmp_path, "urls_here.txt", "http://127.0.0.1:1/a.jpg")
    refused = peakid("collect", "urls", here, "--json")
    assert refused.code == 1
    assert refused.json["collection"]["by_reason"] == {"unsafe_url": 1}


def test_a_list_whose_name_is_no_text_is_read(peakid, workspace, photos, tmp_path) -> None:
    name = b"urls_r\xe4t.txt".decode("utf-8", "surrogateescape")
    found = peakid("collect", "urls", written(tmp_path, name, f"{photos.url}/1"), "--json").json
    assert found["n_new"] == 1


def test_a_forgotten_image_is_not_collected_again(
    peakid, workspace: Workspace, photos: Served, tmp_path: Path
) -> None:
    river = written(tmp_path, "urls_river.txt", f"{photos.url}/1", f"{photos.url}/2")
    peakid("collect", "urls", river)
    [image] = workspace.query(
        "SELECT i.digest FROM image i JOIN origin o ON o.image_id = i.id WHERE o.path LIKE '%/1'"
    )
    peakid("forget", image["digest"])
    assert workspace.query("SELECT 1 FROM candidate WHERE url LIKE '%/1'") == []
    n_asked = len(photos.asked)
    assert peakid("collect", "urls", river, "--json").json["n_images"] == 0
    assert len(photos.asked) == n_asked

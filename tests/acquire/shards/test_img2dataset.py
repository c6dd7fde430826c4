"""The output of img2dataset imports as it is: photos with label and credit, failures with reasons."""

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from peakid.acquire import folder
from peakid.acquire.shards import packed
from peakid.acquire.sources import url_list
from peakid.errors import BadInput, UnreadableImage
from peakid.store import status

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

URL = "https://example.org"
Row = dict[str, object]


def rows_of(keys: Sequence[int], *, failed: Sequence[str] = (), **more: object) -> list[Row]:
    """Return rows as img2dataset 1.47 writes them."""
    photos = [
        {"key": f"{n:06d}", "url": f"{URL}/{n}.jpg", "status": "success", "error_message": None} for n in keys
    ]
    errors = [
        {
            "key": f"{900 + n:06d}",
            "url": f"{URL}/f{n}.jpg",
            "status": "failed_to_download",
            "error_message": each,
        }
        for n, each in enumerate(failed)
    ]
    return [{"caption": "a photo", **row, **more} for row in [*photos, *errors]]


def write(place: Path, rows: Sequence[Row], draw: Callable[[int], bytes], how: str) -> None:
    """Write a shard; `place` is its path without suffix. Photos are numbered by their keys."""
    place.parent.mkdir(parents=True, exist_ok=True)
    photos = {row["key"]: draw(int(row["key"])) for row in rows if row["status"] == "success"}
    if how == "files":
        place.mkdir()
        for key, data in photos.items():
            (place / f"{key}.jpg").write_bytes(data)
            (place / f"{key}.json").write_text("{}")
            (place / f"{key}.txt").write_text("a photo")
    elif how == "webdataset":
        with tarfile.open(f"{place}.tar", "w") as archive:
            members = [(f"{key}.{end}", each) for key, each in photos.items() for end in ("json", "jpg")]
            for name, data in members:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    else:
        rows = [{**row, "jpg": photos.get(row["key"])} for row in rows]
    parquet.write_table(pa.Table.from_pylist(list(rows)), f"{place}.parquet", row_group_size=2)
    Path(f"{place}_stats.json").write_text("{}")


@pytest.mark.parametrize("how", ["files", "webdataset", "parquet"])
def test_photos_have_the_label_and_credit_of_their_row_and_failures_a_reason(
    workspace, draw, tmp_path: Path, how: str
) -> None:
    errors = [
        "HTTP Error 404: Not Found",
        "HTTP Error 403: Forbidden",
        "timed out",
        "Use disallowed by X-Robots-Tag",
    ]
    credit = {"licence": "CC BY 4.0", "author": "Ann"}
    write(tmp_path / "out" / "00000", rows_of([1, 2, 3], failed=errors, label="river", **credit), draw, how)
    write(tmp_path / "out" / "00001", rows_of([4], label="sea"), draw, how)
    found = folder.import_folder(workspace, tmp_path / "out", actor="human:ann")
    assert (found.n_added, status.read(workspace).classes) == (4, {"river": 3, "sea": 1})
    assert {row.path: (row.reason, row.label) for row in found.rejections} == {
        "00000/000900": ("gone", "river"),
        "00000/000901": ("refused_by_server", "river"),
        "00000/000902": ("unreachable", "river"),
        "00000/000903": ("opted_out", "river"),
    }
    assert f"img2dataset did not get {URL}/f0.jpg: HTTP Error 404" in found.rejections[0].detail
    credits = {
        (row["page_url"], row["licence"], row["author"])
        for row in workspace.query("SELECT page_url, licence, author FROM origin")
    }
    assert (f"{URL}/1.jpg", "CC BY 4.0", "Ann") in credits
    assert (f"{URL}/4.jpg", None, None) in credits
    again = folder.import_folder(workspace, tmp_path / "out", actor="human:ann")
    assert (again.n_added, again.n_known) == (0, 4)


def test_without_a_column_for_labels_the_folder_around_the_shards_is_the_class(
    workspace, draw, tmp_path
) -> None:
    for n, name in enumerate(["river", "sea"]):
        write(tmp_path / "a" / name / "00000", rows_of([n], failed=["HTTP Error 410"]), draw, "files")
    found = folder.import_folder(workspace, tmp_path / "a", actor="human:ann")
    assert status.read(workspace).classes == {"river": 1, "sea": 1}
    assert sorted(row.label or "" for row in found.rejections) == ["river", "sea"]
    write(tmp_path / "alone" / "00000", rows_of([7]), draw, "webdataset")
    reading = folder.preview(tmp_path / "alone")
    assert (reading.n_files, reading.classes, reading.n_unlabelled) == (1, {}, 1)


def test_a_row_without_its_photo_and_a_damaged_archive_are_reported(workspace, draw, tmp_path) -> None:
    write(tmp_path / "a" / "00000", rows_of([1, 2]), draw, "files")
    (tmp_path / "a" / "00000" / "000002.jpg").unlink()
    [lost] = folder.import_folder(workspace, tmp_path / "a", actor="human:ann").rejections
    assert (lost.path, lost.reason) == ("00000/000002", "missing_file")
    write(tmp_path / "b" / "00000", rows_of([1]), draw, "webdataset")
    (tmp_path / "b" / "00000.tar").write_bytes(b"x" * 2000)
    with pytest.raises(BadInput, match=r"00000\.tar cannot be read"):
        folder.preview(tmp_path / "b")


def test_packed_photos_cannot_stay_in_place_and_a_replaced_archive_is_noticed(
    workspace, draw, tmp_path
) -> None:
    write(tmp_path / "00000", rows_of([1]), draw, "webdataset")
    with pytest.raises(BadInput, match=r"photos in 00000\.tar cannot stay in place"):
        folder.import_folder(workspace, tmp_path, in_place=True, actor="human:ann")
    reader = packed.of_tar(tmp_path, "00000.tar", ["jpg"])["000001"]
    assert reader() == draw(1)
    (tmp_path / "00000.tar").write_bytes(b"other")
    with pytest.raises(UnreadableImage, match="replaced"):
        reader()


def test_another_numbered_table_is_no_shard(workspace, draw, tmp_path) -> None:
    (tmp_path / "a" / "river").mkdir(parents=True)
    (tmp_path / "a" / "river" / "1.jpg").write_bytes(draw(1))
    parquet.write_table(pa.table({"url": ["a"]}), tmp_path / "a" / "00000.parquet")
    found = folder.import_folder(workspace, tmp_path / "a", actor="human:ann")
    assert (found.n_added, [row.path for row in found.rejections]) == (1, ["00000.parquet"])


def test_as_a_list_of_urls_its_class_is_that_of_the_folder(draw, tmp_path) -> None:
    write(tmp_path / "river" / "00000", rows_of([1]), draw, "files")
    [listed] = url_list.read(tmp_path / "river" / "00000.parquet")
    assert (listed.url, listed.class_name) == (f"{URL}/1.jpg", "river")

"""Label files at any depth give labels, in a folder and in a zip alike; a bad one is a rejection."""

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas
import pytest

from peakid.acquire import archive, folder
from peakid.records import ImportReport
from peakid.store import workspace as workspaces
from peakid.store.workspace import Workspace

Draw = Callable[..., bytes]
Origins = list[tuple[str, str | None, str | None]]


def put(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def imported(report: ImportReport, workspace: Workspace) -> tuple[Origins, list[tuple[str, str, str]]]:
    origins = workspace.query("SELECT path, label, split FROM origin ORDER BY path")
    rejections = sorted((row.path, row.reason, row.detail) for row in report.rejections)
    return [tuple(row) for row in origins], rejections


@pytest.fixture
def both(
    workspace: Workspace, tmp_path: Path, empty_workspace: Path
) -> Callable[[Mapping[str, bytes]], tuple[Origins, list[tuple[str, str, str]]]]:
    """Import files as a folder and as a zip; return origins and rejections, which must be the same."""

    def import_(files: Mapping[str, bytes]) -> tuple[Origins, list[tuple[str, str, str]]]:
        root = put(tmp_path / "photos", files)
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as target:
            for name, data in files.items():
                target.writestr(name, data)
        other = workspaces.create(tmp_path / "other")
        from_folder = imported(folder.import_folder(workspace, root, actor="human:t"), workspace)
        from_zip = imported(archive.import_zip(other, tmp_path / "photos.zip", actor="human:t"), other)
        other.close()
        assert from_folder == from_zip
        return from_folder

    return import_


def test_metadata_in_each_split_folder_gives_labels(both, draw: Draw) -> None:
    files = {
        f"{split}/{n}.jpg": draw(10 * s + n) for s, split in enumerate(("train", "test")) for n in (1, 2)
    }
    files |= {
        f"{split}/metadata.csv": b"file_name,label\n1.jpg,lynx\n2.jpg,wolf\n" for split in ("train", "test")
    }
    assert both(files) == (
        [
            ("test/1.jpg", "lynx", "test"),
            ("test/2.jpg", "wolf", "test"),
            ("train/1.jpg", "lynx", "train"),
            ("train/2.jpg", "wolf", "train"),
        ],
        [],
    )


def parquet() -> bytes:
    out = io.BytesIO()
    pandas.DataFrame({"file_name": ["img/1.jpg", "img/2.jpg"], "label": ["lynx", "wolf"]}).to_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("metadata.csv", b"file_name,label\nimg/1.jpg,lynx\nimg\\2.jpg,wolf\n"),
        ("Metadata.CSV", b"file_name;label\r\nimg/1.jpg;lynx\r\nIMG/2.JPG;wolf\r\n"),
        (
            "metadata.jsonl",
            b'{"file_name": "img\\\\1.jpg", "label": "lynx"}\n{"file_name": "img/2", "label": "wolf"}',
        ),
        ("metadata.parquet", parquet()),
        ("labels.csv", b"path,label\nC:\\set\\img\\1.jpg,lynx\n/set/img/2.jpg,wolf\n"),
        ("_classes.csv", b"filename, lynx, wolf\n1.jpg, 1, 0\n2.jpg, 0, 1\n"),
        ("labels.json", b'{"classes": ["lynx", "wolf"], "labels": {"1": 0, "2": 1}}'),
    ],
)
def test_every_kind_of_label_file_is_read_in_a_folder_and_in_a_zip(
    name: str, data: bytes, both, draw: Draw
) -> None:
    files = {"set/img/1.jpg": draw(1), "set/img/2.jpg": draw(2), f"set/{name}": data}
    assert both(files) == ([("set/img/1.jpg", "lynx", None), ("set/img/2.jpg", "wolf", None)], [])


def test_the_nearest_label_file_decides_and_other_images_keep_their_folder(both, draw: Draw) -> None:
    files = {f"{name}.jpg": draw(n) for n, name in enumerate(("a/1", "a/2", "b/1", "b/2"))}
    files["metadata.csv"] = b"file_name,label\na/1.jpg,outer\nb/1.jpg,outer\n"
    files["a/metadata.csv"] = b"file_name,label\n1.jpg,inner\n"
    assert both(files) == (
        [
            ("a/1.jpg", "inner", None),
            ("a/2.jpg", "a", None),
            ("b/1.jpg", "outer", None),
            ("b/2.jpg", "b", None),
        ],
        [],
    )


def test_two_labels_for_one_image_flag_it(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    data = b"file_name,label\n1.jpg,sea\n1.jpg,river\n1.jpg,sea\n"
    root = put(tmp_path / "photos", {"1.jpg": draw(1), "metadata.csv": data})
    folder.import_folder(workspace, root, actor="human:t")
    state = workspace.one("SELECT verdict, reason FROM image_state")
    assert state is not None
    assert tuple(state) == ("flag", "origins disagree: river, sea")


def test_a_row_without_a_file_and_a_wrong_row_are_rejections_with_their_place(both, draw: Draw) -> None:
    files = {
        "img/1.jpg": draw(1),
        "img/metadata.csv": b"file_name,label\n1.jpg,sea\n9.jpg,sea\n2.jpg,sea,x\n../u.jpg,x\n",
    }
    assert both(files) == (
        [("img/1.jpg", "sea", None)],
        [
            ("img/../u.jpg", "missing_file", "named by line 5 of img/metadata.csv, but does not exist"),
            ("img/9.jpg", "missing_file", "named by line 3 of img/metadata.csv, but does not exist"),
            ("img/metadata.csv, line 4", "bad_row", "has more cells than the header, which has 2"),
        ],
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "has the columns (none)"),
        (b"[" * 50_000, "nested too deeply"),
        (b"PAR1 and nothing else", "cannot be read as a table"),
        (b"path,label,split\na/1.jpg,x,elsewhere\n", "line 2 has the split 'elsewhere'"),
        (b"\0" * 100, "has the columns"),
        (b"<xml>", "it is XML"),
    ],
)
def test_a_bad_label_file_is_a_rejection_and_the_folder_is_read_without_it(
    data: bytes, why: str, both, draw: Draw
) -> None:
    origins, rejections = both({"sea/1.jpg": draw(1), "river/1.jpg": draw(2), "metadata.csv": data})
    assert origins == [("river/1.jpg", "river", None), ("sea/1.jpg", "sea", None)]
    ((path, reason, detail),) = rejections
    assert (path, reason) == ("metadata.csv", "bad_table")
    assert detail.startswith("its labels were not read: ")
    assert why in detail


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_label_files_that_are_pipes_devices_or_links_out_are_rejections(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    root = put(tmp_path / "photos", {f"{name}/1.jpg": draw(n) for n, name in enumerate("abc")})
    (tmp_path / "outside.csv").write_text("file_name,label\n1.jpg,stolen\n")
    os.mkfifo(root / "metadata.csv")
    (root / "a" / "metadata.csv").symlink_to(tmp_path / "outside.csv")
    (root / "b" / "metadata.csv").symlink_to("/dev/zero")
    report = folder.import_folder(workspace, root, actor="human:t")
    origins, rejections = imported(report, workspace)
    assert [label for _, label, _ in origins] == ["a", "b", "c"]
    assert [(path, reason) for path, reason, _ in rejections] == [
        ("a/metadata.csv", "unsafe_path"),
        ("b/metadata.csv", "unsafe_path"),
        ("metadata.csv", "not_an_image"),
    ]


def test_folders_that_are_too_deep_are_rejections(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    deep = "/".join("d" * 1900)
    root = put(tmp_path / "deep", {"sea/1.jpg": draw(1)})
    (root / "sea" / "x").mkdir()
    here = os.open(root / "sea" / "x", os.O_RDONLY)
    for _ in range(300):  # Below the limit on the length of a path.
        os.mkdir("d", dir_fd=here)
        here, before = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(before)
    os.close(here)
    report = folder.import_folder(workspace, root, actor="human:t")
    assert (report.n_added, [row.reason for row in report.rejections]) == (1, ["unsafe_path"])
    assert "in more than 100 folders" in report.rejections[0].detail
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as target:
        target.writestr("sea/1.jpg", draw(1))
        target.writestr(f"{deep}/2.jpg", draw(2))
    report = archive.import_zip(workspace, tmp_path / "deep.zip", actor="human:t")
    assert (report.n_known, [row.detail for row in report.rejections]) == (1, ["in more than 100 folders"])


def test_a_label_file_that_may_unpack_to_any_size_is_not_read(
    workspace: Workspace, tmp_path: Path, draw: Draw
) -> None:
    """The zipfile module unpacks bzip2 and LZMA without a limit, whatever size the directory states."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr("sea/1.jpg", draw(1))
        target.writestr("metadata.csv", b"file_name,label\nsea/1.jpg,river\n", zipfile.ZIP_LZMA)
    report = archive.import_zip(workspace, tmp_path / "a.zip", actor="human:t")
    origins, rejections = imported(report, workspace)
    assert origins == [("sea/1.jpg", "sea", None)]
    assert [(path, reason) for path, reason, _ in rejections] == [("metadata.csv", "bad_table")]

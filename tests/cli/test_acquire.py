"""`import`, `demo` and `scan` keep their JSON, and bad input is one clear line."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Draw = Callable[..., bytes]


@pytest.fixture
def photos(tmp_path: Path, draw: Draw) -> Path:
    """river/1.jpg, sea/2.jpg and a text file."""
    for seed, name in enumerate(["river/1.jpg", "sea/2.jpg"]):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        (tmp_path / "photos" / name).write_bytes(draw(seed))
    (tmp_path / "photos" / "urls.txt").write_bytes(b"https://example.org")
    return tmp_path / "photos"


def test_import_folder_reports_what_it_added(peakid, photos: Path) -> None:
    peakid("init")
    document = peakid("import", "folder", photos, "--json").json
    assert document.pop("seconds") >= 0
    rejection = document["rejections"][0]
    assert {key: rejection[key] for key in ("path", "reason")} == {
        "path": "urls.txt",
        "reason": "not_an_image",
    }
    assert (document["n_added"], document["n_known"], document["n_rejected"]) == (2, 0, 1)
    again = peakid("import", "folder", photos, "--in-place")
    assert again.out.startswith("0 added, 2 already known, 1 rejected")
    assert "urls.txt: not_an_image" in again.out


def test_import_zip_and_csv_print_the_same_document(peakid, photos: Path, tmp_path: Path) -> None:
    peakid("init")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(photos / "river" / "1.jpg", "river/1.jpg")
    (tmp_path / "a.csv").write_text("path,label\nsea/2.jpg,sea\n")
    for document in (
        peakid("import", "zip", tmp_path / "a.zip", "--json").json,
        peakid("import", "csv", tmp_path / "a.csv", "--root", photos, "--json").json,
    ):
        assert (document["n_added"], document["n_known"], document["n_rejected"], document["rejections"]) == (
            1,
            0,
            0,
            [],
        )


def test_any_two_columns_of_a_table_can_be_chosen(peakid, photos: Path) -> None:
    peakid("init")
    file = photos / "list.csv"
    file.write_text("Foto;Tierart;wann\nriver\\1.jpg;otter;test\nsea/2.jpg;seal;train\n")
    refused = peakid("import", "table", file)
    assert refused.code == 1
    assert "has the columns Foto, Tierart, wann; none of them is recognised as the path" in refused.err
    assert f"import table {file} --path-column NAME --label-column NAME" in refused.err
    chosen = ("--path-column", "Foto", "--label-column", "Tierart", "--split-column", "wann")
    preview = peakid("import", "columns", file, *chosen, "--json").json
    assert preview["rows"] == [["river\\1.jpg", "otter", "test"], ["sea/2.jpg", "seal", "train"]]
    assert preview["chosen"] == {"path": "Foto", "label": "Tierart", "split": "wann"}
    imported = peakid("import", "table", file, *chosen, "--json").json
    assert (imported["n_added"], imported["rejections"]) == (2, [])
    assert [row["label"] for row in peakid("queue", "all", "--json").json] == ["otter", "seal"]
    wrong = peakid("import", "table", file, "--path-column", "Bild")
    assert "has no column 'Bild'. Its columns are Foto, Tierart, wann." in wrong.err


def test_the_columns_of_a_table_are_shown_with_what_an_import_reads(peakid, photos: Path) -> None:
    (photos / "list.csv").write_text("filename,species\nsea/2.jpg,seal\n")
    answer = peakid("import", "columns", photos / "list.csv")
    assert answer.out.startswith("Path: filename. Class: species. Split: (none).\n")
    (photos / "list.csv").write_text("key,species\nsea/2.jpg,seal\n")
    document = peakid("import", "columns", photos / "list.csv", "--json").json
    assert document["chosen"] == {"path": None, "label": "species", "split": None}
    assert "none of them is recognised as the path" in document["problem"]


def test_scan_reports_its_counts(peakid, photos: Path) -> None:
    peakid("init")
    peakid("import", "folder", photos)
    document = peakid("scan", "--json").json
    assert document.pop("seconds") >= 0
    issues = document.pop("issues")
    assert {kind: n for kind, n in issues.items() if n} == {"tiny": 2}  # Of 48 x 36 pixels.
    kinds = ("n_exact_groups", "n_near_groups", "n_copy_groups", "n_groups", "n_conflicting_groups")
    assert document == {"n_scanned": 2, **dict.fromkeys(kinds, 0)}
    text = "0 scanned in 0.0 s. Duplicates: 0 groups to decide on (0 exact, 0 near, 0 copies)"
    assert peakid("scan").out.startswith(text)


@pytest.mark.slow
def test_demo_creates_the_workspace_and_fills_it(peakid, tmp_path: Path) -> None:
    document = peakid("demo", "--images", "8", "--seed", "5", "--json").json
    assert document == {"workspace": str(tmp_path / "workspace"), "n_images": 8}
    assert len(json.loads((tmp_path / "workspace" / "demo" / "truth.json").read_text())["files"]) == 8
    assert peakid("demo", "--images", "8", "--seed", "5", "--json").json["n_images"] == 8


def test_bad_input_is_one_clear_line(peakid, tmp_path: Path, draw: Draw) -> None:
    peakid("init")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    (tmp_path / "a.csv").write_text("id,url\n1,x\n")
    for command, message in (
        (("folder", tmp_path / "gone"), "There is no folder"),
        (("folder", tmp_path / "empty"), "The folder"),
        (("zip", tmp_path / "a.zip"), "cannot be read as a zip"),
        (("csv", tmp_path / "a.csv", "--root", tmp_path), "has the columns id, url"),
    ):
        answer = peakid("import", *command)
        assert (answer.code, answer.out) == (1, "")
        assert message in answer.err
        assert answer.err.count("\n") == 1


def test_a_folder_of_text_files_is_rejected_file_by_file(peakid, tmp_path: Path) -> None:
    peakid("init")
    (tmp_path / "notes").mkdir()
    for n in range(25):
        (tmp_path / "notes" / f"{n:02d}.txt").write_text("words")
    answer = peakid("import", "folder", tmp_path / "notes")
    assert answer.code == 1  # Nothing was taken in.
    assert answer.out.startswith("0 added, 0 already known, 25 rejected")
    assert "... and 5 more" in answer.out


def test_import_says_what_it_read_and_offers_the_merge_as_a_command(peakid, photos: Path) -> None:
    peakid("init")
    (photos / "Sea").mkdir()
    (photos / "sea" / "2.jpg").rename(photos / "Sea" / "2.jpg")
    (photos / "sea" / "3.jpg").write_bytes((photos / "river" / "1.jpg").read_bytes())
    (photos / "@eaDir").mkdir()
    would = peakid("import", "folder", photos, "--dry-run")
    assert would.out.startswith("Would import 3 files")
    assert peakid("status", "--json").json["n_images"] == 0
    answer = peakid("import", "folder", photos)
    assert "3 classes from the names of folders: Sea 1, river 1, sea 1." in answer.out
    assert "Skipped: hidden 1, not_an_image 1. Hidden: @eaDir 1." in answer.out
    assert "Check this: Classes that differ only in case: 'Sea' (1 file), 'sea' (1 file)." in answer.out
    assert "classes merge sea Sea" in answer.out
    reading = peakid("import", "folder", photos, "--json").json["reading"]
    assert (reading["classes"], reading["label_source"]) == ({"Sea": 1, "river": 1, "sea": 1}, "folders")
    assert reading["doubtful"][0]["actions"][0]["kind"] == "merge_classes"


def test_import_exits_with_1_if_nothing_was_taken_in_and_says_how_links_are_followed(
    peakid, photos: Path, tmp_path: Path
) -> None:
    peakid("init")
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "sea").symlink_to(photos / "sea")
    answer = peakid("import", "folder", tmp_path / "view")
    assert answer.code == 1
    assert f"--links-within {photos / 'sea'}" in answer.out
    followed = peakid("import", "folder", tmp_path / "view", "--links-within", photos / "sea", "--json")
    assert (followed.code, followed.json["n_added"]) == (0, 1)
    refused = peakid("import", "folder", tmp_path / "view", "--links-within", photos, "--in-place")
    assert refused.code == 1
    assert "cannot stay in place" in refused.err

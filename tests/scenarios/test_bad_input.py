"""Every mistake of a user gives one clear error line, and nothing is lost."""

import zipfile

import pytest


@pytest.fixture
def photos(tmp_path, draw):
    """Three photos of dom and one of eiger, as class folders."""
    folder = tmp_path / "photos"
    for seed, name in enumerate(["dom/1.jpg", "dom/2.jpg", "dom/3.jpg", "eiger/1.jpg"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw(seed))
    return folder


def refused(answer, *parts):
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.count("\n") == 1
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err


def test_a_folder_that_does_not_exist(peakid, tmp_path):
    peakid("init")
    refused(peakid("import", "folder", tmp_path / "nowhere"), "nowhere")


def test_an_empty_folder(peakid, tmp_path):
    (tmp_path / "empty").mkdir()
    peakid("init")
    refused(peakid("import", "folder", tmp_path / "empty"), "empty")


def test_a_folder_of_text_files_is_rejected_with_a_reason_for_each_file(peakid, tmp_path):
    (tmp_path / "texts").mkdir()
    for name in ("a.jpg", "b.txt"):
        (tmp_path / "texts" / name).write_text("no picture")
    peakid("init")
    report = peakid("import", "folder", tmp_path / "texts", "--json").json
    assert (report["n_added"], report["n_rejected"]) == (0, 2)
    assert {(r["path"], r["reason"]) for r in report["rejections"]} == {
        ("a.jpg", "not_an_image"),
        ("b.txt", "not_an_image"),
    }


def test_a_file_that_is_not_a_zip(peakid, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and then nothing")
    peakid("init")
    refused(peakid("import", "zip", tmp_path / "bad.zip"), "bad.zip")


def test_a_zip_with_a_path_outside_is_imported_without_that_file(peakid, tmp_path, draw):
    with zipfile.ZipFile(tmp_path / "climb.zip", "w") as archive:
        archive.writestr("../escaped.jpg", draw(1))
        archive.writestr("dom/inside.jpg", draw(2))
    peakid("init")
    report = peakid("import", "zip", tmp_path / "climb.zip", "--json").json
    assert (report["n_added"], [r["reason"] for r in report["rejections"]]) == (1, ["unsafe_path"])
    assert not list(tmp_path.glob("**/escaped.jpg"))


def test_a_table_with_unknown_columns(peakid, tmp_path, photos):
    (tmp_path / "list.csv").write_text("bild,klasse\ndom/1.jpg,dom\n")
    peakid("init")
    refused(peakid("import", "csv", tmp_path / "list.csv", "--root", photos), "bild", "path")


def test_training_without_a_snapshot(peakid, photos):
    peakid("init")
    peakid("import", "folder", photos)
    refused(peakid("train"), "snapshot")


def test_a_snapshot_of_nothing(peakid):
    peakid("init")
    refused(peakid("snapshot", "create"), "0 images", "Import images")


def test_a_class_with_one_image_is_an_error_before_training(peakid, photos):
    peakid("init")
    peakid("import", "folder", photos)
    snapshot = peakid("snapshot", "create", "--json").json
    assert [warning for warning in snapshot["warnings"] if "eiger" in warning and "1 image" in warning]


def test_an_unknown_architecture(peakid, photos):
    peakid("init")
    peakid("import", "folder", photos)
    peakid("snapshot", "create")
    refused(peakid("train", "--set", "arch=resnet19"), "resnet19", "resnet18")
    assert peakid("jobs", "list", "--json").json == []  # Nothing was started.


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("pretrained=/no/such/file.pth", "/no/such/file.pth"),
        ("image_size_px=7", "image_size_px"),
        ("epochs=3", "epochs"),
        ("seed", "key=value"),
    ],
)
def test_a_setting_that_does_not_fit(peakid, photos, setting, part):
    peakid("init")
    peakid("import", "folder", photos)
    peakid("snapshot", "create")
    refused(peakid("train", "--set", setting), part)


def test_no_error_changes_the_collection(peakid, tmp_path, photos):
    peakid("init")
    peakid("import", "folder", photos)
    before = peakid("status", "--json").json
    (tmp_path / "bad.zip").write_bytes(b"nothing")
    peakid("import", "zip", tmp_path / "bad.zip")
    peakid("import", "folder", tmp_path / "nowhere")
    peakid("decide", "label", "00", "dom")
    peakid("train", "--set", "arch=resnet19")
    assert peakid("status", "--json").json == before


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "1"),
        ("export", "1", "--out", "x"),
        ("jobs", "show", "1"),
        ("snapshot", "show", "abc"),
        ("predict", "1", "x.jpg"),
    ],
)
def test_a_missing_object_is_an_error(peakid, command):
    peakid("init")
    refused(peakid(*command))

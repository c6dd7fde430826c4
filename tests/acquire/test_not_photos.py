"""Backups, workspaces and exports of Peakid are refused with the way; what other programs export is read."""

import json
import shutil
import zipfile

import pytest

from peakid.acquire import archive, folder
from peakid.dataset import write
from peakid.errors import NotPhotos
from peakid.jobs import submit
from peakid.keep import backup, restore
from peakid.remedies import action
from peakid.store import status
from peakid.store import workspace as workspaces


@pytest.fixture
def backed_up(workspace, fill, tmp_path):
    fill(river=2, sea=1)
    backup.backup(workspace, tmp_path / "b.zip")
    return tmp_path / "b.zip"


@pytest.fixture
def other(tmp_path):
    """The workspace that something is imported into."""
    return workspaces.create(tmp_path / "other")


def refused(other, path):
    """Import and preview a path; return the error, which must be the same, and that nothing was taken in."""
    module, imported = (
        (archive, archive.import_zip) if path.suffix == ".zip" else (folder, folder.import_folder)
    )
    errors = []
    for act in (
        lambda: imported(other, path, actor="human:t"),
        lambda: module.preview(path),
        lambda: submit.import_images(other, "zip" if path.suffix == ".zip" else "folder", path),
    ):
        with pytest.raises(NotPhotos) as error:
            act()
        errors.append((error.value.message, error.value.remedy, error.value.actions))
    assert errors[0] == errors[1] == errors[2]
    assert status.read(other).n_images == 0
    assert not other.query("SELECT 1 FROM class")
    assert not other.query("SELECT 1 FROM job")
    return error.value


def test_a_backup_is_refused_with_the_command_that_restores_it(other, backed_up, peakid):
    error = refused(other, backed_up)
    assert error.message == f"{backed_up} is a backup of Peakid, not an archive of photos."
    assert error.actions == (action("restore_file", file=str(backed_up)),)
    answer = peakid("import", "zip", backed_up)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.endswith(f"Use: peakid --workspace NEW restore {backed_up}\n")


def test_an_unpacked_backup_is_refused_and_can_be_packed_and_restored(other, backed_up, tmp_path):
    zipfile.ZipFile(backed_up).extractall(tmp_path / "unpacked")
    error = refused(other, tmp_path / "unpacked")
    assert "unpacked backup" in error.message
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "unpacked")
    assert restore.restore(tmp_path / packed, tmp_path / "again").n_images == 3  # As the remedy says.


@pytest.mark.parametrize("depth", [1, 3])
def test_a_backup_in_a_folder_of_an_archive_is_refused(other, backed_up, tmp_path, depth):
    inner = tmp_path / "around" / "/".join("abc"[:depth])
    zipfile.ZipFile(backed_up).extractall(inner)
    refused(other, tmp_path / "around")
    around = shutil.make_archive(str(tmp_path / "around"), "zip", tmp_path / "around")
    assert "unpacked backup" in refused(other, tmp_path / around).message


def test_a_workspace_is_refused_as_a_folder_and_as_an_archive(other, workspace, fill, tmp_path):
    fill(river=2)
    error = refused(other, workspace.path)
    assert error.actions == (action("open_workspace", path=str(workspace.path)),)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "workspace")
    assert "has a workspace of Peakid" in refused(other, tmp_path / packed).message


@pytest.mark.parametrize("name", ["images", "thumbs", "runs", "cache"])
def test_a_folder_in_which_a_workspace_keeps_its_files_is_refused(other, workspace, fill, name):
    digest = fill(river=2)[0]
    assert "keeps its own files" in refused(other, workspace.path / name).message
    if name == "images":
        refused(other, workspace.images_dir / digest[:2])


def test_photos_that_a_person_put_into_a_workspace_are_imported(other, workspace, draw):
    for name in ("river", "sea"):
        (workspace.path / "mine" / name).mkdir(parents=True)
        (workspace.path / "mine" / name / "1.jpg").write_bytes(draw(len(name)))
    assert folder.import_folder(other, workspace.path / "mine", actor="human:t").n_added == 2


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_an_export_is_refused(other, colour_export, tmp_path, kind):
    path = colour_export
    if kind == "archive":
        path = tmp_path / "export.zip"
        shutil.make_archive(str(path.with_suffix("")), "zip", colour_export)
    error = refused(other, path)
    assert "a model that Peakid exported" in error.message
    assert error.actions == (action("list_exports"),)


def test_a_workspace_among_photos_is_skipped_in_an_archive_as_in_a_folder(
    other, workspace, fill, draw, tmp_path
):
    fill(river=2)
    root = tmp_path / "photos"
    for name in ("dom", "eiger"):
        (root / name).mkdir(parents=True)
        (root / name / "1.jpg").write_bytes(draw(len(name)))
    shutil.copytree(workspace.path, root / "mine")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", root)
    found = archive.preview(tmp_path / packed)
    assert found.classes == folder.preview(root).classes == {"dom": 1, "eiger": 1}
    assert found.hidden == {"mine": 1}


@pytest.mark.parametrize("fmt", ["imagefolder", "csv"])
def test_a_snapshot_written_as_files_is_imported_with_its_labels_and_splits(
    other, workspace, frozen, tmp_path, fmt
):
    write.write(workspace, frozen, fmt, tmp_path / "written")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "written")
    for found in (folder.preview(tmp_path / "written"), archive.preview(tmp_path / packed)):
        assert found.classes == {"river": 24, "sea": 16}
        assert found.splits == frozen.splits


COCO = {
    "images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    "annotations": [{"id": n, "image_id": n, "category_id": n, "bbox": [0, 0, 9, 9]} for n in (1, 2)],
}
IN_IMAGES = {
    **COCO,
    "images": [{**each, "file_name": f"images/{each['file_name']}"} for each in COCO["images"]],
}
SAMPLES = {
    "samples": [
        {"filepath": f"data/{n}.jpg", "ground_truth": {"_cls": "Classification", "label": label}}
        for n, label in ((1, "cat"), (2, "dog"))
    ]
}


@pytest.mark.parametrize(
    ("photos", "label_file", "document"),
    [
        ("data", "samples.json", SAMPLES),  # FiftyOneDataset
        ("data", "labels.json", {"classes": ["cat", "dog"], "labels": {"1": 0, "2": 1}}),  # FiftyOne
        ("data", "labels.json", COCO),  # FiftyOne, COCO
        ("images", "result.json", IN_IMAGES),  # Label Studio, COCO
        (".", "_annotations.coco.json", COCO),  # Roboflow, COCO
    ],
    ids=["fiftyone", "fiftyone classification", "fiftyone coco", "label studio coco", "roboflow coco"],
)
def test_what_other_programs_export_is_imported_with_its_labels(tmp_path, draw, photos, label_file, document):
    root = tmp_path / "exported"
    (root / photos).mkdir(parents=True)
    for n in (1, 2):
        (root / photos / f"{n}.jpg").write_bytes(draw(n))
    (root / label_file).write_text(json.dumps(document))
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", root)
    for found in (folder.preview(root), archive.preview(tmp_path / packed)):
        assert found.classes == {"cat": 1, "dog": 1}
        assert found.n_unlabelled == 0

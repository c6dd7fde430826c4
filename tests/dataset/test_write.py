"""Written datasets can be read by other tools and imported again."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import folder as folders
from peakid.acquire import table
from peakid.curate import classes, decisions
from peakid.dataset import snapshot, write
from peakid.errors import BadInput, DamagedSnapshot, NotFound
from peakid.imaging import inspection, pixels
from peakid.records import Choice
from peakid.store import images
from peakid.store import workspace as workspaces
from tests.imaging.metadata import position_files

ANNA = "human:anna"


@pytest.fixture
def freeze(workspace, draw):
    """Freeze one image for each label: `freeze("dom", "dom", "eiger")`."""

    def frozen(*labels: str, format: str = "JPEG"):
        for name in sorted(set(labels)):
            classes.add(workspace, name)
        choices = []
        for seed, label in enumerate(labels):
            data = draw(seed, format=format)
            images.store(workspace, inspection.inspect(data), data)
            with workspace.transaction() as connection:
                images.add(connection, inspection.inspect(data))
            choices.append(Choice(inspection.digest_of(data), "label", label))
        decisions.decide(workspace, choices, actor=ANNA)
        return snapshot.create(workspace, actor=ANNA)

    return frozen


def contents(workspace, reference=None):
    return {(item.digest, item.label, item.split) for item in snapshot.items(workspace, reference)}


def test_an_image_folder_imported_again_gives_the_same_labels_and_splits(workspace, freeze, tmp_path):
    frozen = freeze(*["dom"] * 7, *["Dent d'Hérens"] * 4)
    report = write.write(workspace, frozen, "imagefolder", tmp_path / "out")
    assert (report.n_images, report.n_positions_removed, report.path) == (11, 0, tmp_path / "out")
    other = workspaces.create(tmp_path / "other")
    assert folders.import_folder(other, tmp_path / "out", actor=ANNA).n_added == 11
    again = snapshot.create(other, actor=ANNA)
    assert contents(other) == contents(workspace)
    assert again.digest == frozen.digest  # The images are their own groups in both.


def test_a_table_imported_again_gives_the_same_labels_and_splits(workspace, freeze, tmp_path):
    frozen = freeze(*["dom"] * 4, *['a/b, "c"'] * 4)
    write.write(workspace, frozen, "csv", tmp_path / "out")
    with (tmp_path / "out" / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [
        f"images/{item.digest[:12]}.jpg" for item in snapshot.items(workspace)
    ]
    other = workspaces.create(tmp_path / "other")
    table.import_csv(other, tmp_path / "out" / "labels.csv", root=tmp_path / "out", actor=ANNA)
    snapshot.create(other, actor=ANNA)
    assert contents(other) == contents(workspace)


def test_a_file_has_the_extension_of_its_format(workspace, freeze, tmp_path):
    write.write(workspace, freeze("dom", format="PNG"), "imagefolder", tmp_path / "out")
    assert [path.suffix for path in (tmp_path / "out").rglob("*.*")] == [".png"]


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        ".hidden",
        "..",
        "a:b",
        "ends.",
        "x" * 256,
        "Thumbs.db",
        "@eaDir",
        "CON",
        "aux",
        "nul.txt",
        "Com1",
    ],
)
def test_a_class_name_that_cannot_be_a_folder_is_an_error_with_a_remedy(workspace, freeze, tmp_path, name):
    frozen = freeze("dom", name)
    with pytest.raises(BadInput, match="cannot be folder names") as raised:
        write.write(workspace, frozen, "imagefolder", tmp_path / "out")
    assert "csv" in raised.value.remedy
    assert not (tmp_path / "out").exists()


def test_class_names_that_are_one_folder_on_other_systems_are_an_error(workspace, freeze, tmp_path):
    with pytest.raises(BadInput, match=r"'Dom', 'dom' \(only their case differs\)"):
        write.write(workspace, freeze("dom", "Dom"), "imagefolder", tmp_path / "out")


def test_class_names_that_an_import_would_change_are_an_error(workspace, freeze, tmp_path):
    with pytest.raises(BadInput, match=r"'1\. Dom', '2\. Eiger'"):
        write.write(workspace, freeze("1. Dom", "2. Eiger"), "imagefolder", tmp_path / "out")


def test_a_class_can_have_the_name_train(workspace, freeze, tmp_path):
    write.write(workspace, freeze("train", "train", "bus"), "imagefolder", tmp_path / "out")
    assert (tmp_path / "out" / "train" / "bus").is_dir()


def test_a_folder_that_is_not_empty_is_left_unchanged(workspace, freeze, tmp_path):
    frozen = freeze("dom")
    (tmp_path / "out").mkdir()
    write.write(workspace, frozen, "imagefolder", tmp_path / "out")  # An empty folder is fine.
    with pytest.raises(BadInput, match="not empty"):
        write.write(workspace, frozen, "csv", tmp_path / "out")
    assert not (tmp_path / "out" / "labels.csv").exists()


def test_a_failed_write_leaves_nothing_behind(workspace, freeze, tmp_path):
    frozen = freeze("dom", "dom")
    lost, changed = (item.digest for item in snapshot.items(workspace))
    images.image_path(workspace, lost).rename(tmp_path / "kept")
    images.image_path(workspace, changed).write_bytes(b"other")
    with pytest.raises((NotFound, DamagedSnapshot)):
        write.write(workspace, frozen, "imagefolder", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "workspace"]


def test_an_unknown_format_is_an_error_that_lists_the_formats(workspace, freeze, tmp_path):
    with pytest.raises(BadInput, match="'tar'") as raised:
        write.write(workspace, freeze("dom"), "tar", tmp_path / "out")
    assert "imagefolder, csv" in raised.value.remedy


def frozen_files(workspace, *contents: bytes):
    classes.add(workspace, "dom")
    for data in contents:
        inspected = inspection.inspect(data)
        images.store(workspace, inspected, data)
        with workspace.transaction() as connection:
            images.add(connection, inspected)
    choices = [Choice(inspection.digest_of(data), "label", "dom") for data in contents]
    decisions.decide(workspace, choices, actor=ANNA)
    return snapshot.create(workspace, actor=ANNA)


@pytest.mark.parametrize("keep", [False, True])
def test_the_position_of_a_photo_is_written_only_on_request(workspace, tmp_path, keep):
    data = position_files.drawn("JPEG", exif=position_files.exif())
    frozen = frozen_files(workspace, data)
    report = write.write(workspace, frozen, "csv", tmp_path / "out", keep_position=keep)
    (written,) = (tmp_path / "out" / "images").iterdir()
    assert bool(Image.open(written).getexif().get_ifd(0x8825)) == keep
    assert report.n_positions_removed == report.n_metadata_removed == (not keep)


def test_a_name_that_windows_keeps_for_a_device_is_named_with_the_reason(workspace, freeze, tmp_path):
    frozen = freeze("dom", "nul.txt")
    with pytest.raises(BadInput, match=r"'nul.txt' \(reserved on Windows\)") as raised:
        write.write(workspace, frozen, "imagefolder", tmp_path / "out")
    assert [each.kind for each in raised.value.actions] == ["rename_class"]
    write.write(workspace, frozen, "csv", tmp_path / "table")
    assert "nul.txt" in (tmp_path / "table" / "labels.csv").read_text()


@pytest.mark.parametrize("fmt", ["imagefolder", "csv"])
def test_no_written_file_of_any_format_holds_a_position(workspace, tmp_path, fmt):
    files = [made() for name, made in position_files.FILES.items() if not name.startswith("heic")]
    frozen = frozen_files(workspace, *files)
    report = write.write(workspace, frozen, fmt, tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*.*") if path.suffix != ".csv" and path.is_file()]
    assert len(written) == len(files) == report.n_metadata_removed
    assert [path for path in written if position_files.holds_marker(path.read_bytes())] == []
    assert 0 < report.n_positions_removed < report.n_metadata_removed  # A bare number is not recognised.


def test_a_file_that_cannot_be_taken_apart_is_written_as_png(workspace, tmp_path, peakid):
    data = position_files.drawn("JPEG", exif=position_files.exif())[:-2]  # Its end marker is missing.
    frozen_files(workspace, data)
    document = peakid("snapshot", "write", "csv", tmp_path / "out", "--json").json
    assert (document["n_redrawn"], document["n_metadata_removed"]) == (1, 0)
    (written,) = (tmp_path / "out" / "images").iterdir()
    assert written.suffix == ".png"
    assert f"images/{written.name}," in (tmp_path / "out" / "labels.csv").read_text(encoding="utf-8")
    assert np.array_equal(np.asarray(Image.open(written)), np.asarray(pixels.decode(data)))
    assert not position_files.holds_marker(written.read_bytes())


def test_the_sentences_after_writing_name_what_was_removed():
    report = write.WriteReport(Path("out"), 9, 2, 7, 1)
    first, _, last = write.sentences(report)
    assert first == "Removed the metadata of 7 of them; 2 had a position that was recognised."
    assert last.endswith("cannot be separated: 1.")
    assert write.sentences(write.WriteReport(Path("out"), 9, 0)) == []

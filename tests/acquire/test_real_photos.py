"""Real data sets are imported with the expected numbers of images, classes and splits."""

from pathlib import Path

import pytest

from peakid.acquire import folder
from peakid.records import ImportReport
from peakid.store.workspace import Workspace


def import_(workspace: Workspace, root: Path, *, in_place: bool = False) -> ImportReport:
    return folder.import_folder(workspace, root, in_place=in_place, actor="human:tester")


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.n_added, report.n_known, report.n_rejected


@pytest.fixture
def otters(workspace: Workspace, real_data: Path) -> ImportReport:
    return import_(workspace, real_data / "data" / "otters")


@pytest.mark.slow
def test_349_otter_photos_are_348_images(workspace: Workspace, otters: ImportReport, real_data: Path) -> None:
    assert counts(otters) == (348, 1, 2)
    assert {row.path: row.reason for row in otters.rejections} == {
        "urls_river.txt": "not_an_image",
        "urls_sea.txt": "not_an_image",
    }
    by_class = workspace.query(
        "SELECT class.name, COUNT(*) FROM image_state JOIN class ON class.id = class_id GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in by_class] == [("river", 171), ("sea", 177)]
    assert counts(import_(workspace, real_data / "data" / "otters")) == (0, 349, 2)


@pytest.mark.slow
def test_intel6_keeps_its_predefined_splits(workspace: Workspace, real_data: Path) -> None:
    assert counts(import_(workspace, real_data / "data" / "intel6", in_place=True)) == (1200, 0, 0)
    by_split = workspace.query(
        "SELECT split, COUNT(*), COUNT(DISTINCT label) FROM origin GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in by_split] == [("test", 300, 6), ("train", 900, 6)]


def test_class_names_may_have_spaces(workspace: Workspace, real_data: Path) -> None:
    report = import_(workspace, real_data / "data" / "summits14_raw", in_place=True)
    assert (report.n_added + report.n_known, report.n_rejected) == (136, 0)
    names = {row["name"] for row in workspace.query("SELECT name FROM class")}
    assert len(names) == 14
    assert {"Broad Peak", "Gasherbrum II"} <= names


def test_a_corrupt_photo_in_nested_folders_is_rejected_alone(workspace: Workspace, real_data: Path) -> None:
    report = import_(workspace, real_data / "data" / "imagededup_tests", in_place=True)
    assert [Path(row.path).name for row in report.rejections] == ["ukbench09268_corrupt.jpg"] * 2
    assert report.n_added + report.n_known == 20

import numpy as np
import pytest

from peakid.run_records import HeatCheck
from peakid.store import tombstones
from peakid.store.evaluation import heat_maps
from peakid.store.evaluation.heat_maps import HeatMap

CHECK = HeatCheck(0.9, 0.4, 2.5, 0.1, 0.025, 0.05, 0.2, 0.2)
A, B = "a" * 64, "b" * 64


def made(digest, class_index=0, value=7):
    return HeatMap(digest, class_index, np.full((32, 32), value, dtype=np.uint8), CHECK)


@pytest.fixture
def run_folder(workspace):
    (workspace.runs_dir / "1").mkdir(parents=True)
    return workspace.runs_dir / "1"


def test_maps_are_added_replaced_and_read_with_their_checks(workspace, run_folder):
    heat_maps.add(workspace, 1, [made(A), made(B)])
    heat_maps.add(workspace, 1, [made(A, 1), made(B, value=9)])
    found = heat_maps.read(workspace, 1)
    assert list(found) == [(A, 0), (B, 0), (A, 1)]
    assert found[B, 0].heat.tolist() == [[9] * 32] * 32
    assert found[A, 1].check == CHECK
    assert found[A, 1].heat.dtype == np.uint8
    assert (run_folder / heat_maps.FILE).stat().st_size < 10_000  # A thousand bytes each, and a little more.


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut"])
def test_a_damaged_file_counts_as_none_and_is_replaced(workspace, run_folder, content):
    (run_folder / heat_maps.FILE).write_bytes(content)
    assert heat_maps.read(workspace, 1) == {}
    heat_maps.add(workspace, 1, [made(A)])
    assert list(heat_maps.read(workspace, 1)) == [(A, 0)]


def test_maps_of_another_version_are_not_read(workspace, run_folder, monkeypatch):
    heat_maps.add(workspace, 1, [made(A)])
    monkeypatch.setattr(heat_maps, "VERSION", 2)
    assert heat_maps.read(workspace, 1) == {}


def test_arrays_of_another_shape_are_not_read(workspace, run_folder):
    heat_maps.add(workspace, 1, [made(A)])
    with np.load(run_folder / heat_maps.FILE) as stored:
        arrays = dict(stored)
    for name, value in (
        ("maps", np.zeros((1, 8, 8), np.uint8)),
        ("maps", np.zeros((1, 32, 32), np.float64)),
        ("maps", np.zeros((2, 32, 32), np.uint8)),
        ("checks", np.zeros((1, 3))),
        ("digests", np.array(["ä"])),
    ):
        np.savez(run_folder / heat_maps.FILE, **{**arrays, name: value})
        assert heat_maps.read(workspace, 1) == {}, name


def test_no_map_of_a_forgotten_image_is_stored(workspace, run_folder, fill):
    digest, other = fill(river=2)
    heat_maps.add(workspace, 1, [made(digest), made(other)])
    heat_maps.remove_images(workspace, [digest])
    assert list(heat_maps.read(workspace, 1)) == [(other, 0)]
    assert digest.encode() not in (run_folder / heat_maps.FILE).read_bytes()
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO tombstone (digest, reason, actor, forgotten_at) VALUES (?, '', 'a', '2026')",
            (digest,),
        )
    assert digest in tombstones.digests(workspace)
    heat_maps.add(workspace, 1, [made(digest)])  # A job that still runs.
    assert list(heat_maps.read(workspace, 1)) == [(other, 0)]


def test_a_file_that_cannot_be_read_is_removed_with_an_image(workspace, run_folder):
    (run_folder / heat_maps.FILE).write_bytes(b"cut")
    heat_maps.remove_images(workspace, [A])
    assert not (run_folder / heat_maps.FILE).exists()

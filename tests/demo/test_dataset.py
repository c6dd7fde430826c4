"""The demo is deterministic, has the planted faults, and its peaks can be distinguished."""

import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peakid.acquire import demo_import
from peakid.curate.duplicates import find
from peakid.demo import dataset, scenery
from peakid.demo.dataset import Truth
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import inspection, pixels
from peakid.store.workspace import Workspace

N_IMAGES = 44


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest demo with at least one of every fault."""
    folder = tmp_path_factory.mktemp("demo")
    dataset.draw(folder, n_images=N_IMAGES, seed=3)
    return folder


@pytest.fixture(scope="module")
def truths(folder: Path) -> dict[str, Truth]:
    files = json.loads((folder / "truth.json").read_text())["files"]
    return {row["path"]: Truth(**row) for row in files}


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def grey(path: Path) -> np.ndarray:
    return np.asarray(pixels.decode(path.read_bytes()).convert("L"), dtype=float)


def of(truths: dict[str, Truth], fault: str | None) -> list[Truth]:
    return [truth for truth in truths.values() if truth.fault == fault]


@pytest.mark.slow
def test_the_same_seed_draws_the_same_bytes_and_another_seed_does_not(tmp_path: Path, folder: Path) -> None:
    dataset.draw(tmp_path / "again", n_images=N_IMAGES, seed=3)
    dataset.draw(tmp_path / "other", n_images=6, seed=4)
    assert digests(tmp_path / "again") == digests(folder)
    assert not set(digests(tmp_path / "other").values()) & set(digests(folder).values())


def test_every_file_is_listed_in_the_truth_and_exists(folder: Path, truths: dict[str, Truth]) -> None:
    assert {str(path.relative_to(folder / "photos")) for path in (folder / "photos").rglob("*.*")} == set(
        truths
    )
    assert len(truths) == N_IMAGES
    assert all(path.split("/")[0] == truth.given_label for path, truth in truths.items())


def test_every_kind_of_fault_is_planted_and_most_images_have_none(truths: dict[str, Truth]) -> None:
    counts = Counter(truth.fault for truth in truths.values())
    assert set(counts) == {None, *dataset.FAULT_SHARES}
    assert counts[None] > N_IMAGES * 0.6


def test_a_plan_of_600_images_has_every_class_and_the_shares_of_faults() -> None:
    truths = dataset.plan(600, 0)
    counts = Counter(truth.fault for truth in truths)
    # 5 % of 600, and so on; at least one is truncated.
    assert (
        counts["wrong_label"],
        counts["copy"],
        counts["conflict"],
        counts["re_encoded"],
        counts["truncated"],
    ) == (30, 12, 6, 18, 1)
    assert min(Counter(truth.given_label for truth in truths).values()) > 60
    assert len({truth.path for truth in truths}) == 600


@pytest.mark.parametrize("n_images", [1, 6, 20, 43, 44])
def test_small_demos_have_the_requested_number_of_images(n_images: int) -> None:
    assert len(dataset.plan(n_images, 0)) == n_images


def test_wrong_labels_show_another_peak(truths: dict[str, Truth]) -> None:
    assert all(truth.drawn_class not in (None, truth.given_label) for truth in of(truths, "wrong_label"))
    assert all(truth.drawn_class == truth.given_label for truth in of(truths, None))


def test_copies_match_their_fault(folder: Path, truths: dict[str, Truth]) -> None:
    def data(path: str | None) -> bytes:
        return (folder / "photos" / str(path)).read_bytes()

    for truth in of(truths, "copy") + of(truths, "conflict"):
        assert data(truth.path) == data(truth.source_path)
        assert (truth.given_label == truths[str(truth.source_path)].given_label) == (truth.fault == "copy")
    for truth in of(truths, "resaved"):
        assert data(truth.path) != data(truth.source_path)
        assert pixels.decode(data(truth.path)).tobytes() == pixels.decode(data(truth.source_path)).tobytes()
    for truth in of(truths, "re_encoded") + of(truths, "cropped"):
        small, large = pixels.decode(data(truth.path)), pixels.decode(data(truth.source_path))
        assert small.width < large.width


def test_bad_images_match_their_fault(folder: Path, truths: dict[str, Truth]) -> None:
    photos = folder / "photos"
    sharp = np.median([np.abs(np.diff(grey(photos / truth.path))).mean() for truth in of(truths, None)])
    assert all(
        np.abs(np.diff(grey(photos / truth.path))).mean() < sharp / 2 for truth in of(truths, "blurred")
    )
    assert all(grey(photos / truth.path).max() < 30 for truth in of(truths, "dark"))
    assert all(max(Image.open(photos / truth.path).size) <= 40 for truth in of(truths, "tiny"))
    assert all(truth.drawn_class is None for truth in of(truths, "unrelated"))
    for truth in of(truths, "truncated"):
        with pytest.raises(UnreadableImage):
            pixels.decode((photos / truth.path).read_bytes())


@pytest.mark.slow
def test_the_demo_imports_with_one_rejection_and_its_copies_are_found(workspace: Workspace) -> None:
    report = demo_import.import_demo(workspace, n_images=N_IMAGES, seed=3, actor="human:tester")
    truths = {
        row["path"]: row for row in json.loads((workspace.path / "demo" / "truth.json").read_text())["files"]
    }
    faults = Counter(row["fault"] for row in truths.values())
    assert (report.n_added, report.n_known, report.n_rejected) == (N_IMAGES - 3, 2, 1)
    assert faults["copy"] + faults["conflict"] == 2
    assert workspace.one("SELECT DISTINCT source FROM origin")["source"] == "demo"
    scan = find.scan(workspace)
    # Re-saved, and a copy under another label; a copy under the same label needs no decision.
    assert (scan.n_exact_groups, scan.n_copy_groups) == (1, 1)
    assert scan.n_conflicting_groups >= 1


def test_different_mountains_are_not_duplicates(
    folder: Path, truths: dict[str, Truth], workspace: Workspace
) -> None:
    from peakid.acquire import folder as folders

    folders.import_folder(workspace, folder / "photos", actor="human:tester")
    find.scan(workspace)
    pairs = workspace.query(
        "SELECT a.path AS a, b.path AS b FROM duplicate_pair JOIN origin a ON a.image_id = image_a_id"
        " JOIN origin b ON b.image_id = image_b_id"
    )
    family = {path: truth.source_path or path for path, truth in truths.items()}
    assert pairs
    assert [(row["a"], row["b"]) for row in pairs if family[row["a"]] != family[row["b"]]] == []


def test_a_demo_of_no_images_is_an_error(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="0 images cannot be drawn"):
        demo_import.import_demo(workspace, n_images=0, actor="human:tester")


@pytest.mark.parametrize("size", [(320, 240), (97, 130), (33, 20)])
def test_a_scene_can_have_any_size(size: tuple[int, int]) -> None:
    for seed in range(8):
        assert scenery.draw("dom", np.random.default_rng(seed), size).size == size


@pytest.mark.slow
def test_colour_alone_does_not_identify_a_peak(folder: Path) -> None:
    # The light of day is drawn from the same lot for all: over many pictures the mean colours agree.
    means = [
        np.mean(
            [
                np.asarray(scenery.draw(name, np.random.default_rng([n, 7]), (64, 48))).mean(axis=(0, 1))
                for n in range(60)
            ],
            axis=0,
        )
        for name in dataset.CLASS_NAMES
    ]
    assert np.ptp(np.array(means), axis=0).max() < 12  # Of 255; hours differ by 100 and more.


def test_a_drawn_thumbnail_is_not_blank(folder: Path, truths: dict[str, Truth]) -> None:
    for truth in of(truths, None)[:10]:
        look = inspection.inspect((folder / "photos" / truth.path).read_bytes())
        assert np.asarray(Image.open(io.BytesIO(look.thumbnail)).convert("L")).std() > 10

"""An export is checked in a process of its own, which ends with the check."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from peakid.errors import BadInput, ParityBroken, UnreadableImage
from peakid.imaging import pixels
from peakid.learn.export import checking, export
from peakid.learn.export.by_format import onnx_file
from peakid.learn.export.checking import Answer
from peakid.learn.export.trained import TrainedModel
from peakid.learn.network import model as models
from peakid.learn.network.model import Card
from peakid.recipe import export_formats
from peakid.records import no_report
from tests import planted_models

pytestmark = pytest.mark.slow

N = 12
HALF = (0.5, 0.5, 0.5)
CARD = Card("plain_cnn", ["plain", "marked"], 64, "crop", HALF, HALF, 2, {}, "", {}, "linear")
PHOTOS = [(f"{n:064x}", planted_models.photo(n, is_marked=n % 2 == 1)) for n in range(N)]


def network(bias: float = 0.0) -> torch.nn.Sequential:
    torch.manual_seed(3)
    model = models.build("plain_cnn", n_classes=2, head="linear").eval()
    model[1][2].bias.data[0] = bias
    return model


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ONNX file of a small network."""
    folder = tmp_path_factory.mktemp("export")
    written(network(), folder)
    return folder


def written(model: torch.nn.Sequential, folder: Path) -> Path:
    """Write the ONNX file of a network into a folder."""
    file = folder / export_formats.FILE_NAMES["onnx"]
    onnx_file.write(TrainedModel(model, CARD, folder), file)
    return file


def running() -> list[psutil.Process]:
    """The processes that check an export for this one."""
    found = []
    for each in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # Also of one that ends just now.
            found += [each] if checking.COMMAND[-1] in each.cmdline() else []
    return found


class Watched:
    """The processes of a check, seen at each report; stops it at a phase."""

    def __init__(self, stop_at: str = "") -> None:
        self.seen: set[psutil.Process] = set()
        self.phases: list[str] = []
        self.stop_at = stop_at

    def __call__(self, phase: str, step: int, total: int, message: str) -> None:
        self.seen |= set(running())
        self.phases.append(phase)
        if self.stop_at and phase.startswith(self.stop_at):
            raise KeyboardInterrupt


def check(files: Path, images: object = PHOTOS, **options: object) -> Answer:
    chosen = {"n_images": N, "report": no_report} | options
    return checking.check(files, CARD, ["onnx"], images=images, **chosen)


def test_a_fresh_process_runs_the_file_and_embeds_the_images(files: Path) -> None:
    watched = Watched()
    found = check(files, reference=PHOTOS[:5], n_reference=5, report=watched)
    assert found.process_id != os.getpid()
    assert [each.pid for each in watched.seen] == [found.process_id]
    assert not psutil.pid_exists(found.process_id)
    assert found.probabilities["onnx"].shape == (N, 2)
    assert found.embeddings is not None
    assert found.reference is not None
    assert (found.embeddings.shape[0], found.reference.shape[0]) == (N, 5)
    # The same images have the same embeddings.
    assert np.allclose(found.embeddings[:5], found.reference, atol=1e-6)
    assert found.times["onnx"].batch.n_calls >= 5
    assert [path.name for path in files.iterdir()] == ["model.onnx"]
    expected = {"Reading validation images", "Checking the export, onnx", "Embedding training images"}
    assert expected <= set(watched.phases)


@pytest.mark.parametrize("stop_at", ["Starting the check", "Measuring times"])
def test_a_check_that_is_cancelled_ends_its_process(files: Path, stop_at: str) -> None:
    watched = Watched(stop_at)
    with pytest.raises(KeyboardInterrupt):
        check(files, report=watched)
    assert watched.seen
    assert not [each for each in watched.seen if each.is_running()]
    assert [path.name for path in files.iterdir()] == ["model.onnx"]


def test_a_check_needs_every_image_and_no_other(files: Path) -> None:
    few = PHOTOS[:2]  # They wait in the pipe, so the process need not start to receive them.
    with pytest.raises(ParityBroken, match="Only 1 of 2 validation images could be compared"):
        check(files, few[:-1], n_images=2)
    with pytest.raises(BadInput, match="more images than the 2 predictions"):
        check(files, [*few, PHOTOS[2]], n_images=2)
    with pytest.raises(ParityBroken, match="Only 0 of 0"):
        check(files, [], n_images=0)
    with pytest.raises(UnreadableImage):
        check(files, [*PHOTOS[:-1], ("f" * 64, b"noise")])


def test_a_process_that_dies_is_told_and_nothing_is_left(files: Path) -> None:
    def dying() -> Iterator[tuple[str, bytes]]:
        yield PHOTOS[0]
        [process] = running()
        process.kill()
        yield from PHOTOS[1:]

    with pytest.raises(ParityBroken, match=r"ended without an answer \(exit code -9\)"):
        check(files, dying())
    assert [path.name for path in files.iterdir()] == ["model.onnx"]


def test_a_file_that_predicts_something_else_is_refused_and_located(tmp_path: Path) -> None:
    """The run's own predictions are those of another network."""
    models.save(network(), CARD, tmp_path / "run")
    other = onnx_file.read(written(network(bias=2.0), tmp_path), CARD)
    canonical = [pixels.preprocess(content, size_px=64, resize="crop") for _, content in PHOTOS]
    with pytest.raises(
        ParityBroken, match=r"The onnx file does not predict .*12 images differ; most of all 0"
    ):
        export.export(
            tmp_path / "run",
            formats=["onnx"],
            out=tmp_path / "out",
            images=PHOTOS,
            pred_probs=other(np.stack(canonical)),
            facts={},
            report=no_report,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "run"]

"""Trainings that take seconds: drawn images whose class is their colour, a small model at 32 px."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from peakid.job_settings import JobSettings
from peakid.learn import train
from peakid.learn.batches.data import TrainingImages
from peakid.learn.network import model
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, no_report
from tests.learn.colours import ARCH, images_of

DEFAULTS = JobSettings()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


Fit = Callable[..., tuple[train.TrainResult, list[EpochMetrics]]]


@pytest.fixture(scope="session")
def colours() -> TrainingImages:
    """Two classes: 8 train, 3 valid and 2 test images of each."""
    return images_of(
        [
            (name, split)
            for name in ("moss", "rust")
            for split, n in (("train", 8), ("valid", 3), ("test", 2))
            for _ in range(n)
        ]
    )


@pytest.fixture
def pretrained(tmp_path: Path) -> str:
    """A weights file for ARCH: random, but a file as a published one is."""
    torch.manual_seed(1)
    file = tmp_path / "pretrained.pth"
    torch.save(model.full_model(architectures.find(ARCH)).state_dict(), file)
    return str(file)


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    """Train quickly: `result, epochs = fit(images, name="a", should_stop=..., body_epochs=2)`."""
    return fit_in(tmp_path)


def fit_in(folder: Path) -> Fit:
    """Return `fit` for trainings whose files are in a folder."""

    def run(
        images,
        *,
        name="run",
        should_stop=lambda: False,
        report=no_report,
        on_epoch=lambda metrics: None,
        job_settings=DEFAULTS,
        **settings,
    ):
        values = {
            "arch": ARCH,
            "image_size_px": 32,
            "batch_size": 4,
            "pretrained": "none",
            "device": "cpu",
            "scratch_epochs": 2,
            **settings,
        }
        epochs: list[EpochMetrics] = []

        def tell(metrics: EpochMetrics) -> None:
            epochs.append(metrics)
            on_epoch(metrics)

        result = train.train(
            images,
            Recipe(**values),
            folder=folder / name,
            cache_dir=folder / "cache",
            settings=job_settings,
            report=report,
            on_epoch=tell,
            should_stop=should_stop,
        )
        return result, epochs

    return run

import itertools
import time

import numpy as np
import pytest
from PIL import Image

from peakid.job_settings import JobSettings
from peakid.learn import estimate
from peakid.learn.batches.data import Stopped
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from tests.learn.colours import ARCH, COLOURS

pytestmark = pytest.mark.slow

SETTINGS = {"arch": ARCH, "image_size_px": 32, "batch_size": 4, "device": "cpu"}


@pytest.fixture
def measure(tmp_path):
    def run(images, *, should_stop=lambda: False, **settings):
        options = {
            "cache_dir": tmp_path / "cache",
            "settings": JobSettings(),
            "report": no_report,
            "should_stop": should_stop,
        }
        return estimate.estimate(images, Recipe(**SETTINGS | settings), **options)

    return run


def test_each_phase_says_its_seconds_and_memory_and_the_whole_is_their_sum(colours, measure, pretrained):
    found = measure(colours, pretrained=pretrained, head_epochs=2, body_epochs=3)
    assert [(phase.name, phase.epochs, phase.batch_size) for phase in found.phases] == [
        ("head", 2, 4),
        ("body", 3, 4),
    ]
    assert all(
        phase.epoch_s > 0 and 50 < phase.memory_mb < 20_000 for phase in found.phases
    )  # A process with torch holds 300 MB and more.
    parts = 2 * found.phases[0].epoch_s + 3 * found.phases[1].epoch_s
    assert found.seconds == pytest.approx(parts + found.decode_s + found.predict_s)
    assert (found.device, found.starting_weights.kind) == ("cpu", "file")


def test_an_epoch_takes_its_batches_and_predictions_also_of_all_folds_together(colours, measure, monkeypatch):
    # By a clock on which every batch takes one second.
    monkeypatch.setattr(time, "perf_counter", itertools.count().__next__)
    (whole,) = measure(colours, pretrained="none").phases
    (folded,) = measure(colours, pretrained="none", folds=4).phases
    # 16 images in 4 batches, and 6 for validation; 26 in each of 2 of 4 folds: 52 in 13, and all 26.
    assert whole.epoch_s == pytest.approx(4 + 6 * whole.score_s)
    assert folded.epoch_s == pytest.approx(13 + 26 * folded.score_s)
    assert 0 < folded.score_s < 1


def test_twelve_images_are_drawn_as_the_model_receives_them(colours, measure, tmp_path):
    found = measure(colours, pretrained="none", augment=0, is_mirrored=False, batch_size=16)
    rows = estimate.write_images(found, colours, tmp_path / "seen")
    assert len(rows) == 12
    assert {row["phase"] for row in rows} == {"scratch"}
    for row in rows:  # Unchanged by augmentation, an image has the colour of its class.
        pixels = np.asarray(Image.open(tmp_path / "seen" / row["file"]))
        assert pixels.shape == (32, 32, 3)
        assert np.abs(pixels.mean(axis=(0, 1)) - COLOURS[row["label"]]).max() < 12


def test_mixing_and_phases_of_another_size_are_seen_too(colours, measure, pretrained, tmp_path):
    plain = {"pretrained": pretrained, "augment": 0, "is_mirrored": False, "image_size_px": 64}
    phases = [{"name": "small", "learns": "head", "image_size_px": 32}, {"name": "large"}]
    found = measure(colours, **plain, phases=phases)
    rows = estimate.write_images(found, colours, tmp_path / "seen")
    sizes = {row["phase"]: Image.open(tmp_path / "seen" / row["file"]).size for row in rows}
    assert sizes == {"small": (32, 32), "large": (64, 64)}
    # Mixed half and half, no picture is pure: its colour lies between those of two classes in some of them.
    mixed = (
        measure(colours, **plain, mix="mixup", mix_strength=4, batch_size=16)
        .phases[0]
        .shown.float()
        .mean(dim=(1, 2))
    )
    away = [
        min(np.abs(np.array(each) - colour).max() for colour in COLOURS.values()) for each in mixed.tolist()
    ]
    assert max(away) > 20


def test_a_linear_head_shows_whole_images_and_counts_one_look_at_each(colours, measure, pretrained):
    found = measure(colours, method="linear-head", pretrained=pretrained)
    (phase,) = found.phases
    assert (phase.name, phase.epochs, len(phase.shown)) == ("linear head", 1, 12)
    assert phase.epoch_s > 0
    assert (phase.score_s, found.predict_s) == (0.0, 0.0)  # Predictions follow from the same features.


def test_a_time_budget_is_part_of_the_estimate(colours, measure):
    found = measure(colours, pretrained="none", scratch_epochs=1000, max_minutes=0.05)
    assert found.phases[0].epochs < 1000
    assert "to end in time, they were reduced: scratch" in found.notes[0]


def test_nothing_is_left_of_an_estimate_but_pixels(colours, measure, tmp_path):
    measure(colours, pretrained="none")
    assert [file.name for file in tmp_path.iterdir()] == ["cache"]


def test_an_estimate_can_be_stopped_at_any_batch_that_it_measures(colours, measure):
    calls = []
    measure(
        colours, pretrained="none"
    )  # Decodes all pixels, so that afterwards measuring asks alone, but for one look at the store.
    measure(colours, pretrained="none", should_stop=lambda: bool(calls.append(1)))
    assert len(calls) >= 4  # One batch to warm up, three that are timed.
    left = iter([False] * (len(calls) - 1))
    with pytest.raises(Stopped):
        measure(colours, pretrained="none", should_stop=lambda: next(left, True))

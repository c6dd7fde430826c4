"""Predictions beside the albums: what a stopped sorting has predicted is not predicted again."""

import numpy as np
import pytest
from PIL import Image

from peakid.errors import WeightsUnfit
from peakid.serve.albums import journal, kept, photos
from peakid.serve.predictor import Predictor

COLOURS = {"a": (200, 30, 20), "b": (200, 30, 20), "c": (20, 210, 30), "d": (20, 210, 30)}


@pytest.fixture
def folder(tmp_path):
    """Two red photos, then two green ones."""
    made = tmp_path / "photos"
    made.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (30, 20), colour).save(made / f"{name}.png")
    return made


class FailsOnGreen(Predictor):
    def predict_pixels(self, batch):
        if batch[..., 1].mean() > batch[..., 0].mean():
            raise WeightsUnfit("It does not predict.", "Export the run again.")
        return super().predict_pixels(batch)


def test_a_stopped_sorting_goes_on_where_it_was(colour_export, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "BATCH_SIZE", 2)
    out = tmp_path / "albums"
    with pytest.raises(WeightsUnfit):
        kept.predict(FailsOnGreen(colour_export), folder, out)
    found, n_predicted = kept.predict(Predictor(colour_export), folder, out)
    assert (found.paths, n_predicted) == (("a.png", "b.png", "c.png", "d.png"), 2)
    whole, _ = kept.predict(Predictor(colour_export), folder, tmp_path / "new", is_kept=False)
    np.testing.assert_array_equal(found.probabilities, whole.probabilities)
    np.testing.assert_array_equal(found.hashes, whole.hashes)
    assert not (tmp_path / "new").exists()


def test_damaged_predictions_are_made_again(colour_export, folder, tmp_path):
    out, predictor = tmp_path / "albums", Predictor(colour_export)
    kept.predict(predictor, folder, out)
    assert kept.predict(predictor, folder, out)[1] == 0
    (out / journal.KEPT_NAME).write_bytes(b"PK damaged")
    assert kept.predict(predictor, folder, out)[1] == 4


def test_predictions_that_cannot_be_written_do_not_stop_sorting(colour_export, folder, tmp_path):
    (tmp_path / "file").write_text("")  # As a full disk: nothing can be written below it.
    found, n_predicted = kept.predict(Predictor(colour_export), folder, tmp_path / "file" / "albums")
    assert (len(found.paths), n_predicted) == (4, 4)

"""Predictions of a small export without torch, whose class probabilities are the shares of colours."""

import io
import json

import numpy as np
import psutil
import pytest
from PIL import Image

from peakid.errors import BadInput, NotFound, WeightsUnfit
from peakid.evaluate.trust import temperature
from peakid.imaging import pixels
from peakid.serve import predictor as predictor_module
from peakid.serve.predictor import Predictor
from tests import hostile_images


def colour(red, green, blue):
    out = io.BytesIO()
    Image.new("RGB", (20, 10), (red, green, blue)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(colour_export):
    return colour_export


def change_card(folder, **values):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **values}))


def test_classes_are_named_most_probable_first(folder):
    answer = Predictor(folder).predict([colour(50, 100, 10)], top=2)[0]
    assert (answer.label, answer.abstained, answer.error) == ("green", False, None)
    assert answer.confidence == pytest.approx(0.625)  # 100 / (50 + 100 + 10)
    assert [label for label, _ in answer.top] == ["green", "red"]
    assert answer.top[1][1] == pytest.approx(0.3125)  # 50 / 160


def test_below_the_threshold_the_model_abstains_but_ranks_the_classes(folder):
    predictor = Predictor(folder)
    unsure = predictor.predict([colour(50, 100, 10)], threshold=0.63)[0]
    assert (unsure.label, unsure.abstained, unsure.top[0][0]) == (None, True, "green")
    assert not predictor.predict([colour(50, 100, 10)], threshold=0.62)[0].abstained


def test_requesting_more_classes_than_exist_returns_all(folder):
    assert len(Predictor(folder).predict([colour(1, 2, 3)], top=5)[0].top) == 3


def test_an_unreadable_image_has_an_error_and_others_are_predicted(folder):
    answers = Predictor(folder).predict([colour(200, 0, 0), b"no image", b"", colour(0, 0, 200)])
    assert [answer.label for answer in answers] == ["red", None, None, "blue"]
    assert answers[1].error is not None
    assert answers[1].error.reason == "not_an_image"
    assert (str(answers[2].error), answers[2].top, answers[2].confidence) == ("empty: 0 bytes", [], None)


def test_a_hostile_image_has_an_error_and_the_others_are_predicted(folder):
    bomb = hostile_images.png(14_000, 14_000, n_rows=1)  # RGBA: 196 million pixels.
    answers = Predictor(folder).predict([bomb, colour(200, 0, 0)])
    assert (answers[0].error.reason, answers[1].label) == ("too_much_memory", "red")
    assert "14000 x 14000 PNG takes more than 960 MB of memory" in answers[0].error.detail


@pytest.mark.slow
@pytest.mark.slow
def test_images_are_decoded_in_another_process_and_one_that_never_ends_is_an_error(folder):
    predictor, memory = Predictor(folder), psutil.Process().memory_info
    large, before = hostile_images.png(6_000, 6_000, channels=3, value=90), memory().rss  # 108 MB of pixels.
    scans = hostile_images.jpeg_of_scans(3_000, 4_000)
    answers = predictor.predict([large, scans, colour(0, 0, 200)])
    assert [str(answer.error)[:8] for answer in answers] == ["None", "too_slow", "None"]
    assert memory().rss - before < 60e6


def test_an_export_of_the_former_pixels_is_used(folder):
    change_card(folder, pixels_version=1)
    assert Predictor(folder).predict([colour(200, 0, 0)])[0].label == "red"


def test_predictions_keep_their_order_over_many_batches(folder):
    shades = [colour(i, 100, 0) for i in range(1, 81)]
    answers = Predictor(folder).predict(shades, top=3)
    reds = [dict(answer.top)["red"] for answer in answers]
    assert reds == pytest.approx([i / (i + 100) for i in range(1, 81)])
    assert Predictor(folder).predict([]) == []


def test_an_image_is_rotated_upright_before_prediction(folder):
    upright = Image.new("RGB", (30, 10), (250, 5, 5))
    upright.paste((5, 5, 250), (10, 0, 20, 10))  # The middle third, all that a middle crop sees, is blue.
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "PNG", exif=exif)
    assert Predictor(folder).predict([out.getvalue()])[0].label == "blue"


def test_a_folder_without_an_export_is_an_error(tmp_path):
    with pytest.raises(NotFound, match="no export in"):
        Predictor(tmp_path / "nothing")


def test_an_export_without_onnx_is_an_error_that_lists_its_formats(folder):
    change_card(
        folder, files=[{"name": "model.safetensors", "format": "safetensors", "sha256": "", "bytes": 1}]
    )
    with pytest.raises(BadInput, match=r"no ONNX file.*has safetensors.*in the format onnx"):
        Predictor(folder)


def test_a_changed_or_missing_file_is_an_error(folder):
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content + b" ")
    with pytest.raises(WeightsUnfit, match="SHA-256"):
        Predictor(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(NotFound, match="missing"):
        Predictor(folder)
    (folder / "card.json").write_text("{")
    with pytest.raises(WeightsUnfit, match="damaged"):
        Predictor(folder)


def test_an_export_for_other_preprocessing_is_an_error(folder):
    change_card(folder, pixels_version=pixels.VERSION + 1)
    with pytest.raises(BadInput, match="preprocessing"):
        Predictor(folder)


def test_probabilities_of_preprocessed_pixels_are_available(folder):
    batch = np.zeros((2, 8, 8, 3), np.uint8)
    batch[0, ..., 0], batch[1, ..., 2] = 10, 10
    assert Predictor(folder).pred_probs(batch).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_an_export_abstains_below_its_own_threshold_unless_told_otherwise(folder):
    change_card(folder, facts={"threshold": 0.63})
    predictor = Predictor(folder)
    assert predictor.threshold == 0.63
    assert predictor.predict([colour(50, 100, 10)])[0].abstained
    assert not predictor.predict([colour(50, 100, 10)], threshold=0.0)[0].abstained


def test_the_temperature_of_an_export_scales_what_it_predicts(folder):
    photo = colour(50, 100, 10)
    plain = Predictor(folder).predict([photo])[0]
    change_card(folder, facts={"temperature": 2.0})
    scaled = Predictor(folder).predict([photo])[0]
    assert (scaled.label, plain.label) == ("green", "green")
    # Square roots of the shares 5/16, 10/16 and 1/16: 10 ** .5 / (5 ** .5 + 10 ** .5 + 1).
    assert scaled.confidence == pytest.approx(10**0.5 / (5**0.5 + 10**0.5 + 1), abs=1e-6)
    pred_probs = np.array([[0.2, 0.7, 0.1], [1.0, 0.0, 0.0]], dtype=np.float32)
    assert predictor_module.scaled(pred_probs, 1.7) == pytest.approx(temperature.scaled(pred_probs, 1.7))


def test_a_temperature_that_the_file_applies_is_not_applied_again(folder):
    photo = colour(50, 100, 10)
    plain = Predictor(folder).predict([photo])
    change_card(folder, temperature=2.0, facts={"temperature": 1.0})
    assert Predictor(folder).predict([photo]) == plain


@pytest.mark.parametrize("facts", [{"threshold": 1.5}, {"temperature": 0}, {"threshold": "high"}])
def test_a_card_with_an_impossible_threshold_is_refused(folder, facts):
    change_card(folder, facts=facts)
    with pytest.raises(WeightsUnfit, match="card"):
        Predictor(folder)

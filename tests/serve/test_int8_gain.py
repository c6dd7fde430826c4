"""What the int8 file of an export would save is told from its proof, and only where that says so."""

import json

import pytest

from peakid.errors import WeightsUnfit
from peakid.serve import int8_gain
from peakid.serve.int8_gain import Int8Gain

FULL = {"n_images": 53, "agreement": 1, "batch": {"p50_ms": 83.2}}
SMALL = {"n_images": 53, "agreement": 52 / 53, "batch": {"p50_ms": 41.6}, "disagreements": ["not read"]}


@pytest.fixture
def proven(colour_export):
    """Write the figures of a proof into an export: `proven({"onnx": FULL, "onnx-int8": SMALL})`."""

    def write(formats, *, has_file=True):
        card = json.loads((colour_export / "card.json").read_text())
        if has_file:
            card["files"] += [{"name": "model-int8.onnx", "format": "onnx-int8", "sha256": "0" * 64}]
        (colour_export / "card.json").write_text(json.dumps(card | {"figures": {"formats": formats}}))
        return colour_export

    return write


def test_the_gain_is_the_difference_of_the_measured_times(proven):
    export = proven({"onnx": FULL, "onnx-int8": SMALL})
    found = int8_gain.of(export, 5000)
    # 83.2 - 41.6 = 41.6 ms for 32 photos are 1.3 ms for one and 6.5 s for 5,000.
    assert found == Int8Gain(pytest.approx(6.5), n_agreeing=52, n_images=53)
    assert int8_gain.of(export, 3800) is None  # 4.9 s


@pytest.mark.parametrize(
    "formats",
    [
        {},
        {"onnx": FULL},
        {"onnx": FULL, "onnx-int8": {"n_images": 53, "agreement": 1.0}},
        {"onnx": FULL, "onnx-int8": {**SMALL, "batch": None}},
        {"onnx": SMALL, "onnx-int8": FULL},
    ],
    ids=["no proof", "no int8", "no times", "null", "slower"],
)
def test_nothing_is_said_where_the_proof_does_not_say_it(proven, formats):
    assert int8_gain.of(proven(formats), 1_000_000) is None


def test_a_file_that_is_not_there_saves_nothing(proven):
    assert int8_gain.of(proven({"onnx": FULL, "onnx-int8": SMALL}, has_file=False), 1_000_000) is None


def test_figures_that_cannot_be_are_a_damaged_card(proven):
    export = proven({"onnx": FULL, "onnx-int8": {**SMALL, "agreement": 1.5}})
    with pytest.raises(WeightsUnfit, match="damaged"):
        int8_gain.of(export, 5000)

"""The model card: what the Hub reads of it, the confusion matrix, and the warning about people."""

from xml.etree import ElementTree

import numpy as np
import pytest

from peakid.serve.bundle import matrix_picture, model_card
from peakid.serve.bundle.model_card import ClassFacts, ModelFacts

CONFUSION = np.array([[8, 2, 0], [0, 9, 1], [0, 0, 0]])
FACTS = ModelFacts(
    title='Peaks: "a" & b, run 3',
    score="85 % (64-95 %, n = 20)",
    accuracy=0.85,
    test_score="80 % (55-93 %, n = 15); looked at 2 times",
    other_figures={"calibration error (ECE; 0 = calibrated)": "0.041"},
    classes=[ClassFacts(name, 10, 10, 5, "80 %") for name in ("dom", "eiger <1>", "empty")],
    confusion=CONFUSION,
    snapshot="ab" * 32,
    recipe={"arch": "lite0", "base_lr": 0.001},
    weights="efficientnet-lite0-57934424.pth. Licence of these weights: Apache-2.0",
    licences={"CC BY 4.0": 20, "": 15},
    sources={"folder": 35},
    names_people=True,
)


def test_the_hub_reads_its_metadata():
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(model_card.text(FACTS, {}))
    assert card.data.license == "unknown"
    assert card.data.pipeline_tag == "image-classification"
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_split) == ("accuracy", 0.85, "validation")
    assert card.data.model_name == FACTS.title
    assert hub.ModelCard(model_card.text(ModelFacts("x"), {})).data.eval_results is None


def test_it_says_all_that_is_known():
    text = model_card.text(FACTS, {})
    for expected in (
        "85 % (64-95 %, n = 20)",
        "80 % (55-93 %, n = 15); looked at 2 times",
        "calibration error",
        "ab" * 32,
        "Apache-2.0",
        '"base_lr": 0.001',
        "| CC BY 4.0 | 20 |",
        "| folder | 35 |",
        "(confusion_matrix.svg)",
        "| dom | eiger \\<1\\> | 2 of 10 |",
    ):
        assert expected in text
    assert text.index("Recognising people") < text.index("## Figures")
    assert "| empty | dom |" not in text


def test_the_picture_has_each_cell_with_its_number():
    drawn = ElementTree.fromstring(matrix_picture.svg(["dom", "eiger <1>", "empty"], CONFUSION))
    space = "{http://www.w3.org/2000/svg}"
    told = [each.text for each in drawn.iter(f"{space}title")]
    assert "dom predicted as eiger <1>: 2 of 10" in told
    assert len(told) == 1 + np.count_nonzero(CONFUSION)
    assert {"8", "2", "9", "1"} <= {each.text for each in drawn.iter(f"{space}text")}


def test_the_picture_of_many_classes_stays_small():
    rng = np.random.default_rng(0)
    matrix = np.diag(rng.integers(1, 9, 200))
    drawn = matrix_picture.svg([f"class {n} with a rather long name" for n in range(200)], matrix)
    assert len(drawn) < 200_000
    assert int(ElementTree.fromstring(drawn).get("width")) < 2200

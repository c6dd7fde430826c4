import json

import numpy as np
import onnx
import pytest

from peakid.errors import BadInput, NotFound, ParityBroken, UnreadableImage
from peakid.imaging import pixels
from peakid.learn.export import export, proof
from peakid.records import no_report
from tests.learn.conftest import fit_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(colours, tmp_path_factory):
    """A trained run: its folder, its validation images as bytes, and what it predicted for them."""
    folder = tmp_path_factory.mktemp("trained")
    result, _ = fit_in(folder)(colours, arch="squeezenet1_0")
    digests, probabilities = result.pred_probs["valid"]
    return folder / "run", [(digest, colours.read(digest)) for digest in digests], probabilities


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    """The proof and the folder of an export of the run as safetensors and ONNX."""
    folder = tmp_path_factory.mktemp("published") / "out"
    return exported(run, folder), folder


def exported(run, out, formats=("safetensors", "onnx"), images=None, pred_probs=None):
    folder, given, probabilities = run
    return export.export(
        folder,
        formats=formats,
        out=out,
        images=given if images is None else images,
        pred_probs=probabilities if pred_probs is None else pred_probs,
        facts={"run_id": 12, "snapshot": "4f2a91c"},
        report=no_report,
    )


def test_every_format_predicts_what_the_run_predicted_from_the_bytes_on(published):
    proof, folder = published
    assert [file["format"] for file in proof.files] == ["safetensors", "onnx"]
    for parity in proof.parity.values():
        assert (parity["n_images"], parity["agreement"]) == (6, 1.0)
        assert 0 <= parity["max_abs_diff"] < 1e-5
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.onnx", "model.safetensors"]


def test_a_linear_head_is_exported_and_proven_as_any_other_model(colours, fit, tmp_path, pretrained):
    result, _ = fit(colours, method="linear-head", pretrained=pretrained)
    digests, probabilities = result.pred_probs["valid"]
    proof = exported(
        (tmp_path / "run", [(digest, colours.read(digest)) for digest in digests], probabilities),
        tmp_path / "out",
    )
    assert {name: parity["agreement"] for name, parity in proof.parity.items()} == {
        "safetensors": 1.0,
        "onnx": 1.0,
    }
    assert json.loads((tmp_path / "out" / "card.json").read_text())["head"] == "linear"


def test_the_onnx_file_is_one_file_with_its_card_inside(published):
    _, folder = published
    graph = onnx.load(folder / "model.onnx")
    inside = json.loads({entry.key: entry.value for entry in graph.metadata_props}["peakid"])
    assert (inside["class_names"], inside["image_size_px"]) == (["moss", "rust"], 32)
    shape = graph.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_value or "any" for dim in shape] == ["any", 32, 32, 3]
    assert graph.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_the_card_holds_files_proof_preprocessing_and_the_callers_facts(published):
    proof, folder = published
    card = json.loads((folder / "card.json").read_text())
    assert (card["files"], card["parity"]) == (proof.files, proof.parity)
    assert (card["facts"]["run_id"], card["pixels_version"], card["resize"]) == (12, pixels.VERSION, "crop")


@pytest.mark.thorough
def test_nothing_is_published_when_one_prediction_differs(run, tmp_path):
    wrong = run[2].copy()
    wrong[2] += np.array([2e-4, -2e-4], dtype=np.float32)  # Twice the tolerance, first choice unchanged.
    for name in ("safetensors", "onnx"):
        with pytest.raises(ParityBroken, match=f"The {name} file does not predict .* up to 0.0002"):
            exported(run, tmp_path / "out", [name], pred_probs=wrong)
    with pytest.raises(ParityBroken, match=r"agrees on 0\.0 % of 6 images"):
        exported(run, tmp_path / "out", pred_probs=run[2][:, ::-1].copy())
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_other_preprocessing_would_be_noticed(run, tmp_path, draw):
    """Other images stand for other preprocessing: their pixels differ."""
    others = [(digest, draw(i)) for i, (digest, _) in enumerate(run[1])]
    with pytest.raises(ParityBroken):
        exported(run, tmp_path / "out", ["safetensors"], images=others)


def test_a_tie_between_two_classes_is_no_disagreement():
    expected = np.array([[0.5, 0.5], [0.9, 0.1]], dtype=np.float32)
    given = np.array([[0.49999, 0.50001], [0.9, 0.1]], dtype=np.float32)
    assert proof.parity_of("onnx", given, expected)["agreement"] == 1.0


def test_probabilities_that_are_no_number_are_refused():
    with pytest.raises(ParityBroken):
        proof.parity_of("onnx", np.array([[np.nan, 0.5]]), np.array([[0.5, 0.5]]))


def test_a_proof_needs_every_image(run, tmp_path):
    for images in ([], run[1][:-1]):
        with pytest.raises(ParityBroken, match="of 6 validation images could be compared"):
            exported(run, tmp_path / "out", ["safetensors"], images=images)
    with pytest.raises(UnreadableImage):
        exported(run, tmp_path / "out", ["safetensors"], images=[("a", b"noise")] * 6)
    assert not (tmp_path / "out").exists()


def test_bad_requests_are_one_clear_line(run, tmp_path):
    with pytest.raises(
        BadInput, match=r"no export format 'tflite'. Available are: safetensors, onnx, onnx-int8, pt2"
    ):
        exported(run, tmp_path / "out", ["onnx", "tflite"])
    with pytest.raises(BadInput, match="No export format was given"):
        exported(run, tmp_path / "out", [])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(BadInput, match="never overwrites"):
        exported(run, tmp_path / "full")
    with pytest.raises(NotFound, match="no trained model"):
        exported((tmp_path / "nothing", *run[1:]), tmp_path / "out")

"""Exports made by others: a card or a model that does not fit is one error, never a traceback."""

import hashlib
import json
import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from peakid.errors import WeightsUnfit
from peakid.serve import opening
from peakid.serve.predictor import Predictor
from tests import damaged_values


@pytest.fixture
def folder(colour_export):
    return colour_export


def card(folder):
    return json.loads((folder / "card.json").read_text())


def change_card(folder, **values):
    (folder / "card.json").write_text(json.dumps({**card(folder), **values}))


def put_model(folder, content: bytes):
    """Replace the model's file, with the digest in the card."""
    (folder / "model.onnx").write_bytes(content)
    file = {**card(folder)["files"][0], "sha256": hashlib.sha256(content).hexdigest()}
    change_card(folder, files=[file])


def model(nodes, *, size=8, n_classes=3, kind=TensorProto.UINT8, name="pixels", constants=()):
    taken = helper.make_tensor_value_info(name, kind, ["batch", size, size, 3])
    given = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", n_classes])
    graph = helper.make_graph(nodes, "g", [taken], [given], list(constants))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return made.SerializeToString()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("image_size_px", each) for each in (-1, 0, 60_000, 8.5, "8", None, True, 10**400)),
        *(("resize", each) for each in ("zzz", "", None, 1, ["crop"])),
        *(
            ("class_names", each)
            for each in ([], "red", ["red", "red", "blue"], ["red", 1, None], [""], None)
        ),
        *(("pixels_version", each) for each in ("1", None, [])),
        *(("files", each) for each in ({}, [1], [{"name": "model.onnx"}], [{}], "model.onnx")),
    ],
)
def test_a_value_of_a_card_that_does_not_fit_is_named(folder, key, value):
    change_card(folder, **{key: value})
    with pytest.raises(WeightsUnfit, match=rf"card\.json is damaged: {key}.* does not fit") as raised:
        Predictor(folder)
    assert raised.value.remedy == "Export the run again."
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("key", ["class_names", "image_size_px", "resize", "pixels_version", "files"])
def test_a_missing_key_of_a_card_is_named(folder, key):
    document = card(folder)
    del document[key]
    (folder / "card.json").write_text(json.dumps(document))
    with pytest.raises(WeightsUnfit, match=f"{key} = nothing does not fit: field required"):
        Predictor(folder)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/hostname", "", "..", "a\x00b", "sub/model.onnx"])
def test_a_card_names_no_file_outside_its_folder(folder, name):
    change_card(folder, files=[{"name": name, "format": "onnx", "sha256": "", "bytes": 1}])
    with pytest.raises(WeightsUnfit, match=r"files\.0\.name .*the same folder"):
        Predictor(folder)


@pytest.mark.parametrize(
    "content", [b"[]", b"1", b'"card"', b"\xff\xfe{\x00}\x00", b"[" * 100_000, b"1" * 6000, b"{}", b""]
)
def test_a_card_that_is_no_document_is_an_error(folder, content):
    (folder / "card.json").write_bytes(content)
    with pytest.raises(WeightsUnfit, match=r"card\.json is damaged"):
        Predictor(folder)


@pytest.mark.parametrize("name", ["card.json", "model.onnx"])
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_pipe_or_a_folder_is_not_read(folder, name, kind):
    (folder / name).unlink()
    (os.mkfifo if kind == "pipe" else os.mkdir)(folder / name)
    with pytest.raises(WeightsUnfit, match="not a regular file"):
        Predictor(folder)


def test_no_change_of_a_card_is_a_traceback(folder):
    rng = np.random.default_rng(20)
    document = card(folder) | {"mean": [0.5, 0.5, 0.5], "facts": {"run": 1}}
    errors = []
    for n in range(300):
        (folder / "card.json").write_bytes(damaged_values.damaged_text(document, rng))
        read = (lambda: Predictor(folder)) if n % 20 == 0 else (lambda: opening.card(folder))
        errors.append(damaged_values.refusal(read))
    refused = [error for error in errors if error]
    assert len(refused) > 150
    assert [error for error in refused if not damaged_values.is_plain(error)] == []


def foreign_operation():
    return model([helper.make_node("Hostile", ["pixels"], ["probabilities"], domain="some.where")])


def weights_elsewhere():
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [3, 3], bytes(36), raw=True)
    onnx.external_data_helper.set_external_data(tensor, location="../../secret.bin")
    tensor.ClearField("raw_data")
    return model([helper.make_node("Identity", ["w"], ["probabilities"])], constants=[tensor])


def weights_elsewhere_in_a_branch():
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [3, 3], bytes(36), raw=True)
    onnx.external_data_helper.set_external_data(tensor, location="/etc/hostname")
    given = helper.make_tensor_value_info("out", TensorProto.FLOAT, [3, 3])
    branch = helper.make_graph([helper.make_node("Identity", ["w"], ["out"])], "b", [], [given], [tensor])
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    node = helper.make_node("If", ["c"], ["probabilities"], then_branch=branch, else_branch=branch)
    return model([node], constants=[condition])


CAST = helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT)
MEANS = [
    CAST,
    helper.make_node("ReduceMean", ["floats", "axes"], ["probabilities"], keepdims=0),
]
AXES = helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2])
HALF = [helper.make_node("Div", ["means", "means"], ["probabilities"])]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: b"no model", "not an ONNX file"),
        (lambda: b"", "refuses it|not an ONNX file"),
        (foreign_operation, "ONNX Runtime refuses it"),
        (weights_elsewhere, r"another file, '../../secret.bin'"),
        (weights_elsewhere_in_a_branch, r"another file, '/etc/hostname'"),
        (lambda: model(MEANS, size=16, constants=[AXES]), r"card has pixels of \(images, 8, 8, 3\)"),
        (lambda: model(MEANS, kind=TensorProto.INT8, constants=[AXES]), "it takes pixels of tensor"),
    ],
)
def test_a_model_that_cannot_be_used_is_an_error_with_the_reason(folder, made, reason):
    put_model(folder, made())
    with pytest.raises(WeightsUnfit, match=rf"model\.onnx cannot be used: .*({reason})"):
        Predictor(folder)


def test_a_model_of_other_classes_than_its_card_is_an_error(folder):
    change_card(folder, class_names=["red", "green", "blue", "grey"])
    with pytest.raises(WeightsUnfit, match="but its card names 4 classes"):
        Predictor(folder)


def test_a_cut_model_is_an_error(folder):
    content = (folder / "model.onnx").read_bytes()
    for n_bytes in range(0, len(content), 20):
        put_model(folder, content[:n_bytes])
        with pytest.raises(WeightsUnfit):
            Predictor(folder)


def test_probabilities_that_are_not_numbers_are_an_error(folder):
    nodes = [CAST, helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0), *HALF]
    put_model(folder, model(nodes, constants=[AXES]))
    predictor = Predictor(folder)
    with pytest.raises(WeightsUnfit, match="not numbers"):
        predictor.pred_probs(np.zeros((1, 8, 8, 3), np.uint8))  # 0 / 0


def test_no_change_of_a_model_is_a_traceback(folder):
    rng = np.random.default_rng(21)
    content = (folder / "model.onnx").read_bytes()
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), rng.integers(1, 6)):
            damaged[at] = rng.integers(256)
        put_model(folder, bytes(damaged))
        error = damaged_values.refusal(
            lambda: Predictor(folder).pred_probs(np.full((2, 8, 8, 3), 9, np.uint8))
        )
        assert error is None or "cannot be used" in error.message


def test_the_command_reports_a_damaged_card_in_one_line(peakid, folder, tmp_path, draw):
    (tmp_path / "photo.jpg").write_bytes(draw())
    change_card(folder, resize="zzz")
    answer = peakid("predict", folder, tmp_path / "photo.jpg")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "resize = zzz does not fit" in answer.err

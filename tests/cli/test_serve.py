"""The predict command. The predictor itself is tested in tests/serve."""

import hashlib
import json
import os

import onnx
import pytest
from onnx import TensorProto, helper

from peakid.imaging import pixels
from peakid.store.evaluation import operating_points


@pytest.fixture
def folder(tmp_path):
    """An export of two classes that predicts .25 and .75 for every image of 8 px."""
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    shares = helper.make_tensor("shares", TensorProto.FLOAT, [2], [0.25, 0.75])
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("ReduceMean", ["means", "last"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "shares"], ["probabilities"]),
    ]
    axes = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
    ]
    taken = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 8, 8, 3])
    given = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph(nodes, "constant", [taken], [given], [zero, shares, *axes])
    out = tmp_path / "export"
    out.mkdir()
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        out / "model.onnx",
    )
    sha256 = hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()
    files = [{"name": "model.onnx", "format": "onnx", "sha256": sha256, "bytes": 1}]
    card = {
        "class_names": ["dom", "eiger"],
        "image_size_px": 8,
        "resize": "crop",
        "pixels_version": pixels.VERSION,
        "files": files,
    }
    (out / "card.json").write_text(json.dumps(card))
    return out


@pytest.fixture
def photo(tmp_path, draw):
    (tmp_path / "photo.jpg").write_bytes(draw())
    return tmp_path / "photo.jpg"


def test_predict_keeps_its_json(peakid, folder, photo):
    assert peakid("predict", folder, photo, "--json").json == [
        {
            "path": str(photo),
            "label": "eiger",
            "confidence": 0.75,
            "abstained": False,
            "top": [{"label": "eiger", "probability": 0.75}, {"label": "dom", "probability": 0.25}],
            "is_unfamiliar": False,
            "distance": None,
        }
    ]
    assert "eiger  [eiger 75 %]" in peakid("predict", folder, photo, "--top", 1).out
    assert peakid("predict", folder, photo, "--threshold", 0.8, "--json").json[0]["abstained"]


def test_an_unreadable_image_is_a_line_on_stderr_and_the_others_are_predicted(
    peakid, folder, photo, tmp_path
):
    (tmp_path / "text.jpg").write_text("no image")
    answer = peakid("predict", folder, tmp_path / "text.jpg", tmp_path / "gone.jpg", photo, "--json")
    assert (answer.code, [row["label"] for row in answer.json]) == (0, [None, None, "eiger"])
    assert "text.jpg: not_an_image: " in answer.err
    assert "gone.jpg: cannot be read: No such file or directory" in answer.err


def test_a_pipe_and_a_device_are_no_images(peakid, folder, photo, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    answer = peakid("predict", folder, tmp_path / "pipe.jpg", "/dev/zero", photo, "--json")
    assert [row.get("error") for row in answer.json] == ["cannot be read: not a regular file"] * 2 + [None]


def test_no_readable_image_at_all_is_an_error(peakid, folder, tmp_path):
    answer = peakid("predict", folder, tmp_path / "gone.jpg", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert json.loads(answer.err)["message"].endswith("gone.jpg: cannot be read: No such file or directory.")


def test_a_folder_without_an_export_is_an_error(peakid, photo, tmp_path):
    answer = peakid("predict", tmp_path / "nothing", photo)
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert "There is no export in" in answer.err


@pytest.mark.slow
def test_a_run_is_asked_as_an_export_is(peakid, workspace, frozen, tmp_path):
    from tests import planted_models  # It loads torch.

    run_id = planted_models.plant(workspace, frozen)
    photos = [tmp_path / "marked.png", tmp_path / "gone.png", tmp_path / "plain.png"]
    for path, is_marked in ((photos[0], True), (photos[2], False)):
        path.write_bytes(planted_models.photo(1, is_marked=is_marked))
    rows = peakid("predict", f"run:{run_id}", *photos, "--json").json
    assert [row["label"] for row in rows] == ["sea", None, "river"]
    named = {"path", "label", "confidence", "abstained", "top", "is_unfamiliar", "distance"}
    assert set(rows[0]) == named
    assert rows[1]["error"] == "cannot be read: No such file or directory"
    assert peakid("predict", "--run", run_id, *photos, "--json").json == rows
    operating_points.put(workspace, run_id, threshold=1.0, actor="human:anna")
    assert peakid("predict", "--run", run_id, photos[2], "--json").json[0]["abstained"]


def test_a_run_that_is_not_there_and_a_missing_image_are_one_clear_line(peakid, workspace, photo):
    assert "There is no run 7" in peakid("predict", "run:7", photo).err
    answer = peakid("predict", "7")
    assert (answer.code, "No image was given." in answer.err) == (1, True)

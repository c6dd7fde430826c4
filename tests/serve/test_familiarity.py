"""A photo that looks like nothing the model learned is named so, by every way to predict."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from peakid.errors import NotFound, WeightsUnfit
from peakid.serve.albums import kept, plan
from peakid.serve.albums.plan import AlbumRules
from peakid.serve.http import app
from peakid.serve.predictor import Predictor
from tests import familiar_export
from tests.familiar_export import photo

RED, GREY = (200, 10, 10), (120, 120, 120)


@pytest.fixture
def folder(colour_export: Path) -> Path:
    familiar_export.add_reference(colour_export)
    return colour_export


def test_a_grey_photo_is_unfamiliar_to_a_model_of_pure_colours(folder: Path) -> None:
    red, unread, grey = Predictor(folder).predict([photo(*RED), b"no image", photo(*GREY)])
    assert (red.label, red.is_unfamiliar) == ("red", False)
    assert red.distance is not None
    assert red.distance < 1
    assert (grey.is_unfamiliar, grey.distance, grey.abstained) == (True, 1.0, False)
    assert (unread.is_unfamiliar, unread.distance) == (False, None)
    assert grey.to_json()["is_unfamiliar"] is True


def test_an_export_without_reference_calls_nothing_unfamiliar(colour_export: Path) -> None:
    [grey] = Predictor(colour_export).predict([photo(*GREY)])
    assert (grey.is_unfamiliar, grey.distance) == (False, None)


def test_the_reference_does_not_change_the_probabilities(folder: Path, tmp_path: Path) -> None:
    with_reference = Predictor(folder).predict([photo(*RED)])[0].top
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"files": card["files"][:1]}))
    assert Predictor(folder).predict([photo(*RED)])[0].top == with_reference


def test_the_server_tells_it_in_predict_and_not_in_the_earlier_shapes(folder: Path) -> None:
    with TestClient(app.build(folder), base_url="http://localhost:8600") as client:
        files = [("file", (name, photo(*colour))) for name, colour in (("red", RED), ("grey", GREY))]
        found = client.post("/predict", files=files).json()["predictions"]
        assert [each["is_unfamiliar"] for each in found] == [False, True]
        assert found[1]["distance"] == 1.0
        earlier = client.post("/upload", files={"file": photo(*GREY)}).json()
        assert set(earlier) == {"prediction", "probabilities"}


def test_unfamiliar_photos_are_sorted_into_other_if_wished(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name, colour in (("a", RED), ("b", GREY)):
        (tmp_path / "photos" / f"{name}.png").write_bytes(photo(*colour))
    found, _ = kept.predict(Predictor(folder), tmp_path / "photos", tmp_path / "out", is_kept=False)
    for wished, expected in ((False, ["red", "red"]), (True, ["red", "other"])):
        rules = AlbumRules(others_unfamiliar=wished)
        assert [each.album for each in plan.make(found, rules).placements] == expected


def test_a_reference_that_is_missing_damaged_or_of_another_model_is_refused(
    folder: Path, change: Callable[[str, object], None]
) -> None:
    file = folder / "familiar.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(WeightsUnfit, match=r"familiar\.safetensors has the SHA-256"):
        Predictor(folder)
    file.write_bytes(b"nothing")
    change("familiar", familiar_export.listed(file, "familiar"))
    with pytest.raises(WeightsUnfit, match=r"familiar\.safetensors cannot be used"):
        Predictor(folder)
    file.unlink()
    with pytest.raises(NotFound, match=r"familiar\.safetensors is missing"):
        Predictor(folder)


def test_a_reference_for_a_model_without_embeddings_is_refused(
    colour_export: Path, change: Callable[[str, object], None]
) -> None:
    before = (colour_export / "model.onnx").read_bytes()
    familiar_export.add_reference(colour_export)
    (colour_export / "model.onnx").write_bytes(before)
    change("onnx", familiar_export.listed(colour_export / "model.onnx", "onnx"))
    with pytest.raises(WeightsUnfit, match="embeddings of 3 numbers, and the model gives none"):
        Predictor(colour_export)


@pytest.fixture
def change(colour_export: Path) -> Callable[[str, object], None]:
    """Replace the entry of a format in the list of files of the card."""

    def changed(name: str, entry: object) -> None:
        card = json.loads((colour_export / "card.json").read_text())
        card["files"] = [entry if each["format"] == name else each for each in card["files"]]
        (colour_export / "card.json").write_text(json.dumps(card))

    return changed

"""The proof of an export compares every image, in order, within a tolerance; without training a model."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peakid.errors import BadInput, ParityBroken
from peakid.imaging import pixels
from peakid.learn.export import export, proof
from peakid.learn.export.proof import CHUNK, TOLERANCE
from peakid.learn.network.model import Card
from peakid.records import no_report

N = 2 * CHUNK + 3
CARD = Card(
    arch="small_resnet",
    class_names=["moss", "rust"],
    image_size_px=16,
    resize="crop",
    mean=(0.5, 0.5, 0.5),
    std=(0.2, 0.2, 0.2),
    pixels_version=pixels.VERSION,
    recipe={},
    pretrained="none",
    libraries={},
)


def brightness(batch: np.ndarray) -> np.ndarray:
    """Predict the share of white as the second class: uint8 (n, S, S, 3) to float32 (n, 2)."""
    white = batch.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    return np.stack([1 - white, white], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def photos() -> list[tuple[str, bytes]]:
    found = []
    for n in range(N):
        out = io.BytesIO()
        Image.new("RGB", (16, 16), (n, n, n)).save(out, "PNG")
        found.append((str(n), out.getvalue()))
    return found


def expected(photos: list[tuple[str, bytes]]) -> np.ndarray:
    return brightness(np.stack([pixels.preprocess(data, size_px=16, resize="crop") for _, data in photos]))


def proven(photos: list[tuple[str, bytes]], pred_probs: np.ndarray, report=no_report) -> dict:
    return proof.prove({"onnx": brightness}, CARD, iter(photos), pred_probs, report)


def test_every_image_is_compared_in_its_order_chunk_by_chunk(photos: list[tuple[str, bytes]]) -> None:
    told: list[tuple[object, ...]] = []
    found = proven(photos, expected(photos), lambda *said: told.append(said))
    assert found == {"onnx": {"n_images": N, "max_abs_diff": 0.0, "agreement": 1.0}}
    counted = [(n, N, f"{n} of {N} validation images") for n in (CHUNK, 2 * CHUNK, N)]
    assert told == [("Checking the export", *each) for each in counted]
    with pytest.raises(ParityBroken):
        proven(photos, expected(photos)[::-1])


@pytest.mark.parametrize("n", [0, CHUNK, N - 1])
def test_an_image_that_is_missing_ends_the_proof(photos: list[tuple[str, bytes]], n: int) -> None:
    with pytest.raises(ParityBroken, match=f"Only {n} of {N} validation images could be compared"):
        proven(photos[:n], expected(photos))


def test_a_proof_on_no_images_is_none(photos: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ParityBroken, match="Only 0 of 0"):
        proven([], expected(photos)[:0])


@pytest.mark.parametrize("n", [1, CHUNK])
def test_an_image_too_many_ends_the_proof(photos: list[tuple[str, bytes]], n: int) -> None:
    with pytest.raises(BadInput, match=f"more images than the {n} predictions"):
        proven(photos, expected(photos)[:n])


def shifted(by: float) -> tuple[np.ndarray, np.ndarray]:
    """What a run predicted for four images, and the same with one probability moved by `by`."""
    run = np.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.0, 1.0]])
    given = run.copy()
    given[1] += (by, -by)
    return given, run


@pytest.mark.parametrize("by", [0.0, 0.9 * TOLERANCE, -0.9 * TOLERANCE])
def test_a_difference_within_the_tolerance_is_proven_and_told(by: float) -> None:
    parity = proof.parity_of("onnx", *shifted(by))
    assert (parity["n_images"], parity["agreement"]) == (4, 1.0)
    assert parity["max_abs_diff"] == pytest.approx(abs(by))


@pytest.mark.parametrize("by", [1.1 * TOLERANCE, -1.1 * TOLERANCE])
def test_a_difference_over_the_tolerance_is_refused_although_the_first_choices_agree(by: float) -> None:
    with pytest.raises(ParityBroken, match=r"up to 0\.00011 .*agrees on 100\.0% of 4 images"):
        proof.parity_of("onnx", *shifted(by))


def test_the_share_of_equal_first_choices_is_told() -> None:
    with pytest.raises(ParityBroken, match=r"up to 0\.6 .*agrees on 75\.0% of 4 images"):
        proof.parity_of("onnx", *shifted(0.6))


def test_two_choices_within_the_tolerance_of_each_other_are_the_same() -> None:
    near, far = 0.4 * TOLERANCE, 0.6 * TOLERANCE
    for gap, share in ((near, "100.0%"), (far, "0.0%")):
        run = np.array([[0.5 + gap, 0.5 - gap]])
        with pytest.raises(ParityBroken, match=f"agrees on {share} of 1 images"):
            proof.parity_of("onnx", np.array([[0.4, 0.6]]), run)


def test_formats_are_written_in_one_order_into_a_new_or_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "new", tmp_path / "empty"):
        assert export._checked(["onnx", "safetensors"], out) == ["safetensors", "onnx"]
        assert export._checked(["onnx"], out) == ["onnx"]
    (tmp_path / "file").touch()
    (tmp_path / "empty" / "note.txt").touch()
    for out in (tmp_path / "file", tmp_path / "empty"):
        with pytest.raises(BadInput, match="never overwrites"):
            export._checked(["onnx"], out)
    for formats, problem in ((["tflite"], "no export format 'tflite'"), ([], "No export format was given")):
        with pytest.raises(BadInput, match=problem):
            export._checked(formats, tmp_path / "new")


def test_a_card_lists_its_files_with_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"abc")
    assert export._listed(tmp_path / "model.onnx", "onnx") == {
        "name": "model.onnx",
        "format": "onnx",
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-2, B.1
        "bytes": 3,
    }

"""The proof of an export compares every image within a tolerance and names those that differ; no training."""

from pathlib import Path

import numpy as np
import pytest

from peakid.errors import BadInput, ParityBroken
from peakid.learn.export import export, proof
from peakid.learn.export.proof import TOLERANCE, Compared


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
    with pytest.raises(ParityBroken, match=r"up to 0\.00011 .*agrees on 100\.0 % of 4 images"):
        proof.parity_of("onnx", *shifted(by))


def test_the_share_of_equal_first_choices_is_told() -> None:
    with pytest.raises(ParityBroken, match=r"up to 0\.6 .*agrees on 75\.0 % of 4 images"):
        proof.parity_of("onnx", *shifted(0.6))


def test_two_choices_within_the_tolerance_of_each_other_are_the_same() -> None:
    near, far = 0.4 * TOLERANCE, 0.6 * TOLERANCE
    for gap, share in ((near, "100.0 %"), (far, "0.0 %")):
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


def four_images(n_moss: int = 2) -> Compared:
    return Compared(
        [f"{letter * 64}" for letter in "abcd"], ["moss"] * n_moss + ["rust"] * (4 - n_moss), ["moss", "rust"]
    )


RUN = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]], dtype=np.float32)


def test_a_mismatch_is_located_by_digest_class_and_first_choice() -> None:
    given = RUN.copy()
    given[1] = (0.25, 0.75)
    given[3] = (0.11, 0.89)
    with pytest.raises(ParityBroken) as raised:
        proof.figures_of("onnx", given, RUN, four_images())
    text = raised.value.message
    assert "2 images differ; most of all bbbbbbbbbbbb (moss): moss 0.8000 by the run, rust 0.7500 by" in text
    assert text.index("bbbbbbbbbbbb") < text.index("dddddddddddd (rust)")
    assert text.endswith("Nothing was published.")


def test_the_figures_count_right_images_with_an_interval() -> None:
    figures = proof.figures_of("onnx", RUN, RUN, four_images(n_moss=3))
    assert (figures.n_right, figures.accuracy, figures.disagreements) == (3, 0.75, ())
    assert figures.accuracy_interval == pytest.approx((0.3006, 0.9544), abs=1e-4)  # Wilson, 3 of 4.


def test_int8_may_differ_and_its_disagreements_are_listed() -> None:
    given = RUN.copy()
    given[2] = (0.52, 0.48)
    figures = proof.figures_of("onnx-int8", given, RUN, four_images())
    assert (figures.agreement, figures.n_right) == (0.75, 3)
    [found] = figures.disagreements
    assert (found.digest, found.given_label, found.run_label, found.file_label) == (
        *("c" * 64, "rust", "rust", "moss"),
    )
    assert (found.run_confidence, found.file_confidence) == pytest.approx((0.7, 0.52))


@pytest.mark.parametrize(("n_lost", "is_refused"), [(1, False), (2, False), (3, True)])
def test_int8_is_refused_when_it_loses_more_than_two_in_a_hundred(n_lost: int, is_refused: bool) -> None:
    run = np.tile(np.array([[0.9, 0.1]], dtype=np.float32), (100, 1))
    given = run.copy()
    given[:n_lost] = (0.4, 0.6)
    for labels in (["moss"] * 100, []):  # Without labels, what the run predicts counts as right.
        images = Compared([f"{n}" for n in range(100)], labels, ["moss", "rust"])
        if is_refused:
            with pytest.raises(ParityBroken, match=r"from 100\.0 % to 97\.0 %\. Nothing") as raised:
                proof.figures_of("onnx-int8", given, run, images)
            assert "Export without the format onnx-int8" in raised.value.remedy
        else:
            assert len(proof.figures_of("onnx-int8", given, run, images).disagreements) == n_lost


def test_int8_that_gives_no_numbers_is_refused() -> None:
    with pytest.raises(ParityBroken, match="onnx-int8 file does not predict"):
        proof.figures_of("onnx-int8", RUN * np.nan, RUN, four_images())

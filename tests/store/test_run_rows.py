"""Starting weights and warnings are stored as JSON; sentences of earlier versions are still read."""

import json

import pytest

from peakid.run_records import RunWarning, StartingWeights
from peakid.store import run_rows

SHA256 = "f37072fd" + 56 * "0"


@pytest.mark.parametrize(
    "weights",
    [
        StartingWeights("random", note="requested"),
        StartingWeights("imagenet", "resnet18-f37072fd.pth", SHA256, note="downloaded"),
        StartingWeights("file", "my weights.pth", SHA256),
        StartingWeights("run", "model.safetensors", SHA256, run_id=7),
    ],
)
def test_starting_weights_are_the_same_after_a_round_trip(weights):
    assert run_rows.starting_weights(run_rows.weights_json(weights)) == weights


def test_a_run_that_has_not_ended_has_no_starting_weights():
    assert run_rows.weights_json(None) == ""
    assert run_rows.starting_weights("") is None


@pytest.mark.parametrize(
    ("sentence", "weights"),
    [
        ("none: random weights (asked for)", StartingWeights("random", note="requested")),
        ("none: random weights (not found, offline)", StartingWeights("random", note="not found, offline")),
        (
            "none: random weights (there are none for small_resnet)",
            StartingWeights("random", note="no published weights for small_resnet"),
        ),
        ("none", StartingWeights("random")),
        (
            "file resnet18-f37072fd.pth sha256 f37072fd",
            StartingWeights("imagenet", "resnet18-f37072fd.pth", "f37072fd"),
        ),
        (
            "download mobilenet_v2-7ebf99e0.pth sha256 7ebf99e0",
            StartingWeights("imagenet", "mobilenet_v2-7ebf99e0.pth", "7ebf99e0", note="downloaded"),
        ),
        (
            "file resnet10t.c3_in1k.safetensors sha256 00a1b2c3",
            StartingWeights("imagenet", "resnet10t.c3_in1k.safetensors", "00a1b2c3"),
        ),
        ("file my weights.pth sha256 0badcafe", StartingWeights("file", "my weights.pth", "0badcafe")),
    ],
)
def test_a_sentence_of_an_earlier_version_gives_the_right_kind(sentence, weights):
    assert run_rows.starting_weights(sentence, requested="auto") == weights


def test_an_earlier_run_that_continued_another_one_is_known_by_its_recipe():
    sentence = "file model.safetensors sha256 0123abcd"
    weights = run_rows.starting_weights(sentence, requested="run:3")
    assert weights == StartingWeights("run", "model.safetensors", "0123abcd", run_id=3)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (StartingWeights("random", note="not found, offline"), "random weights (not found, offline)"),
        (
            StartingWeights("run", "model.safetensors", SHA256, run_id=7),
            "the model of run 7 (SHA-256 f37072fd)",
        ),
        (
            StartingWeights("imagenet", "resnet18-f37072fd.pth", SHA256),
            "ImageNet weights (resnet18-f37072fd.pth, SHA-256 f37072fd)",
        ),
    ],
)
def test_starting_weights_are_one_short_text_for_people(weights, text):
    assert weights.text() == text


def test_warnings_are_the_same_after_a_round_trip_and_earlier_sentences_are_still_read():
    warnings = [RunWarning("collapsed", "It collapsed."), RunWarning("pixel_cache", "The disk is full.")]
    assert [run_rows.warning(each) for each in json.loads(run_rows.warnings_json(warnings))] == warnings
    collapsed = "The model collapsed: it answers the same class for every valid image. Lower base_lr."
    assert run_rows.warning(collapsed) == RunWarning("collapsed", collapsed)
    assert run_rows.warning("Few images.") == RunWarning("other", "Few images.")

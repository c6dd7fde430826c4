"""Test-time augmentation: which views there are, what they show, and how predictions are averaged."""

import numpy as np
import pytest
import torch

from peakid.errors import BadInput, ParityBroken, UnreadableImage
from peakid.learn import start, tta
from peakid.learn.batches.data import Stopped
from peakid.recipe import tta_views
from peakid.recipe.tta_views import TtaView
from peakid.records import no_report


def test_no_view_is_mirrored_where_left_and_right_tell_classes_apart():
    assert not any(
        each.is_mirrored for each in tta_views.of(tta_views.most(is_mirrored=False), is_mirrored=False)
    )
    assert any(each.is_mirrored for each in tta_views.of(tta_views.DEFAULT, is_mirrored=True))


@pytest.mark.parametrize("is_mirrored", [True, False])
def test_all_views_differ_from_each_other_and_from_the_plain_image(is_mirrored):
    every = [TtaView(), *tta_views.of(tta_views.most(is_mirrored=is_mirrored), is_mirrored=is_mirrored)]
    assert len(set(every)) == len(every)
    assert tta_views.most(is_mirrored=False) == 5  # Closer at the centre and at four corners.
    assert tta_views.most(is_mirrored=True) == 11  # Those six, the plain image among them, mirrored or not.


@pytest.mark.parametrize("n", [0, 6])
def test_more_views_than_there_are_is_refused_with_their_number(n):
    with pytest.raises(
        BadInput,
        match=rf"views={n}: test-time augmentation takes 1 to 5 views .*is_mirrored=false.*default is 4",
    ):
        tta_views.of(n, is_mirrored=False)


def test_a_mirrored_view_turns_left_to_right_and_nothing_else():
    batch = np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3)
    assert np.array_equal(tta.transformed(batch, TtaView(is_mirrored=True)), batch[:, :, ::-1])
    assert np.array_equal(tta.transformed(batch, TtaView()), batch)


def test_a_corner_view_shows_that_corner_at_full_size():
    batch = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    batch[:, :4, :4] = 200  # The upper left quarter.
    assert (tta.transformed(batch, TtaView(2.0, 0.0, 0.0)) == 200).all()
    assert (tta.transformed(batch, TtaView(2.0, 1.0, 1.0)) == 0).all()
    shown = tta.transformed(
        batch, TtaView(2.0, 0.0, 0.5)
    )  # Rows 0..3, columns 2..5: light to the left, dark to the right.
    assert (shown.shape, shown.dtype) == ((1, 8, 8, 3), np.uint8)
    assert (shown[0, :, 0] == 200).all()
    assert (shown[0, :, -1] == 0).all()


def test_probabilities_are_averaged_with_equal_weight_and_stay_probabilities():
    plain, mirrored, closer = (
        np.array([row], dtype=np.float32) for row in ([0.9, 0.1], [0.3, 0.7], [0.6, 0.4])
    )
    mean = tta.average(plain, iter([mirrored, closer]))
    assert mean == pytest.approx(np.array([[0.6, 0.4]]))  # (.9 + .3 + .6) / 3
    assert mean.dtype == np.float32


@pytest.fixture
def run(colours, fit, tmp_path):
    result, _ = fit(colours)
    return tmp_path / "run", *result.pred_probs["valid"]


def options(colours, **changed):
    named = {
        "views": tta_views.of(3, is_mirrored=True),
        "read": colours.read,
        "device": start.find_device("cpu"),
        "report": no_report,
    }
    return {**named, "should_stop": lambda: False, **changed}


@pytest.mark.slow
def test_a_runs_answers_are_averaged_the_same_each_time_and_only_over_its_own_model(run, colours):
    folder, digests, plain = run
    first, again = (tta.pred_probs(folder, digests, expected=plain, **options(colours)) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.sum(axis=1) == pytest.approx(np.ones(len(digests)))
    assert np.abs(first - plain).max() > 0
    with pytest.raises(ParityBroken, match="does not predict what it predicted when it was trained"):
        tta.pred_probs(folder, digests, expected=plain + 0.01, **options(colours))


@pytest.mark.slow
def test_a_stop_and_an_unreadable_image_are_errors(run, colours):
    folder, digests, plain = run
    with pytest.raises(Stopped):
        tta.pred_probs(folder, digests, expected=plain, **options(colours, should_stop=lambda: True))
    with pytest.raises(UnreadableImage, match="Image image-8 cannot be decoded"):
        tta.pred_probs(
            folder, ["image-8"], expected=plain[:1], **options(colours, read=lambda digest: b"no image")
        )
    assert torch.is_grad_enabled()

import random

import pytest
import torch
from fastai.torch_core import TensorImage
from fastai.vision import augment as fastai_augment
from fasttransform import Pipeline

from peakid.learn.batches.augment import MAX_LIGHT, MAX_TURN_DEG, MAX_ZOOM, RandomChanges

CPU = torch.device("cpu")


def wave(n, size):
    """A smooth picture with another one in each channel, 0..1."""
    y, x = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    one = torch.stack([x, y, (x + 2 * y).sin() / 2 + 0.4])
    return TensorImage(one.expand(n, 3, size, size).clone())


def fastai_of(strength, **settings):
    zoom = 1 + (MAX_ZOOM - 1) * strength
    changes = fastai_augment.aug_transforms(
        mult=strength,
        max_rotate=MAX_TURN_DEG,
        max_zoom=zoom,
        max_lighting=MAX_LIGHT,
        max_warp=0.0,
        size=32,
        **settings,
    )
    pipeline = Pipeline(changes)
    pipeline.split_idx = 0
    return pipeline


def test_changes_are_drawn_as_often_and_as_far_as_fastai_draws_them():
    torch.manual_seed(3)
    random.seed(3)
    n = 1500
    ours = RandomChanges(32, strength=1.0, is_mirrored=True)(wave(n, 37), split_idx=0)
    theirs = fastai_of(1.0)(wave(n, 37))
    for of_pixel in (
        torch.mean,
        torch.std,
    ):  # At each pixel over 1,500 drawn images; the mean is known to 0.3 / sqrt(1,500) = .008.
        assert torch.allclose(of_pixel(ours, dim=0), of_pixel(theirs, dim=0), atol=0.03)


def test_a_mirrored_image_is_the_image_from_the_other_side():
    torch.manual_seed(0)
    given = wave(64, 32)
    seen = RandomChanges(32, strength=0.0, is_mirrored=True)(given, split_idx=0)
    is_same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(seen, given, strict=True)]
    is_turned = [torch.allclose(a, b.flip(-1), atol=1e-5) for a, b in zip(seen, given, strict=True)]
    assert all(a != b for a, b in zip(is_same, is_turned, strict=True))
    assert 16 < sum(is_turned) < 48  # Half of 64, give or take four deviations.


def test_the_matrix_turns_zooms_and_stays_within_the_picture():
    torch.manual_seed(0)
    drawn = RandomChanges(32, strength=1.0, is_mirrored=False).matrices(5000, CPU)
    scale = drawn[:, :, :2].det().sqrt()
    turn = torch.atan2(drawn[:, 0, 1], drawn[:, 0, 0]).rad2deg()
    assert (float(scale.max()), float(scale.min())) == (
        pytest.approx(1.0, abs=1e-5),
        pytest.approx(1 / 1.3, abs=0.01),
    )
    assert float(turn.abs().max()) == pytest.approx(10, abs=0.1)
    assert float((turn.abs() < 1e-4).float().mean()) == pytest.approx(0.25, abs=0.03)
    straight = torch.linalg.solve(
        drawn[:, :, :2] / scale[:, None, None], drawn[:, :, 2]
    )  # The middle of the view, were it not turned.
    assert bool((straight.abs() <= 1 - scale[:, None] + 1e-5).all())


def test_light_is_changed_in_logits():
    torch.manual_seed(1)
    grey = torch.full((2000, 3, 2, 2), 0.5)
    lit = RandomChanges(2, strength=1.0, is_mirrored=False).with_light(grey.clone())[:, 0, 0, 0]
    # A grey of .5 becomes what is drawn, .4 to .6, moved on by a contrast of .8 to 1.25 in logits.
    most = torch.sigmoid(torch.tensor(0.6).logit() * 1.25)
    assert float(lit.max()) <= float(most) + 1e-4
    assert float((lit == 0.5).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_valid_images_are_left_alone():
    given = wave(3, 32)
    assert RandomChanges(32, strength=1.0, is_mirrored=True)(given, split_idx=1) is given

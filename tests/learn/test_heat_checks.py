import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from peakid.learn import heat_checks, heat_maps
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.network.randomised import randomised
from tests.learn.test_heat_maps import network as new_network

GRID = heat_checks.GRID


def test_the_hot_region_is_the_hottest_tenth_of_a_map():
    heat = np.arange(GRID * GRID, dtype=np.float32).reshape(GRID, GRID)
    region = heat_checks.hot_region(heat)
    assert region.sum() == 102  # .1 x 1024 = 102.4
    assert heat[region].min() == 1024 - 102


def test_a_hot_region_never_has_cells_without_heat():
    heat = np.zeros((GRID, GRID), dtype=np.float32)
    heat[3, 4:9] = 1
    assert heat_checks.hot_region(heat).sum() == 5
    assert heat_checks.hot_region(np.zeros((GRID, GRID), dtype=np.float32)).sum() == 0


def test_a_moved_region_keeps_its_size_and_reaches_every_place():
    region, rng = np.zeros((GRID, GRID), dtype=bool), np.random.default_rng(0)
    region[0, :3] = True
    seen = np.zeros((GRID, GRID), dtype=bool)
    for _ in range(3000):
        moved = heat_checks.moved(region, rng)
        assert moved.sum() == 3
        seen |= moved
    assert seen.all()


def test_a_hidden_region_is_blurred_and_the_rest_stays():
    image = torch.randn(3, 64, 64)
    regions = np.zeros((2, GRID, GRID), dtype=bool)
    regions[1, 0, 1] = True  # One cell of 32 is 2 x 2 pixels of 64.
    hidden = heat_checks.hidden(image, regions)
    assert torch.equal(hidden[0], image)
    # In the corner the blur is the mean of a sixth of the sides: pixels 0 to 10 of 64.
    assert torch.allclose(hidden[1, :, 0, 2], image[:, :11, :11].mean(dim=(1, 2)), atol=1e-5)
    assert int((hidden[1] != image).any(dim=0).sum()) == 4


def test_log_odds_are_those_of_the_softmax():
    logits = torch.tensor([[1.0, 3.0, -2.0], [0.5, 0.0, 200.0]])
    probabilities = logits.double().softmax(dim=1)
    expected = torch.log(probabilities[0, 1] / (1 - probabilities[0, 1]))
    found = heat_checks.log_odds(logits, torch.tensor([1, 2]))
    assert found[0] == pytest.approx(float(expected))
    assert np.isfinite(found[1])  # 1 - p rounds to 0; the log-odds do not.


def test_similarity_is_the_rank_correlation_and_zero_for_an_even_map():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 3, GRID, GRID))
    b[2] = 0.5
    found = heat_checks.similarities(a, b)
    expected = [spearmanr(a[n].ravel(), b[n].ravel()).statistic for n in range(2)]
    assert found[:2] == pytest.approx(expected)
    assert found[2] == 0


def test_a_p_value_counts_the_map_among_the_others():
    assert heat_checks.p_value(3.0, np.array([1.0, 2.0, 2.5])) == 1 / 4
    assert heat_checks.p_value(2.0, np.array([1.0, 2.0, 2.5])) == 3 / 4


def test_randomised_networks_are_new_and_always_the_same():
    model, batch = new_network("squeezenet1_0")
    card = models.Card(
        "squeezenet1_0", ["a", "b", "c"], 64, "crop", (0.5,) * 3, (0.5,) * 3, 2, {}, "", {}, "linear"
    )
    made = [
        [*randomised(model, card, batch, n=2), *randomised(model, card, batch, n=1, kind="head")]
        for _ in "ab"
    ]
    for first, again in zip(*made, strict=True):
        assert torch.equal(first(batch), again(batch))
    outputs = [each(batch) for each in made[0]]
    assert not any(torch.allclose(outputs[0], each) for each in [*outputs[1:], model(batch)])
    assert made[0][2][0] is model[0]  # The body as trained, and the model itself unchanged.
    assert torch.equal(model(batch), new_network("squeezenet1_0")[0](batch))


def test_the_norms_of_randomised_networks_are_measured():
    model, batch = new_network("small_resnet", "two-layer")
    batch = 50 * torch.randn(16, 3, 64, 64)
    card = models.Card("small_resnet", ["a", "b", "c"], 64, "crop", (0.5,) * 3, (0.5,) * 3, 2, {}, "", {})
    trained = model[0][0][1].running_mean.clone()
    for kind in ("all", "head"):
        (made,) = randomised(model, card, batch, n=1, kind=kind)
        norms = [layer for layer in made[1].modules() if isinstance(layer, nn.BatchNorm1d)]
        features = made[1][:2](made[0](batch))
        assert torch.allclose(norms[0].running_mean, features.mean(dim=0), rtol=0.02), kind
        assert not made.training
    assert torch.equal(model[0][0][1].running_mean, trained)


def painted(n):
    """Images of noise with a bright red square at a random place: what a planted network looks at."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 60, (n, 64, 64, 3), dtype=np.uint8)
    places = rng.integers(8, 40, (n, 2))
    for image, (top, left) in zip(pixels, places, strict=True):
        image[top : top + 16, left : left + 16, 0] = 250
    return pixels, places


@pytest.fixture
def red():
    """A network whose score for class 0 is the amount of red, and for class 1 its opposite."""
    model, _ = new_network("plain_cnn")
    for layer in model[0]:
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.zero_()
            layer.bias.data.zero_()
            layer.weight.data[0, 0, 1, 1] = 1.0
    model[1][2].weight.data.zero_()
    model[1][2].bias.data.zero_()
    model[1][2].weight.data[0, 0], model[1][2].weight.data[1, 0] = 40.0, -40.0
    card = models.Card(
        "plain_cnn", ["a", "b", "c"], 64, "crop", (0.5,) * 3, (0.5,) * 3, 2, {}, "", {}, "linear"
    )
    return model, card


def explain(model, card, n, classes, **options):
    pixels, places = (each[:n] for each in painted(17))
    found = heat_checks.explain(
        model,
        card,
        pixels,
        classes,
        reference=painted(17)[0][:4],
        seeds=range(n),
        device=torch.device("cpu"),
        **options,
    )
    return found, places


@pytest.mark.slow
def test_the_map_of_a_network_that_looks_at_one_thing_passes_all_tests(red):
    found, places = explain(*red, 4, [0, 0, 0, 0])
    for (heat, check), (top, left) in zip(found, places, strict=True):
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        assert top - 8 <= 2 * row <= top + 24  # One cell of the 8 x 8 map around it.
        assert left - 8 <= 2 * column <= left + 24
        assert check.p_regions <= 0.1
        assert check.p_networks == 1 / 21
        assert check.lost > check.lost_elsewhere
        assert check.hidden_probability < check.probability


@pytest.mark.slow
def test_nothing_speaks_for_a_class_that_sees_its_opposite(red):
    (_, check), (heat, _) = explain(*red, 2, [1, 1])[0]
    assert (check.hot_share, check.lost, heat.max()) == (0.0, 0.0, 0)
    assert check.p_regions == 1.0


@pytest.mark.slow
def test_a_test_says_the_same_alone_and_among_others_and_can_be_stopped(red):
    alone, _ = explain(*red, 1, [0])
    among, _ = explain(*red, 17, [0] * 17)  # Enough that the networks are folded.
    assert np.array_equal(alone[0][0], among[0][0])
    first, same = (dataclasses.astuple(each[0][1]) for each in (alone, among))
    assert first == pytest.approx(same, rel=1e-3, abs=1e-4)
    with pytest.raises(Stopped):
        explain(*red, 1, [0], should_stop=lambda: True)


def test_maps_are_stored_on_a_grid_with_their_highest_value_at_one():
    maps = torch.zeros(2, 4, 4)
    maps[0, 1, 1] = 5.0
    found = heat_checks.cells(maps)
    assert found.shape == (2, GRID, GRID)
    assert found[0].max() == 1.0
    assert found[1].max() == 0.0
    row, column = np.unravel_index(found[0].argmax(), found[0].shape)
    assert (row // 8, column // 8) == (1, 1)


def test_the_layer_is_found_again_in_a_network_with_folded_norms():
    model, batch = new_network("mobilenet_v2")
    card = models.Card(
        "mobilenet_v2", ["a", "b", "c"], 64, "crop", (0.5,) * 3, (0.5,) * 3, 2, {}, "", {}, "linear"
    )
    plain, fast = (heat_checks.Network(model, card, is_fast=each) for each in (False, True))
    classes = torch.tensor([0, 1])
    (slow_heat, slow_scores), (heat, scores) = (each.maps(batch, classes) for each in (plain, fast))
    assert np.allclose(slow_heat, heat, atol=1e-3)
    assert np.allclose(slow_scores, scores, atol=1e-3)
    assert heat_maps.target(model, card.arch).layer is not fast.at.layer

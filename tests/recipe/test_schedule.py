"""The planned learning rate follows the phases; one that early stopping ended has the length it had."""

import pytest

from peakid.recipe import loading as recipes
from peakid.recipe import schedule
from peakid.recipe.phase import Phase

HEAD, BODY = (
    Phase(name="head", epochs=3, learns="head", base_lr=1e-2, schedule="constant"),
    Phase(name="body", epochs=2, base_lr=1e-3),
)


def test_phases_follow_each_other_at_their_own_rates():
    head, body = schedule.over_epochs((HEAD, BODY))
    assert (head.epochs[0], head.epochs[-1], body.epochs[0], body.epochs[-1]) == (0, 3, 3, 5)
    assert set(head.rates) == {1e-2}
    assert max(body.rates) == pytest.approx(1e-3, rel=0.01)
    # One-cycle starts at 4 % of its peak, warms up for a quarter (half an epoch), and ends near zero,
    # drawn as a thousandth of the peak at least.
    assert body.rates[0] == pytest.approx(4e-5)
    assert body.epochs[body.rates.index(max(body.rates))] == pytest.approx(3.5)
    assert body.rates[-1] == 1e-6


def test_a_phase_that_ends_at_its_peak_is_not_drawn_with_a_cliff():
    [line] = schedule.over_epochs((Phase(name="head", epochs=5, warmup_share=0.99),))
    assert min(line.rates[30:]) > 5e-4


def test_the_rate_is_the_one_that_training_sets():
    [line] = schedule.over_epochs((BODY,))
    for epoch, rate in zip(line.epochs, line.rates, strict=True):
        assert rate == pytest.approx(max(1e-6, 1e-3 * BODY.rate(min(0.985, epoch / 2))))


@pytest.mark.parametrize(
    ("done", "has_ended", "lengths"),
    [
        ([], False, [3, 2]),
        (["head"], False, [3, 2]),
        (["head", "body"], False, [1, 2]),  # Early stopping ended the head after one epoch.
        (["head", "head", "head", "body"], False, [3, 2]),
        (["head", "head"], True, [2, 0]),  # Cancelled.
    ],
)
def test_a_phase_that_is_over_is_as_long_as_it_was(done, has_ended, lengths):
    assert schedule.lengths((HEAD, BODY), done, has_ended=has_ended) == lengths


def test_a_peak_that_the_finder_measures_is_marked():
    lines = schedule.over_epochs(recipes.named("otters").planned(is_pretrained=True))
    assert [line.is_measured for line in lines] == [True] * 4
    assert [line.name for line in lines] == ["head 64 px", "body 64 px", "head 128 px", "body 128 px"]

import hashlib
import math

import pytest
import torch

from peakid.errors import TrainingDiverged
from peakid.job_settings import JobSettings
from peakid.learn import rate_finder, train
from peakid.learn.batches.data import Stopped
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from peakid.remedies import action

RECIPE = Recipe(arch="small_resnet", image_size_px=32, batch_size=4, pretrained="none", device="cpu")


@pytest.fixture
def find(colours, tmp_path):
    def run(recipe=RECIPE, should_stop=lambda: False):
        return train.find_rate(
            colours,
            recipe,
            cache_dir=tmp_path,
            settings=JobSettings(),
            report=no_report,
            should_stop=should_stop,
        )

    return run


def curve(loss_at):
    rates = [1e-7 * 10 ** (8 * i / 100) for i in range(100)]
    return rates, [loss_at(math.log10(rate)) for rate in rates]


def test_the_suggestions_are_where_their_names_say():
    # Flat at 1, falling between 1e-5 and 1e-2, steepest in the middle, lowest at 1e-2, breaking after 1e-1.
    def loss_at(power):
        fall = min(max((power + 5) / 3, 0), 1)
        return (
            1
            - 0.8 * (1 - math.cos(math.pi * fall)) / 2
            + (max(0, power + 1) ** 2) * 3
            + 1e-4 * abs(power + 2)
        )

    given = rate_finder.suggestions(*curve(loss_at))
    assert set(given) == {"valley", "slide", "minimum", "steep"}
    assert math.log10(given["minimum"]) == pytest.approx(-3, abs=0.1)  # A tenth of 1e-2.
    assert math.log10(given["steep"]) == pytest.approx(-3.5, abs=0.1)  # The middle of the fall.
    assert -5 < math.log10(given["valley"]) < -2  # Within the longest fall.
    assert 1e-7 < given["slide"] < 10


def test_a_loss_that_diverges_at_once_is_an_error_with_a_remedy():
    with pytest.raises(TrainingDiverged, match="after 12 of 100 batches") as error:
        rate_finder.suggestions([1e-7] * 12, [1.0] * 12)
    assert error.value.actions == (action("set_recipe", key="base_lr", value=1e-4),)


def test_a_lucky_first_batch_does_not_end_the_search_and_a_diverging_loss_does():
    assert not rate_finder.has_diverged(
        [0.1, 1.0]
    )  # Ten times the first, which was one batch of a few images.
    assert not rate_finder.has_diverged([0.1] * 10 + [1.0, 3.9])
    assert rate_finder.has_diverged([0.1] * 10 + [1.0, 4.1])
    assert rate_finder.has_diverged([0.7, math.nan])


@pytest.mark.slow
def test_the_finder_raises_the_rate_until_the_loss_diverges_and_repeats_exactly(find):
    found = find()
    assert found.rates[0] == 1e-7
    assert all(low < high for low, high in zip(found.rates, found.rates[1:], strict=False))
    assert len(found.rates) == len(found.losses) <= 100
    assert found.losses == find().losses
    assert 1e-7 < found.suggestions["valley"] < 10


@pytest.mark.slow
def test_a_phase_whose_rate_comes_from_the_finder_says_what_it_was(colours, fit, find, tmp_path):
    phase = Phase(epochs=1, base_lr="finder", schedule="constant", name="only")
    result, epochs = fit(colours, arch="small_resnet", phases=(phase,))
    rate = find(RECIPE.model_copy(update={"phases": (phase,)})).suggestions["valley"]
    assert epochs[0].learning_rate == pytest.approx(rate)
    assert result.warnings[0].text == (
        f"Phase 'only': the LR finder measured a peak learning rate of {rate:.1e}."
    )
    fit(
        colours,
        name="given",
        arch="small_resnet",
        phases=(phase.model_copy(update={"base_lr": epochs[0].learning_rate}),),
    )
    digests = [
        hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest()
        for name in ("run", "given")
    ]
    assert digests[0] == digests[1]  # The finder left the model as it was.


@pytest.mark.slow
def test_the_finder_can_be_stopped_before_it_begins_and_between_two_batches(find):
    with pytest.raises(Stopped):
        find(should_stop=lambda: True)
    find()  # All pixels are decoded now, so that it is the finder that asks.
    calls = iter(range(10_000))
    with pytest.raises(Stopped):
        find(should_stop=lambda: next(calls) > 30)
    assert next(calls) < 60
    assert torch.is_grad_enabled()

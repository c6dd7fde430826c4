import json

import pytest
import torch

from peakid.learn import budget, cost
from peakid.learn.cost import PhaseCost
from peakid.recipe.phase import Phase
from peakid.run_records import RunWarning

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("n_train", "device", "size"),
    [
        (1000, CPU, 32),
        (244, CPU, 16),
        (20, CPU, 4),
        (5, CPU, 4),
        (1000, CUDA, 64),
        (100_000, CUDA, 256),
    ],  # 244 / 8 = 30.
)
def test_an_automatic_batch_size_leaves_eight_steps_per_epoch(n_train, device, size):
    assert budget.automatic_batch_size(n_train, device) == size


def cost_of(phase, *, epoch_s, extra_s=0.0):
    shown = torch.zeros((0, 32, 32, 3), dtype=torch.uint8)
    return PhaseCost(phase.name, phase.epochs, 32, 8, epoch_s, extra_s, 0.001, 100.0, shown, torch.zeros(0))


HEAD, BODY = Phase(name="head", epochs=5), Phase(name="body", epochs=10)


def test_phases_that_fit_stay_as_they_are():
    phases, notes = budget.shortened(
        (HEAD, BODY), [cost_of(HEAD, epoch_s=10), cost_of(BODY, epoch_s=30)], budget_s=415
    )
    assert phases == (HEAD, BODY)  # 350 s of 352.
    assert notes == []


def test_a_time_budget_shortens_every_phase_by_the_same_share_and_says_so():
    # 350 s wanted, .85 * 240 = 204 s given: .583 of 5 and of 10 epochs, rounded down.
    phases, notes = budget.shortened(
        (HEAD, BODY), [cost_of(HEAD, epoch_s=10), cost_of(BODY, epoch_s=30)], budget_s=240
    )
    assert [phase.epochs for phase in phases] == [2, 5]
    assert notes == [
        "All epochs would take about 6 min; to end in time, they were reduced: head 2 instead of 5, "
        "body 5 instead of 10."
    ]


def test_the_time_of_the_lr_finder_is_part_of_the_budget():
    # .85 * 200 - 100 = 70 s left for 350 s: .2 of 5 and of 10.
    phases, _notes = budget.shortened(
        (HEAD, BODY), [cost_of(HEAD, epoch_s=10, extra_s=100), cost_of(BODY, epoch_s=30)], budget_s=200
    )
    assert [phase.epochs for phase in phases] == [1, 2]


def test_a_budget_shorter_than_an_epoch_keeps_one_of_each_phase_and_says_so():
    phases, notes = budget.shortened(
        (HEAD, BODY), [cost_of(HEAD, epoch_s=10), cost_of(BODY, epoch_s=30)], budget_s=20
    )
    assert [phase.epochs for phase in phases] == [1, 1]
    assert "too short: one epoch of each phase takes about 40 s" in notes[0]


def test_a_batch_is_halved_until_the_memory_holds_it():
    calls = []

    def measure(size):
        calls.append(size)
        if size > 8:
            raise torch.OutOfMemoryError
        return size

    assert cost.that_fits(measure, 32) == 8
    assert calls == [32, 16, 8]
    with pytest.raises(torch.OutOfMemoryError):
        cost.that_fits(lambda size: measure(100), 4)


@pytest.mark.slow
def test_a_small_set_gets_small_batches_and_the_run_says_which(colours, fit, tmp_path):
    result, _epochs = fit(colours, batch_size=0)
    text = "Batch size 4, chosen for 16 training images on this device."
    assert RunWarning("chosen_setting", text) in result.warnings
    assert json.loads((tmp_path / "run" / "plan.json").read_text())["decided"]["batch_size"] == 4


@pytest.mark.slow
def test_a_training_ends_within_its_time_budget_and_keeps_its_plan_when_it_is_resumed(colours, fit, tmp_path):
    result, epochs = fit(colours, max_minutes=0.05, scratch_epochs=1000)
    assert 1 <= len(epochs) < 1000
    assert any("to end in time, they were reduced: scratch" in each.text for each in result.warnings)
    file = tmp_path / "run" / "plan.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"decided": document["decided"] | {"epochs": [3]}}))
    _again, epochs = fit(
        colours, max_minutes=0.05, scratch_epochs=1000
    )  # The same training: what was decided stays.
    assert len(epochs) == 3
    _other, epochs = fit(colours, max_minutes=0.05, scratch_epochs=2)  # Another one: measured anew.
    assert len(epochs) <= 2


@pytest.mark.slow
def test_measuring_leaves_the_training_as_it_was(colours, fit, tmp_path):
    for name, minutes in (("plain", 0), ("measured", 60)):
        fit(colours, name=name, max_minutes=minutes, dropout=0.5)
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "measured")]
    assert files[0] == files[1]

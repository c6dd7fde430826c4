import hashlib
import json
import resource

import pytest
import torch

from peakid.errors import DeviceLost
from peakid.learn.network.checkpoint import Checkpoints
from peakid.recipe.phase import Phase


def weights_of(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


class Killed(BaseException):
    """Ends a training as a killed process does: nothing catches it."""


def killed_after(n_epochs):
    """Return an `on_epoch` that raises in the epoch after `n_epochs`, before its checkpoint is written."""
    seen = []

    def on_epoch(metrics):
        seen.append(metrics)
        if len(seen) > n_epochs:
            raise Killed

    return on_epoch


TWO_PHASES = {
    "pretrained": "none",
    "phases": (
        Phase(epochs=2, name="first", base_lr=1e-2),
        Phase(epochs=2, name="second", base_lr=5e-3, schedule="cosine"),
    ),
    "arch": "small_resnet",
}


@pytest.mark.slow
@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_a_training_killed_after_an_epoch_and_resumed_gives_the_same_weights_bit_for_bit(
    colours, fit, tmp_path, n_epochs
):
    _result, straight = fit(colours, name="straight", **TWO_PHASES)
    with pytest.raises(Killed):
        fit(colours, name="cut", on_epoch=killed_after(n_epochs), **TWO_PHASES)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    result, reported = fit(colours, name="cut", **TWO_PHASES)
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "straight")
    assert [(each.epoch, each.phase, each.valid_loss, each.learning_rate) for each in reported] == [
        (each.epoch, each.phase, each.valid_loss, each.learning_rate) for each in straight
    ]  # Epochs before the kill are reported again, so that none is missing from the curve.
    assert not result.is_cancelled


@pytest.mark.slow
def test_a_training_stopped_within_an_epoch_continues_at_that_batch(colours, fit, tmp_path):
    straight, _ = fit(colours, name="straight", **TWO_PHASES)
    calls = []  # Each epoch calls it before 4 + 2 batches: this stops in epoch 2, after 2 batches.
    cut, before = fit(
        colours, name="cut", should_stop=lambda: len(calls) >= 8 or calls.append(1), **TWO_PHASES
    )
    assert (cut.is_cancelled, cut.best_epoch, len(before)) == (True, 1, 1)
    done, epochs = fit(colours, name="cut", **TWO_PHASES)
    assert (done.is_cancelled, len(epochs)) == (False, 4)
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "straight")  # Each batch seeds itself.
    assert done.metrics["train_loss"] == pytest.approx(straight.metrics["train_loss"], rel=1e-5)


@pytest.mark.slow
def test_a_training_stopped_after_the_last_batch_of_an_epoch_reports_the_same_curve(colours, fit, tmp_path):
    _result, straight = fit(colours, name="straight", **TWO_PHASES)
    calls = []  # 4 + 2 batches per epoch: this stops in epoch 2, between training and validation.
    fit(colours, name="cut", should_stop=lambda: len(calls) >= 10 or calls.append(1), **TWO_PHASES)
    _result, reported = fit(colours, name="cut", **TWO_PHASES)
    assert [(each.epoch, each.valid_loss, each.learning_rate) for each in reported] == [
        (each.epoch, each.valid_loss, each.learning_rate) for each in straight
    ]
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "straight")


@pytest.mark.slow
def test_a_finished_training_leaves_no_checkpoint(colours, fit, tmp_path):
    fit(colours, **TWO_PHASES)
    assert {file.name for file in (tmp_path / "run").iterdir()} == {
        "model.safetensors",
        "model.json",
        "samples.json",
    }


@pytest.mark.slow
def test_after_a_gpu_was_lost_the_training_continues_from_its_checkpoint(colours, fit, tmp_path):
    def vanish(metrics):
        if metrics.epoch == 2:
            raise torch.AcceleratorError(
                "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronous."
            )

    with pytest.raises(
        DeviceLost,
        match=r"stopped responding \(CUDA error: unspecified launch failure\).*Resume the training",
    ):
        fit(colours, name="cut", on_epoch=vanish, **TWO_PHASES)
    _result, epochs = fit(colours, name="cut", **TWO_PHASES)
    _result, whole = fit(colours, name="whole", **TWO_PHASES)
    assert [each.valid_loss for each in epochs] == [each.valid_loss for each in whole]


@pytest.mark.slow
def test_another_recipe_never_resumes_from_a_checkpoint(colours, fit, tmp_path):
    with pytest.raises(Killed):
        fit(colours, name="cut", on_epoch=killed_after(2), **TWO_PHASES)
    _result, epochs = fit(colours, name="cut", **{**TWO_PHASES, "seed": 9})
    _result, fresh = fit(colours, name="fresh", **{**TWO_PHASES, "seed": 9})
    assert [each.valid_loss for each in epochs] == [each.valid_loss for each in fresh]


@pytest.mark.slow
def test_a_full_disk_costs_the_checkpoint_and_not_the_training(colours, fit, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The weights take 6 MB; a checkpoint holds them four times, with the best epoch and the optimiser.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, before[1]))
    try:
        result, epochs = fit(colours, **TWO_PHASES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (len(epochs), result.is_cancelled) == (4, False)
    assert any(warning.kind == "no_checkpoint" for warning in result.warnings)


def test_the_newest_whole_checkpoint_is_read(tmp_path):
    kept = Checkpoints(tmp_path, "mine")
    assert kept.load() is None
    for number in (1, 2, 3):
        kept.save({"w": torch.full((2,), float(number))}, {"number": number})
    tensors, facts = kept.load()
    assert (tensors["w"].tolist(), facts) == ([3.0, 3.0], {"number": 3})
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert Checkpoints(tmp_path, "another").load() is None
    kept.clear()
    assert list(tmp_path.iterdir()) == []


def damage_flipped(tensors, card):
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(bytes(content))


def damage_cut(tensors, card):
    tensors.write_bytes(tensors.read_bytes()[:-3])


def damage_half_card(tensors, card):
    card.write_text(card.read_text()[:40])


def damage_other_card(tensors, card):
    card.write_text(json.dumps(["checkpoint"]))


def damage_gone(tensors, card):
    tensors.unlink()


@pytest.mark.parametrize(
    "damage", [damage_flipped, damage_cut, damage_half_card, damage_other_card, damage_gone]
)
def test_a_damaged_checkpoint_is_never_read_and_the_one_before_is(tmp_path, damage):
    kept = Checkpoints(tmp_path, "mine")
    for number in (1, 2):
        kept.save({"w": torch.full((2,), float(number))}, {"number": number})
    damage(tmp_path / "checkpoint-000002.safetensors", tmp_path / "checkpoint-000002.json")
    assert kept.load()[1] == {"number": 1}
    kept.save({"w": torch.zeros(2)}, {"number": 3})
    assert kept.load()[1] == {"number": 3}


def test_an_incomplete_checkpoint_of_a_killed_process_is_never_read_and_is_removed(tmp_path):
    kept = Checkpoints(tmp_path, "mine")
    kept.save({"w": torch.ones(2)}, {"number": 1})
    (tmp_path / ".checkpoint-000002.safetensors.1-1.part").write_bytes(b"half")
    (tmp_path / "checkpoint-000003.safetensors").write_bytes(b"whole, but its card was never written")
    assert kept.load()[1] == {"number": 1}
    kept.save({"w": torch.ones(2)}, {"number": 2})
    assert kept.load()[1] == {"number": 2}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("damage", [None, damage_flipped, damage_half_card])
def test_of_a_stopped_training_only_the_newest_whole_checkpoint_is_kept(tmp_path, damage):
    kept = Checkpoints(tmp_path, "mine")
    for number in (1, 2):
        kept.save({"w": torch.full((2,), float(number))}, {"number": number})
    if damage is not None:
        damage(tmp_path / "checkpoint-000002.safetensors", tmp_path / "checkpoint-000002.json")
    kept.keep_newest()
    assert kept.load()[1] == {"number": 2 if damage is None else 1}
    assert len(list(tmp_path.iterdir())) == 2


def test_checkpoints_of_another_training_are_not_removed_by_a_stopped_one(tmp_path):
    Checkpoints(tmp_path, "another").save({"w": torch.ones(2)}, {"number": 1})
    Checkpoints(tmp_path, "mine").keep_newest()
    assert Checkpoints(tmp_path, "another").load()[1] == {"number": 1}

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch

from peakid import progress_text
from peakid.errors import DeviceMissing, NotFound, TrainingDiverged, WeightsUnfit
from peakid.job_settings import JobSettings
from peakid.learn import start
from peakid.learn.batches import data, loaders
from peakid.learn.batches.gather import Pixels
from peakid.learn.network import model, predict
from peakid.recipe import architectures
from peakid.recipe.recipe import Recipe
from peakid.remedies import action
from peakid.run_records import RunWarning, StartingWeights
from tests.learn.colours import ARCH, images_of, prepare

pytestmark = pytest.mark.slow


def weights_of(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_colours_are_learned_and_the_saved_model_gives_the_probabilities_of_the_result(
    colours, fit, tmp_path
):
    result, epochs = fit(colours, arch="timm/resnet10t", scratch_epochs=10, base_lr=5e-3)
    given = dict(zip(colours.digests, colours.labels, strict=True))
    assert {split: len(digests) for split, (digests, _) in result.pred_probs.items()} == {
        "train": 16,
        "valid": 6,
        "test": 4,
    }
    digests, probabilities = result.pred_probs["test"]
    assert [given[d] for d in digests] == probabilities.argmax(axis=1).tolist()

    network, card = model.load(tmp_path / "run")
    pixels = prepare(colours, Recipe(image_size_px=32), tmp_path / "cache")
    again = predict.pred_probs(
        network, pixels.canonical[colours.rows("test")], card, device=torch.device("cpu")
    )
    assert np.allclose(again, probabilities, atol=1e-5)  # Not bit for bit: the batch was larger.
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)

    best = min(epochs, key=lambda epoch: epoch.valid_loss)
    assert (result.best_epoch, result.metrics["accuracy"]) == (best.epoch, best.accuracy)
    labels = np.array([given[d] for d in result.pred_probs["valid"][0]])
    chosen = result.pred_probs["valid"][1][np.arange(6), labels]
    assert result.metrics["valid_loss"] == pytest.approx(
        -np.log(chosen).mean(), abs=1e-5
    )  # Cross-entropy by its definition.


def test_the_same_seed_gives_the_same_weights_bit_for_bit_and_another_seed_others(colours, fit, tmp_path):
    for name, seed in [("a", 3), ("b", 3), ("c", 4)]:
        fit(colours, name=name, seed=seed)
    assert weights_of(tmp_path / "a") == weights_of(tmp_path / "b") != weights_of(tmp_path / "c")


def test_a_frozen_body_keeps_its_weights_and_its_norm_statistics(colours, fit, tmp_path, pretrained):
    result, epochs = fit(colours, pretrained=pretrained, head_epochs=2, body_epochs=0)
    network, _card = model.load(tmp_path / "run")
    full = model.full_model(architectures.find(ARCH))
    full.load_state_dict(torch.load(pretrained, weights_only=True))
    before = model.assemble(full, architectures.find(ARCH), n_classes=2)
    body, untouched = network[0].state_dict(), before[0].state_dict()
    assert all(torch.equal(body[key], untouched[key]) for key in untouched)
    assert [epoch.phase for epoch in epochs] == ["head", "head"]
    assert (result.starting_weights.kind, result.starting_weights.file_name) == ("file", "pretrained.pth")
    assert not any(warning.kind == "random_weights" for warning in result.warnings)


def test_the_body_learns_in_the_second_phase(colours, fit, tmp_path, pretrained):
    _result, epochs = fit(colours, pretrained=pretrained, head_epochs=1, body_epochs=2)
    assert [(epoch.epoch, epoch.phase) for epoch in epochs] == [(1, "head"), (2, "body"), (3, "body")]


def test_random_weights_are_not_frozen_and_the_run_warns_of_them(colours, fit, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    result, epochs = fit(colours, pretrained="auto")
    assert {epoch.phase for epoch in epochs} == {"scratch"}
    assert result.starting_weights == StartingWeights("random", note="not found, offline")
    assert result.warnings[0].kind == "random_weights"


def test_a_cancelled_run_keeps_its_best_epoch_and_is_usable(colours, fit, tmp_path):
    started: list[int] = []  # 26 images are decoded, then each epoch calls it before 4 + 2 batches.
    result, epochs = fit(
        colours, scratch_epochs=50, should_stop=lambda: len(started) > 44 or started.append(1), name="cut"
    )
    assert result.is_cancelled
    assert len(epochs) == 3  # (45 - 26) / 6 = 3.2.
    assert result.best_epoch in (1, 2, 3)
    assert model.load(tmp_path / "cut")[1].class_names == ["moss", "rust"]
    assert result.warnings[-1] == RunWarning("stopped_early", "Stopped early, after 3 epochs.")


def test_a_run_cancelled_before_its_first_epoch_leaves_no_model(colours, fit, tmp_path):
    result, epochs = fit(colours, should_stop=lambda: True)
    assert (result.is_cancelled, result.best_epoch, result.metrics, result.pred_probs, epochs) == (
        True,
        None,
        {},
        {},
        [],
    )
    with pytest.raises(NotFound):
        model.load(tmp_path / "run")


def test_a_loss_that_is_not_a_number_ends_the_run_with_an_error(colours, fit, pretrained):
    state = torch.load(pretrained, weights_only=True)
    torch.save(
        {key: value * float("nan") if value.is_floating_point() else value for key, value in state.items()},
        pretrained,
    )
    with pytest.raises(TrainingDiverged, match=r"no longer a number in epoch 1 \(base_lr=0\.001\)") as error:
        fit(colours, pretrained=pretrained)
    assert error.value.actions == (action("set_recipe", key="base_lr", value=0.0001),)


def test_a_model_that_predicts_one_class_only_is_called_collapsed(fit):
    images = images_of(
        [("moss", "train")] * 6 + [("rust", "train")] * 2 + [("moss", "valid"), ("rust", "valid")]
    )
    same = images.read("image-0")  # All alike: nothing can be reported apart.
    result, _ = fit(
        data.TrainingImages(
            images.digests, images.labels, images.splits, images.class_names, lambda digest: same
        )
    )
    assert any(warning.kind == "collapsed" for warning in result.warnings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_available_is_refused_by_name(colours, fit):
    with pytest.raises(DeviceMissing, match=r"device=cuda.*Available are: .*cpu"):
        fit(colours, device="cuda")


def test_progress_names_what_is_done_with_totals_that_fit(colours, fit):
    reports = []
    fit(colours, scratch_epochs=3, report=lambda *line: reports.append(line))
    kinds = list(dict.fromkeys(progress_text.kind_of(line[0]) for line in reports))
    assert kinds == ["Loading weights", "Reading images", "Training", "Writing the model", "Evaluating"]
    assert [line[3] for line in reports if line[0] == "Reading images"][-1] == "26 of 26 images"
    assert reports[-1] == ("Evaluating", 26, 26, "26 of 26 images")


def test_progress_of_an_epoch_counts_its_own_images_and_its_bar_all_epochs(colours, fit):
    reports = []
    fit(colours, scratch_epochs=3, report=lambda *line: reports.append(line))
    training = [line for line in reports if line[0].startswith("Training")]
    assert list(dict.fromkeys(line[0] for line in training)) == [
        f"Training, epoch {number} of 3" for number in (1, 2, 3)
    ]
    assert training[-1][1:3] == (12, 12)  # 16 images in batches of 4, 3 epochs.
    assert training[-1][3].startswith("16 of 16 images, loss ")
    assert training[-1][3].count("images/s") == 1
    # The evaluation remains.
    assert training[-1][3].endswith("images/s, about 1 s left")


def test_progress_of_a_linear_head_does_not_call_a_forward_pass_training(colours, fit, pretrained):
    reports = []
    fit(colours, pretrained=pretrained, method="linear-head", report=lambda *line: reports.append(line))
    phases = list(dict.fromkeys(line[0] for line in reports))
    assert phases == [
        "Loading weights",
        "Reading images",
        "Computing features",
        "Fitting the linear head",
        "Writing the model",
        "Evaluating",
    ]
    assert reports[-1][3] == "26 of 26 images"
    fitting = [line[1:] for line in reports if line[0] == "Fitting the linear head"]
    assert fitting[-1] == (3, 4, "strength 4 of 4")  # Not at its end before the fit is.


@pytest.mark.parametrize("method", ["fine-tune", "linear-head"])
def test_no_line_of_progress_says_that_zero_seconds_are_left(colours, fit, pretrained, method):
    reports = []
    fit(colours, pretrained=pretrained, method=method, report=lambda *line: reports.append(line[3]))
    assert reports
    assert not [message for message in reports if "about 0 s" in message]


def test_a_share_of_the_images_is_trained_on_and_all_of_valid_and_test_predicted(colours, fit):
    result, _epochs = fit(colours, fraction=0.5)
    assert {split: len(digests) for split, (digests, _) in result.pred_probs.items()} == {
        "train": 8,
        "valid": 6,
        "test": 4,
    }
    assert "Trained on 50 % of each class: 8 images were left out." in [each.text for each in result.warnings]


def test_a_batch_larger_than_the_set_is_the_set(colours, fit):
    result, epochs = fit(colours, batch_size=64)
    assert result.best_epoch is not None
    assert len(epochs) == 2


def test_a_class_of_two_images_is_trained_on_and_the_run_warns(fit):
    many = [("moss", split) for split in ("train", "valid") for _ in range(6)]
    result, _epochs = fit(images_of([*many, ("rust", "train"), ("rust", "valid")]))
    assert any("'rust' has only 1 training image" in each.text for each in result.warnings)


def test_a_last_batch_of_one_is_left_out_of_training_but_not_of_validation():
    images = images_of(
        [("moss", "train"), ("rust", "train")] * 2
        + [("moss", "train")]
        + [("moss", "valid"), ("rust", "valid")]
        + [("rust", "valid")]
    )
    blank = Pixels.of(np.zeros((8, 32, 32, 3), np.uint8))
    prepared = data.Prepared(canonical=blank, train=blank)
    recipe = Recipe(arch=ARCH, image_size_px=32, batch_size=2)
    dls = loaders.make(images, prepared, recipe, architectures.find(ARCH), torch.device("cpu"))
    assert (len(dls.train), [len(y) for _, y in dls.train]) == (2, [2, 2])
    assert (len(dls.valid), [len(y) for _, y in dls.valid]) == (2, [2, 1])


def test_training_batches_are_normalised_and_cut_to_size_and_validation_sees_canonical_pixels(
    colours, tmp_path
):
    recipe = Recipe(arch=ARCH, image_size_px=32, batch_size=4)
    prepared = prepare(colours, recipe, tmp_path)
    architecture = architectures.find(ARCH)
    dls = loaders.make(colours, prepared, recipe, architecture, torch.device("cpu"))
    x, y = dls.train.one_batch()
    assert (tuple(x.shape), tuple(y.shape)) == ((4, 3, 32, 32), (4,))
    x, _y = dls.valid.one_batch()
    by_hand = (
        prepared.canonical[colours.rows("valid")[:4]] / 255 - architecture.mean
    ) / architecture.std  # (4, 32, 32, 3)
    assert np.allclose(x.permute(0, 2, 3, 1).numpy(), by_hand, atol=1e-5)


def test_the_card_describes_the_weights_and_damaged_weights_are_refused(colours, fit, tmp_path):
    fit(colours)
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert (card["class_names"], card["image_size_px"], card["resize"], card["recipe"]["seed"]) == (
        ["moss", "rust"],
        32,
        "crop",
        0,
    )
    assert {"torch", "fastai", "python"} <= set(card["libraries"])
    (tmp_path / "run" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsUnfit, match=r"model\.safetensors"):
        model.load(tmp_path / "run")


def test_auto_takes_the_fastest_device_there_is():
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert start.find_device("auto").type == expected


def test_a_training_without_room_for_pixels_gives_the_same_weights_bit_for_bit_and_says_so(
    colours, fit, tmp_path
):
    straight, _ = fit(colours, name="straight")
    shutil.rmtree(tmp_path / "cache")
    few = JobSettings(cache_gb=0.00005)  # 50 kB: some of the 26 images at 32 px and none at 37 px.
    short, _ = fit(colours, name="short", job_settings=few)
    assert weights_of(tmp_path / "short") == weights_of(tmp_path / "straight")
    assert not any("pixel cache" in warning.text for warning in straight.warnings)
    assert any("The pixel cache is limited to 5e-05 GB" in warning.text for warning in short.warnings)


@pytest.mark.parametrize("file", ["pixels", "index"])
def test_a_training_repairs_a_damaged_pixel_cache_and_says_so(colours, fit, tmp_path, file):
    fit(colours, name="straight")
    for store in (tmp_path / "cache").iterdir():
        (store / file).write_bytes(b"garbage" * 1000)
    mended, _ = fit(colours, name="mended")
    assert weights_of(tmp_path / "mended") == weights_of(tmp_path / "straight")
    assert any(
        "in the pixel cache were damaged and decoded again." in warning.text for warning in mended.warnings
    )

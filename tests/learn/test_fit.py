import itertools

import numpy as np
import pytest
import torch

from peakid.errors import OutOfMemory
from peakid.imaging import pixels
from peakid.learn import fit, watch
from peakid.learn.batches import loaders
from peakid.learn.network import model
from peakid.learn.network.checkpoint import Checkpoints
from peakid.recipe import architectures, loading
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from peakid.remedies import action
from tests.learn.colours import ARCH, images_of, prepare

pytestmark = pytest.mark.slow


def dls_of(images, tmp_path, **settings):
    chosen = Recipe(
        **{"arch": "plain_cnn", "pretrained": "none", "image_size_px": 32, "batch_size": 4, **settings}
    )
    prepared = prepare(images, chosen, tmp_path / "cache")
    return loaders.make(
        images, prepared, chosen, architectures.find(chosen.arch), torch.device("cpu")
    ), chosen


@pytest.fixture
def uneven():
    """Six images of moss and two of rust to learn from, one of each to choose by."""
    return images_of(
        [("moss", "train")] * 6 + [("rust", "train")] * 2 + [("moss", "valid"), ("rust", "valid")]
    )


def test_oversampling_shows_every_image_and_each_class_as_often(uneven, tmp_path):
    dls, _ = dls_of(uneven, tmp_path, balance="oversample")
    shown = np.concatenate([y.numpy() for _, y in dls.train])
    assert np.bincount(shown).tolist() == [6, 6]
    assert np.bincount(dls.train.dataset.at).tolist() == [1, 1, 1, 1, 1, 1, 3, 3]


def test_weights_make_a_rare_class_count_as_much_as_a_common_one(uneven, tmp_path):
    dls, chosen = dls_of(uneven, tmp_path, balance="weighted")
    learner = fit.make_learner(model.build("plain_cnn", n_classes=2), dls, chosen, [])
    assert learner.loss_func.weight.tolist() == pytest.approx(
        [8 / 12, 2.0]
    )  # 8 images / (2 classes x 6 or 2 of the class)


def test_an_epochs_order_and_changes_follow_from_its_number_alone(colours, tmp_path):
    dls, _ = dls_of(colours, tmp_path)

    def batches(epoch, skip=0):
        dls.train.begin_epoch(epoch, skip=skip)
        return [x for x, _ in dls.train]

    first, second = batches(0), batches(1)
    assert not torch.equal(first[0], second[0])
    torch.rand(7)  # Whatever else was drawn meanwhile changes nothing.
    assert all(torch.equal(a, b) for a, b in zip(first, batches(0), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first[2:], batches(0, skip=2), strict=True))


def test_phases_free_what_they_name_and_show_the_size_they_name(colours, fit, tmp_path, pretrained):
    phases = (
        Phase(name="head", learns="head", epochs=1, image_size_px=32),
        Phase(name="top", learns="last-1", epochs=1, base_lr=1e-4, schedule="constant"),
    )
    result, epochs = fit(colours, pretrained=pretrained, image_size_px=48, phases=phases)
    assert [(epoch.epoch, epoch.phase) for epoch in epochs] == [(1, "head"), (2, "top")]
    assert epochs[1].learning_rate == 1e-4
    kept = {file.name for file in (tmp_path / "cache").iterdir()}
    assert kept == {
        f"pixels-{pixels.VERSION}-48-crop",
        f"pixels-{pixels.VERSION}-37-crop",
        f"pixels-{pixels.VERSION}-55-crop",
    }  # Valid as the recipe has it; train a little over 32 and over 48.
    assert len(result.pred_probs["valid"][0]) == 6


def test_only_the_last_block_moves_when_only_it_is_free(colours, fit, tmp_path, pretrained):
    fit(
        colours,
        pretrained=pretrained,
        optimiser="sgd",
        phases=(Phase(learns="last-1", base_lr=1e-2, schedule="constant"),),
    )
    network, _card = model.load(tmp_path / "run")
    full = model.full_model(architectures.find(ARCH))
    full.load_state_dict(torch.load(pretrained, weights_only=True))
    before = model.assemble(full, architectures.find(ARCH), n_classes=2)
    moved = [
        not all(
            torch.equal(a, b)
            for x, y in zip(new, old, strict=True)
            for a, b in zip(x.parameters(), y.parameters(), strict=True)
        )
        for new, old in zip(model.blocks(network[0]), model.blocks(before[0]), strict=True)
    ]
    assert moved == [False] * (len(moved) - 1) + [True]


def test_a_phase_ends_when_the_loss_on_valid_rises_and_the_next_one_begins(colours, fit):
    wild = Phase(name="wild", epochs=40, base_lr=0.5, schedule="constant", patience=1)
    _result, epochs = fit(
        colours, arch="plain_cnn", phases=(wild, Phase(name="calm", epochs=1, base_lr=1e-4))
    )
    losses = [epoch.valid_loss for epoch in epochs if epoch.phase == "wild"]
    assert len(losses) < 40
    assert losses[-1] >= min(losses[:-1])
    assert all(low > high for low, high in itertools.pairwise(losses[:-1]))
    assert epochs[-1].phase == "calm"


@pytest.mark.parametrize(
    "settings",
    [
        {"mix": "mixup"},
        {"mix": "cutmix", "balance": "weighted"},
        {"l1": 1e-4, "max_gradient": 1.0},
        {"optimiser": "adam", "weight_decay": 1e-3, "dropout": 0.4},
        {"optimiser": "sgd", "schedule": "flat-cosine"},
    ],
)
def test_what_a_recipe_adds_changes_what_is_learned_and_stays_repeatable(colours, fit, tmp_path, settings):
    plain, _ = fit(colours, name="plain", arch="plain_cnn")
    a, _ = fit(colours, name="a", arch="plain_cnn", **settings)
    b, _ = fit(colours, name="b", arch="plain_cnn", **settings)
    answers = [each.pred_probs["valid"][1] for each in (plain, a, b)]
    assert np.array_equal(answers[1], answers[2])
    assert not np.array_equal(answers[0], answers[1])
    assert np.isfinite(answers[1]).all()


def test_weights_pulled_to_zero_are_smaller(colours, fit, tmp_path):
    sizes = []
    for name, l1 in (("free", 0.0), ("pulled", 0.01)):
        fit(colours, name=name, arch="plain_cnn", l1=l1, scratch_epochs=6, weight_decay=0)
        sizes.append(sum(float(p.detach().abs().sum()) for p in model.load(tmp_path / name)[0].parameters()))
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("name", ["swiss-peaks", "landscapes", "landmarks-scratch"])
def test_published_recipes_train_to_the_end_when_cut_short(colours, fit, name):
    values = loading.reproduced()[name].model_dump(exclude={"arch"} if name == "swiss-peaks" else set())
    cut = values | {
        "max_epochs": 1,
        "image_size_px": 32,
        "batch_size": 8,
        "device": "cpu",
        "pretrained": "none",
    }
    result, epochs = fit(colours, **cut)
    assert len(epochs) == len(loading.reproduced()[name].phases)
    assert result.best_epoch is not None


class Greedy(torch.nn.Sequential):
    """A body for which the memory holds so many images at once, as a GPU would."""

    def __init__(self, body, most):
        super().__init__(*body)
        self.most, self.seen = most, []

    def forward(self, x):
        if self.training:
            self.seen.append(len(x))
            if len(x) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(x)


def run_with_memory_for(most, colours, tmp_path, image_size_px=32):
    _dls, chosen = dls_of(colours, tmp_path, batch_size=8, image_size_px=image_size_px)
    body = Greedy(model.build("plain_cnn", n_classes=2)[0], most)
    network = torch.nn.Sequential(body, model.linear_head(architectures.find("plain_cnn"), 2))
    phases = (Phase(name="only", epochs=2, image_size_px=image_size_px),)

    def loaders_of(phase, batch_size):
        return dls_of(colours, tmp_path, batch_size=batch_size, image_size_px=image_size_px)[0]

    seen = watch.Watch(report=no_report, on_epoch=lambda metrics: None, should_stop=lambda: False)
    job = fit.Fit(
        network,
        chosen,
        phases,
        False,
        loaders_of,
        lambda phase, dls: 1e-3,
        Checkpoints(tmp_path / "run", "mine"),
    )
    return job.run(seen), body


def test_a_batch_too_large_for_the_memory_is_halved_and_its_gradients_added_up(colours, tmp_path):
    history, body = run_with_memory_for(2, colours, tmp_path)
    assert body.seen[:3] == [8, 4, 2]
    assert set(body.seen[3:]) == {2}
    assert len(body.seen) == 2 + 16  # Two that failed, then 2 epochs of 8 parts.
    assert [epoch.epoch for epoch in history.epochs] == [1, 2]
    assert [(each.kind, each.text) for each in history.warnings] == [
        (
            "low_memory",
            f"A batch of {size} images did not fit into memory in phase 'only': since then, gradients of "
            f"batches of {size // 2} are accumulated.",
        )
        for size in (8, 4)
    ]


def test_a_device_too_small_for_two_images_is_an_error_with_a_smaller_size(colours, tmp_path):
    with pytest.raises(OutOfMemory, match=r"Two images of 64 px do not fit.*plain_cnn") as error:
        run_with_memory_for(1, colours, tmp_path, image_size_px=64)
    assert error.value.actions == (action("set_recipe", key="image_size_px", value=32),)


def test_parts_of_a_batch_take_the_step_of_the_whole(colours, tmp_path):
    # Without norm layers and dropout the gradient of eight images is the mean of those of four and four.
    moved = []
    for size, n_parts in ((8, 1), (4, 2)):
        dls, chosen = dls_of(
            colours, tmp_path, augment=0, is_mirrored=False, batch_size=size, optimiser="sgd", weight_decay=0
        )
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            model.build("plain_cnn", n_classes=2)[0], model.linear_head(architectures.find("plain_cnn"), 2)
        )
        seen = watch.Watch(report=no_report, on_epoch=lambda metrics: None, should_stop=lambda: False)
        seen.position.n_parts = n_parts
        learner = fit.make_learner(
            network, dls, chosen, [fit.RateSchedule(seen), fit.GradientAccumulation(seen), seen]
        )
        phase = Phase(epochs=1, base_lr=0.1, schedule="constant", image_size_px=32)
        seen.start_phase(watch.EpochPlan([phase], len(dls.train)), freezes_norms=False, keep=lambda: None)
        learner.fit(1)
        moved.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.allclose(moved[0], moved[1], atol=1e-5)

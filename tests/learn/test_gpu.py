"""What only a GPU shows; skipped where there is none."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest
import torch

from peakid.learn import watch
from peakid.learn.batches import loaders
from peakid.learn.batches.feed import Feed
from peakid.learn.fit import Fit
from peakid.learn.network import model
from peakid.learn.network.checkpoint import Checkpoints
from peakid.recipe import architectures
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import no_report
from tests.learn.colours import images_of, prepare

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

GPU = torch.device("cuda")


def prepared(images, tmp_path, **settings):
    recipe = Recipe(
        **{
            "arch": "small_resnet",
            "pretrained": "none",
            "image_size_px": 32,
            "batch_size": 4,
            "device": "cuda",
            **settings,
        }
    )
    return prepare(images, recipe, tmp_path / "cache"), recipe


def loaders_of(images, tmp_path, *, is_memory_short=False, **settings):
    pixels, recipe = prepared(images, tmp_path, **settings)
    architecture = architectures.find(recipe.arch)
    return loaders.make(images, pixels, recipe, architecture, GPU, is_memory_short=is_memory_short), recipe


@pytest.mark.parametrize("is_memory_short", [False, True])
def test_pixels_stay_on_the_gpu_or_are_sent_there_and_are_the_same(colours, tmp_path, is_memory_short):
    dls, _ = loaders_of(colours, tmp_path, is_memory_short=is_memory_short, augment=0, is_mirrored=False)
    assert dls.train.dataset.feed.placement == ("staged" if is_memory_short else "device")
    pixels, _ = prepared(colours, tmp_path, augment=0)
    mean, std = (
        torch.tensor(each).view(1, 3, 1, 1)
        for each in (architectures.find("small_resnet").mean, architectures.find("small_resnet").std)
    )
    for start, (x, y) in zip(range(0, 8, 4), dls.valid, strict=False):
        rows = colours.rows("valid")[start : start + 4]
        by_hand = (torch.from_numpy(pixels.canonical[rows]).permute(0, 3, 1, 2) / 255 - mean) / std
        assert (x.device.type, y.device.type) == ("cuda", "cuda")
        assert torch.allclose(x.cpu().as_subclass(torch.Tensor), by_hand, atol=1e-5)
        assert y.tolist() == colours.labels[rows].tolist()


def test_a_batch_is_in_channels_last_order_without_a_copy(colours, tmp_path):
    dls, _ = loaders_of(colours, tmp_path, augment=0, is_mirrored=False)
    x, _y = dls.valid.one_batch()
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_both_ways_to_the_gpu_teach_the_same(colours, tmp_path):
    pixels, _ = prepared(colours, tmp_path)
    parts = [np.array([3, 0, 9]), np.array([1, 2, 3])]
    ways = [
        list(Feed(pixels.train, np.arange(26), GPU, placements).batches(parts))
        for placements in ("device", "staged")
    ]
    assert all(torch.equal(a, b) for a, b in zip(*ways, strict=True))


def test_a_training_on_the_gpu_computes_in_half_precision_and_learns(colours, fit):
    seen = []

    def report(phase, step, total, message):
        if phase.startswith("Training"):
            seen.append(torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda"))

    result, epochs = fit(
        colours, device="cuda", arch="small_resnet", scratch_epochs=8, base_lr=5e-3, report=report
    )
    assert result.device.startswith("cuda (")
    assert torch.bfloat16 in seen or torch.float16 in seen
    assert result.metrics["accuracy"] >= 0.8
    assert epochs[-1].train_loss < epochs[0].train_loss


class TooLarge(torch.nn.Module):
    """Takes as much of the GPU's memory as there is when more than two images come at once."""

    def forward(self, x):
        if self.training and len(x) > 2:
            torch.empty(torch.cuda.mem_get_info()[1] * 2, dtype=torch.uint8, device=x.device)
        return x


def test_a_batch_that_does_not_fit_is_halved_and_the_pixels_leave_the_gpu(colours, tmp_path):
    pixels, recipe = prepared(colours, tmp_path)
    architecture = architectures.find(recipe.arch)
    network = model.build(recipe.arch, n_classes=2)
    network[0].insert(0, TooLarge())
    placements = []

    def loaders_for(phase, batch_size):
        smaller = recipe.model_copy(update={"batch_size": batch_size})
        dls = loaders.make(
            colours, pixels, smaller, architecture, GPU, is_memory_short=batch_size < recipe.batch_size
        )
        placements.append(dls.train.dataset.feed.placement)
        return dls

    phases = (Phase(name="all", epochs=1, image_size_px=32, augment=1.0),)
    seen = watch.Watch(report=no_report, on_epoch=lambda metrics: None, should_stop=lambda: False)
    never = Fit(
        network,
        recipe,
        phases,
        False,
        loaders_for,
        lambda phase, dls: 1e-3,
        Checkpoints(tmp_path / "run", "mine"),
    )
    history = never.run(seen)
    assert placements[-2:] == ["device", "staged"]
    assert [each.text for each in history.warnings] == [
        "A batch of 4 images did not fit into memory in phase 'all': since then, gradients of batches of 2 "
        "are accumulated."
    ]
    assert not torch.is_autocast_enabled("cuda")


def test_growing_sizes_leave_no_earlier_pixels_on_the_gpu(tmp_path, fit):
    images = images_of([("moss", "train"), ("rust", "train")] * 8 + [("moss", "valid"), ("rust", "valid")])
    used = []
    phases = tuple(Phase(epochs=1, image_size_px=px, base_lr=1e-3) for px in (32, 48, 64))
    fit(
        images,
        device="cuda",
        arch="small_resnet",
        phases=phases,
        image_size_px=64,
        on_epoch=lambda _: used.append(torch.cuda.memory_allocated()),
    )
    assert all(after < before + 64 * 64 * 3 * 18 * 8 for before, after in pairwise(used))


def test_the_same_seed_gives_the_same_epoch_of_pixels(colours, tmp_path):
    def digest():
        dls, _ = loaders_of(colours, tmp_path)
        dls.train.begin_epoch(0, skip=0)
        return [hashlib.sha256(x.cpu().numpy().tobytes()).hexdigest() for x, _ in dls.train]

    assert digest() == digest()

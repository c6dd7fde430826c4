"""The networks of the listed architectures: features, outputs, blocks and groups of parameters."""

import pytest
import torch

from peakid.learn.network import model
from peakid.recipe import architectures

WITHOUT_VALUES = torch.device("meta")  # Shapes alone: drawing 90 million random weights takes a second.


@pytest.mark.parametrize("name", architectures.TABLE)
def test_every_architecture_of_the_list_has_its_number_of_features_and_outputs(name):
    architecture = architectures.find(name)
    size = architecture.fixed_size_px or 64
    with WITHOUT_VALUES, torch.inference_mode():
        network = model.build(name, n_classes=3).eval()
        features = network[0](torch.zeros(2, 3, size, size))
        assert features.shape[:2] == (2, architecture.n_features)
        assert features.ndim == (4 if architecture.has_map else 2)
        assert network[1](features).shape == (2, 3)


@pytest.mark.parametrize("name", architectures.TABLE)
def test_every_parameter_is_in_exactly_one_group_of_rates(name):
    with WITHOUT_VALUES:
        network = model.build(name, n_classes=3)
    groups = model.parameter_groups(network)
    assert len(groups) == 3
    assert sorted(id(p) for group in groups for p in group) == sorted(id(p) for p in network.parameters())
    assert {id(p) for p in groups[2]} == {id(p) for p in network[1].parameters()}


@pytest.mark.parametrize(
    ("name", "n"), [("vgg16", 5), ("plain_cnn", 4), ("small_resnet", 5), ("resnet18", 5), ("vit_b_16", 2)]
)
def test_a_body_has_the_blocks_that_its_authors_wrote(name, n):
    # VGG-16: five groups of convolutions, each followed by pooling; ResNet-18: convolution and norm of the
    # stem, then four stages.
    with WITHOUT_VALUES:
        body = model.build(name, n_classes=2)[0]
    assert len(model.blocks(body)) == n + (name == "resnet18")


def test_the_last_two_blocks_of_vgg_are_its_last_six_convolutions():
    with WITHOUT_VALUES:
        network = model.build("vgg16", n_classes=2)
    model.unfreeze(network, 2)
    layers = [layer for layer in network[0] if list(layer.parameters())]
    assert [layer.weight.requires_grad for layer in layers] == [False] * 7 + [True] * 6
    assert all(p.requires_grad for p in network[1].parameters())


def test_frozen_parameters_lose_their_gradient_so_that_no_optimiser_changes_them():
    network = model.build("plain_cnn", n_classes=2)
    model.unfreeze(network, None)
    network(torch.zeros(2, 3, 32, 32)).sum().backward()
    model.unfreeze(network, 0)
    assert all(p.grad is None and not p.requires_grad for p in network[0].parameters())

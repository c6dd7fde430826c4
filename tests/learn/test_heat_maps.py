import pytest
import torch
from captum._utils.gradient import compute_layer_gradients_and_eval
from captum.attr import LayerGradCam
from torch import nn

from peakid.learn import heat_maps
from peakid.learn.network import model as models
from peakid.recipe import architectures

CLASSES = torch.tensor([0, 1])

# The layer that the authors of captum's and other published examples use.
PUBLISHED = {
    "resnet18": lambda body: body[7],
    "mobilenet_v2": lambda body: body[18],
    "squeezenet1_0": lambda body: body[12],
    "efficientnet_b0": lambda body: body[8],
    "vgg16_bn": lambda body: body[42],  # The ReLU before the last pooling.
    "convnext_tiny": lambda body: body[7],
    "densenet121": lambda body: body[12],
    "plain_cnn": lambda body: body[10],  # The ReLU before the last pooling.
    "timm/tf_efficientnet_lite0": lambda body: body.model.bn2,
}
SLOW = {"vgg16_bn", "convnext_tiny", "densenet121", "efficientnet_b0", "timm/tf_efficientnet_lite0"}


def network(arch, head="linear", size_px=64):
    torch.manual_seed(0)
    network = models.build(arch, n_classes=3, head=head).eval()
    for layer in network.modules():  # Other statistics than those of a new layer.
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    # What speaks against class 0 speaks for class 1: one of the two maps of an image is not empty.
    last = list(network[1].children())[-1]
    last.weight.data[1] = -last.weight.data[0]
    network.requires_grad_(False)  # As a frozen body is.
    return network, torch.randn(1, 3, size_px, size_px).expand(2, -1, -1, -1).clone()


@pytest.mark.parametrize(
    "arch", [pytest.param(each, marks=pytest.mark.slow) if each in SLOW else each for each in PUBLISHED]
)
@pytest.mark.parametrize("head", ["linear", "two-layer"])
def test_a_map_is_the_grad_cam_of_captum(arch, head):
    model, batch = network(arch, head)
    found, logits = heat_maps.grad_cam(model, batch, CLASSES, heat_maps.target(model, arch))
    oracle = LayerGradCam(model, PUBLISHED[arch](model[0]))
    expected = oracle.attribute(batch.clone().requires_grad_(), target=CLASSES, relu_attributions=True)
    assert found.max() > 0
    assert torch.allclose(found, expected[:, 0].detach(), atol=1e-5 * expected.max().item(), rtol=1e-4)
    assert torch.allclose(logits, model(batch), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "layer", "side"),
    [
        ("vit_b_16", lambda body: body.encoder.layers[-1].ln_1, 14),
        ("timm/vit_tiny_patch16_224", lambda body: body.model.blocks[-1].norm1, 14),
    ],
)
def test_the_tokens_of_a_vision_transformer_become_a_map(arch, layer, side):
    model, batch = network(arch, size_px=224)
    if arch == "vit_b_16":  # torchvision's head is not part of the body; its class token starts as zeros.
        model[0].class_token.normal_()
    found, _ = heat_maps.grad_cam(model, batch, CLASSES, heat_maps.target(model, arch))
    gradients, values = compute_layer_gradients_and_eval(
        model, layer(model[0]), batch.clone().requires_grad_(), CLASSES
    )
    tokens, gradients = values[0][:, 1:], gradients[0][:, 1:]  # The class token comes first.
    expected = (tokens * gradients.mean(dim=1, keepdim=True)).sum(dim=2).relu().view(2, side, side)
    assert found.max() > 0
    assert torch.allclose(found, expected.detach(), atol=1e-5 * expected.max().item(), rtol=1e-4)


def test_a_map_shows_where_the_evidence_is():
    # One channel, one weight: the map is the weight times the image itself, where it is positive.
    body = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2, bias=False))
    body[0].weight.data[:] = 1 / 3
    head[2].weight.data[:] = torch.tensor([[8.0], [-8.0]])
    model = nn.Sequential(body, head).eval()
    image = torch.zeros(1, 3, 2, 2)
    image[0, :, 0, 1] = 6.0
    at = heat_maps.Target(body)
    # The gradient of the mean of four values is a quarter of the weight: 8 / 4 = 2, and 2 x 6 = 12.
    expected = torch.tensor([[0.0, 12.0], [0.0, 0.0]])
    assert torch.allclose(heat_maps.grad_cam(model, image, torch.tensor([0]), at)[0][0], expected)
    # Nothing speaks for the other class.
    assert heat_maps.grad_cam(model, image, torch.tensor([1]), at)[0].max() == 0


@pytest.mark.slow
@pytest.mark.parametrize("arch", architectures.TABLE)
def test_every_architecture_offered_gives_a_map(arch):
    size_px = architectures.find(arch).fixed_size_px or 64
    model, batch = network(arch, size_px=size_px)
    before = [parameter.requires_grad for parameter in model.parameters()]
    maps, logits = heat_maps.grad_cam(model, batch, CLASSES, heat_maps.target(model, arch))
    assert maps.ndim == 3
    assert maps.shape[1] == maps.shape[2] >= 2
    assert bool(torch.isfinite(maps).all())
    assert logits.shape == (2, 3)
    assert [parameter.requires_grad for parameter in model.parameters()] == before
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(layer._forward_hooks for layer in model.modules())

"""Grad-CAM: which parts of an image a trained network's score for a class comes from (Selvaraju 2017).

The gradient is computed from the score back to one layer only, so that a frozen body needs no gradients and a
map costs little more than a prediction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from peakid.recipe import architectures
from peakid.recipe.architectures import Architecture

# Vision transformers read only their class token at the end: the last layer whose patch tokens still reach
# it is the norm before the last attention.
_TARGETS: dict[str, Callable[[Any], nn.Module]] = {
    "vit_b_16": lambda body: body.encoder.layers[-1].ln_1,
    "timm/vit_tiny_patch16_224": lambda body: body.model.blocks[-1].norm1,
    "timm/vit_small_patch14_dinov2": lambda body: body.model.blocks[-1].norm1,
    "timm/vit_small_patch16_dinov3": lambda body: body.model.blocks[-1].norm1,
    # SigLIP pools all tokens by attention after its last norm.
    "timm/vit_base_patch16_siglip_224": lambda body: body.model.norm,
}


@dataclass(frozen=True)
class Target:
    """The layer whose output a map is drawn from.

    Attributes:
        n_prefix: Tokens before those of the patches; None where the layer gives a map (B, C, H, W).
    """

    layer: nn.Module
    n_prefix: int | None = None

    def as_map(self, output: Tensor) -> Tensor:
        """Return the layer's output, or its gradient, as (B, C, H, W)."""
        if self.n_prefix is None:
            return output
        patches = output[:, self.n_prefix :]  # (B, H * W, C)
        side = round(patches.shape[1] ** 0.5)
        return patches.transpose(1, 2).unflatten(2, (side, side))  # (B, C, H, W)


def target(model: nn.Sequential, arch: str) -> Target:
    """Choose the layer: the body's last map, before a pooling at its end; see `_TARGETS` for transformers.

    Raises:
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    architecture, body = architectures.find(arch), model[0]
    if arch in _TARGETS:
        return Target(_TARGETS[arch](body), _n_prefix(body, architecture))
    layers: list[nn.Module] = [body]
    while children := list(layers[-1].children()):
        layers.append(children[-1])
        if isinstance(children[-1], nn.MaxPool2d | nn.AvgPool2d):
            return Target(children[-2])  # Finer than the pooled map, and no other layer is between them.
        if not isinstance(layers[-2], nn.Sequential):
            break
    return Target(body)


def grad_cam(model: nn.Sequential, batch: Tensor, classes: Tensor, at: Target) -> tuple[Tensor, Tensor]:
    """Return the map of each image for its class, and the logits of the images.

    Args:
        model: In eval mode. Its weights may be frozen; their gradients are not changed.
        batch: Normalised images, float32 (B, 3, S, S).
        classes: int64 (B,), in 0..K-1.

    Returns:
        Maps, float32 (B, H, W), 0 or more: what the channels of the layer add to the score, where they add
        to it. Logits, float32 (B, K).
    """
    kept: list[Tensor] = []

    def cut(_layer: nn.Module, _given: Any, output: Tensor) -> Tensor:
        # The graph begins here. A copy is passed on, as the next layer may change it in place.
        kept.append(output.detach().requires_grad_())
        return kept[0].clone()

    handle = at.layer.register_forward_hook(cut)
    try:
        with torch.enable_grad():
            logits = model(batch)  # (B, K)
            scores = logits.gather(1, classes[:, None]).sum()
            (gradient,) = torch.autograd.grad(scores, kept[0])
    finally:
        handle.remove()
    activations, gradients = at.as_map(kept[0].detach()), at.as_map(gradient)  # (B, C, H, W)
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weights * activations).sum(dim=1).relu(), logits.detach()  # (B, H, W)


def _n_prefix(body: Any, architecture: Architecture) -> int:
    return 1 if architecture.cut == "tokens" else body.model.num_prefix_tokens

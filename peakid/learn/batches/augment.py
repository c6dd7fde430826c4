"""Random augmentation of whole batches on the device: rotation, zoom, flip, brightness and contrast."""

import math

import torch
from fastai.torch_core import TensorImage
from fasttransform import Transform
from torch import Tensor
from torch.nn import functional

MAX_TURN_DEG = 10.0  # fastai's default; photographs are roughly level.
MAX_ZOOM = 1.3  # Shows at least 59 % of the area: scraped subjects are near or far.
MAX_LIGHT = 0.2  # fastai's default, a fifth brighter or darker.
SHARE = 0.75  # Of the images that each change is applied to: fastai's default.
EPSILON = 1e-7  # Keeps the logits of black and white finite.


class RandomChanges(Transform):
    """The changes of fastai's `aug_transforms` without its warp, drawn for each image separately.

    fastai's own transforms read a number back from the GPU in each batch, which leaves the GPU idle until the
    next batch arrives; on a CPU they take half as long again.
    """

    order, split_idx = 30, 0  # Between pixels becoming 0..1 and normalisation; never on valid.

    def __init__(self, size_px: int, *, strength: float, is_mirrored: bool) -> None:
        super().__init__()
        self.size_px, self.strength, self.is_mirrored = size_px, strength, is_mirrored

    def encodes(self, x: TensorImage) -> TensorImage:  # ty: ignore[incompatible-method-override]
        images = x.as_subclass(Tensor)  # (B, 3, S, S); fastai's own type costs time at each step.
        shape = [len(images), 3, self.size_px, self.size_px]
        grid = functional.affine_grid(self.matrices(len(images), images.device), shape, align_corners=True)
        if images.device.type == "cpu":
            images = images.contiguous()  # A CPU samples one plane after the other faster.
        # (B, 3, T, T)
        changed = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=True)
        return TensorImage(self.with_light(changed) if self.strength else changed)

    def matrices(self, n: int, device: torch.device) -> Tensor:
        """Draw an affine map per image, float32 (n, 2, 3), from output to input coordinates in -1..1."""
        draw = torch.rand((7, n), device=device)
        mirror = torch.where((draw[0] < 0.5) & self.is_mirrored, -1.0, 1.0)
        turn = math.radians(MAX_TURN_DEG * self.strength) * (2 * draw[1] - 1) * (draw[2] < SHARE)
        scale = 1 / (1 + (MAX_ZOOM - 1) * self.strength * draw[3] * (draw[4] < SHARE))
        # The centre of the crop.
        right, low = (1 - scale) * (2 * draw[5] - 1), (1 - scale) * (2 * draw[6] - 1)
        cos, sin = turn.cos(), turn.sin()
        first = torch.stack([cos * scale, sin * scale, cos * right + sin * low], dim=1) * mirror[:, None]
        second = torch.stack([-sin * scale, cos * scale, cos * low - sin * right], dim=1)
        return torch.stack([first, second], dim=1)  # (n, 2, 3)

    def with_light(self, x: Tensor) -> Tensor:
        """Change brightness and contrast in logits, where nothing is clipped.

        Args:
            x: float32 of shape (B, 3, T, T), in 0..1; overwritten.
        """
        draw = torch.rand((4, len(x), 1, 1, 1), device=x.device)
        most = min(MAX_LIGHT * self.strength, 0.9)
        light = torch.where(draw[1] < SHARE, 0.5 + most * (draw[0] - 0.5), 0.5)
        contrast = torch.where(draw[3] < SHARE, math.log(1 - most) * (1 - 2 * draw[2]), 0.0).exp()
        return x.clamp_(EPSILON, 1 - EPSILON).logit_().add_(light.logit()).mul_(contrast).sigmoid_()

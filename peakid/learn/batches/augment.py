"""The random changes of a training image: turned, zoomed, mirrored, brighter or darker, on the device, a whole batch at once."""

import math

import torch
from fastai.torch_core import TensorImage
from fasttransform import Transform
from torch import Tensor
from torch.nn import functional

MAX_TURN_DEG = 10.0  # fastai's default; photographs are held roughly level.
MAX_ZOOM = 1.3  # Shows at least 59 % of the area: scraped subjects are near or far.
MAX_LIGHT = 0.2  # fastai's default, a fifth brighter or darker.
SHARE = 0.75  # Of the images that are turned, zoomed, lit: fastai's default.
EPSILON = 1e-7  # Keeps black and white from infinity, where light is reckoned.


class RandomChanges(Transform):
    """Draws and applies what fastai's `aug_transforms` would without its warp, each image for itself.

    fastai's own asks the GPU for a number in each batch, and the GPU then stands still until the next batch is on its way; it also
    costs a CPU half as much again.
    """

    order, split_idx = 30, 0  # Between pixels becoming 0..1 and normalisation; never on valid.

    def __init__(self, size_px: int, *, strength: float, is_mirrored: bool) -> None:
        super().__init__()
        self.size_px, self.strength, self.is_mirrored = size_px, strength, is_mirrored

    def encodes(self, x: TensorImage) -> TensorImage:  # ty: ignore[incompatible-method-override]
        given = x.as_subclass(Tensor)  # (B, 3, S, S); fastai's own type costs time at each step.
        shape = [len(given), 3, self.size_px, self.size_px]
        grid = functional.affine_grid(self.matrices(len(given), given.device), shape, align_corners=True)
        given = (
            given.contiguous() if given.device.type == "cpu" else given
        )  # Planes one after the other are sampled faster there.
        seen = functional.grid_sample(
            given, grid, padding_mode="reflection", align_corners=True
        )  # (B, 3, T, T)
        return TensorImage(self.lit(seen) if self.strength else seen)

    def matrices(self, n: int, device: torch.device) -> Tensor:
        """Draw where each image is looked at: float32 of shape (n, 2, 3), from seen to given coordinates, both -1..1."""
        draw = torch.rand((7, n), device=device)
        mirror = torch.where((draw[0] < 0.5) & self.is_mirrored, -1.0, 1.0)
        turn = math.radians(MAX_TURN_DEG * self.strength) * (2 * draw[1] - 1) * (draw[2] < SHARE)
        scale = 1 / (1 + (MAX_ZOOM - 1) * self.strength * draw[3] * (draw[4] < SHARE))
        right, low = (
            (1 - scale) * (2 * draw[5] - 1),
            (1 - scale) * (2 * draw[6] - 1),
        )  # The middle of what is seen.
        cos, sin = turn.cos(), turn.sin()
        first = torch.stack([cos * scale, sin * scale, cos * right + sin * low], dim=1) * mirror[:, None]
        second = torch.stack([-sin * scale, cos * scale, cos * low - sin * right], dim=1)
        return torch.stack([first, second], dim=1)  # (n, 2, 3)

    def lit(self, x: Tensor) -> Tensor:
        """Change light and contrast in logits, where nothing is clipped: float32 (B, 3, T, T), 0..1; `x` is overwritten."""
        draw = torch.rand((4, len(x), 1, 1, 1), device=x.device)
        most = min(MAX_LIGHT * self.strength, 0.9)
        light = torch.where(draw[1] < SHARE, 0.5 + most * (draw[0] - 0.5), 0.5)
        contrast = torch.where(draw[3] < SHARE, math.log(1 - most) * (1 - 2 * draw[2]), 0.0).exp()
        return x.clamp_(EPSILON, 1 - EPSILON).logit_().add_(light.logit()).mul_(contrast).sigmoid_()

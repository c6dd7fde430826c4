"""Two networks small enough to train from random weights: one with residual connections and one without."""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)  # Channels of the four stages; each halves the sides of its map.


class Residual(nn.Module):
    """Two convolutions and a shortcut (He 2015), halving the sides of the map."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        last_norm = nn.BatchNorm2d(n_out)
        nn.init.zeros_(last_norm.weight)  # Each block starts as its shortcut: Goyal 2017, section 5.1.
        # The attribute names are part of saved weights and must not change.
        self.way = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            last_norm,
        )
        self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=2, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.way(x) + self.shortcut(x))  # (B, n_in, H, W) -> (B, n_out, H/2, W/2)


def small_resnet() -> nn.Sequential:
    """Build the body of a residual network with 0.8 million weights: (B, 3, H, W) -> (B, 256, H/16, W/16)."""
    stem = nn.Sequential(
        nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU(inplace=True)
    )
    return nn.Sequential(
        stem, *(Residual(n_in, n_out) for n_in, n_out in zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False))
    )


def plain_cnn() -> nn.Sequential:
    """Build the body of a plain network with 0.4 million weights: four times convolution, ReLU, pooling."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip((3, *WIDTHS), WIDTHS, strict=False):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


BODIES = {"small_resnet": small_resnet, "plain_cnn": plain_cnn}

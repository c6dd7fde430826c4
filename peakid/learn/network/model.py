"""Build, save and load the network that is trained: the body of a published architecture and a small head.

Input: float32 (B, 3, S, S), the canonical pixels of `peakid.imaging.pixels.preprocess` divided by 255, minus
the card's mean, divided by the card's std, channels in the order red, green, blue. Output: logits (B, K),
columns in class_names order. Preprocessing is not part of the model, so that one function decides it
everywhere.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from peakid import files
from peakid.errors import NotFound, WeightsUnfit
from peakid.learn.network import small_nets
from peakid.recipe import architectures, cards, run_files
from peakid.recipe.architectures import Architecture
from peakid.records import Resize
from peakid.remedies import action

Head = Literal[
    "two-layer",  # fastai's: average and maximum pooling, then twice norm, dropout and a linear layer.
    "linear",     # Average pooling, then one linear layer.
]  # fmt: skip


@dataclass(frozen=True)
class Card:
    """Everything that is needed to use a model's weights.

    Attributes:
        mean, std: Per channel, of pixels in 0..1.
        pretrained: The weights that the training started from, as text.
        temperature: Of the probabilities that exported files give; 1 for a run.
    """

    arch: str
    class_names: list[str]
    image_size_px: int
    resize: Resize
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pixels_version: int
    recipe: dict[str, Any]
    pretrained: str
    libraries: dict[str, str]
    head: Head = "two-layer"
    temperature: float = 1.0


class TokenBody(nn.Module):
    """torchvision's vision transformer up to its class token."""

    def __init__(self, vit: Any) -> None:
        super().__init__()
        self.conv_proj, self.encoder, self.class_token = vit.conv_proj, vit.encoder, vit.class_token

    def forward(self, x: Tensor) -> Tensor:
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)  # (B, 196, C)
        token = self.class_token.expand(x.shape[0], -1, -1)  # (B, 1, C)
        return self.encoder(torch.cat([token, patches], dim=1))[:, 0]  # (B, C)


class TimmBody(nn.Module):
    """A timm model up to its features: a map, or where these are tokens, the class token or their pooling."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        model.reset_classifier(0)
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        features = self.model.forward_features(x)
        if features.ndim == 4:
            return features  # (B, C, H, W)
        if getattr(self.model, "attn_pool", None) is not None:  # SigLIP has no class token.
            return self.model.forward_head(features, pre_logits=True)  # (B, C)
        return features[:, 0]  # (B, C)


def full_model(architecture: Architecture) -> nn.Module:
    """Build the architecture as published, with its classifier if it has one, with random weights."""
    if architecture.cut == "own":
        return small_nets.BODIES[architecture.name]()
    if architecture.is_timm:
        import timm  # Imported here: it takes a second, and most runs are torchvision's.

        options: dict[str, Any] = {"dynamic_img_size": True} if architecture.is_resized else {}
        return timm.create_model(architecture.name.removeprefix("timm/"), pretrained=False, **options)
    import torchvision

    return torchvision.models.get_model(architecture.name, weights=None)


def assemble(
    full: nn.Module,
    architecture: Architecture,
    *,
    n_classes: int,
    head: Head = "two-layer",
    dropout: float = 0.5,
) -> nn.Sequential:
    """Cut the published model before its classifier and add a head.

    fastai's `vision_learner` cannot cut mobilenet_v2, vit_b_16 and others; the cut is Peakid's, the two-layer
    head is fastai's.

    Args:
        dropout: Of the last features of a two-layer head, in 0..1.
    """
    body = _body(full, architecture)
    has_map = architecture.has_map
    if head == "linear":
        return nn.Sequential(body, linear_head(architecture, n_classes))
    from fastai.vision.learner import add_head  # Takes a second to load, and other heads do without it.

    return add_head(body, architecture.n_features, n_classes, pool=has_map, concat_pool=has_map, ps=dropout)


def linear_head(architecture: Architecture, n_classes: int) -> nn.Sequential:
    """Build the head of one linear layer: (B, C, H, W) or (B, C) -> logits (B, K)."""
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if architecture.has_map else []
    return nn.Sequential(*pool, nn.Linear(architecture.n_features, n_classes))


def build(arch: str, *, n_classes: int, head: Head = "two-layer") -> nn.Sequential:
    """Build the (body, head) pair with random weights.

    Raises:
        UnknownArchitecture: If `arch` is not in the tested list.
    """
    architecture = architectures.find(arch)
    return assemble(full_model(architecture), architecture, n_classes=n_classes, head=head)


def blocks(body: nn.Module) -> list[list[nn.Module]]:
    """Split a body into blocks from the input to the output, as `last-N` counts them.

    A block is a stage as the architecture's authors wrote it; plain networks of single layers are cut after
    each pooling.
    """
    children = list(body.children())
    while len(children) == 1:
        children = list(children[0].children())
    if any(list(child.children()) for child in children):
        return [[child] for child in children if any(True for _ in child.parameters())]
    cuts = [i + 1 for i, child in enumerate(children) if isinstance(child, nn.MaxPool2d)]
    parts = [children[start:end] for start, end in zip([0, *cuts], [*cuts, len(children)], strict=True)]
    return [part for part in parts if any(True for layer in part for _ in layer.parameters())]


def unfreeze(model: nn.Sequential, n_blocks: int | None) -> None:
    """Make the head and the body's last blocks trainable and freeze the rest; None unfreezes every layer.

    A frozen parameter loses its gradient, so that no optimiser changes it by momentum or weight decay.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(n_blocks is None)
    layers = [layer for block in blocks(model[0])[-n_blocks:] for layer in block] if n_blocks else []
    for parameter in (p for layer in [*layers, model[1]] for p in layer.parameters()):
        parameter.requires_grad_(True)
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.grad = None


def freeze_norms(model: nn.Sequential) -> None:
    """Keep ImageNet's statistics in the body's BatchNorm layers during training.

    The statistics of batches of 32 images cost 27 points of accuracy when tried.
    """
    for layer in model[0].modules():
        if isinstance(layer, _BatchNorm):
            layer.eval()


def parameter_groups(model: nn.Sequential) -> list[list[nn.Parameter]]:
    """Split the parameters into lower body, upper body and head, for learning rates by depth.

    The halves are counted in layers, in the order of registration, in which every tested architecture runs
    them.
    """
    layers = [layer for layer in model[0].modules() if list(layer.parameters(recurse=False))]
    lower = [p for layer in layers[: len(layers) // 2] for p in layer.parameters(recurse=False)]
    in_lower = {id(p) for p in lower}
    upper = [p for p in model[0].parameters() if id(p) not in in_lower]
    return [lower, upper, list(model[1].parameters())]


def save(model: nn.Module, card: Card, folder: Path) -> None:
    """Write weights and card into a folder."""
    save_weights(model, folder / run_files.WEIGHTS)
    files.write_json(folder / run_files.CARD, dataclasses.asdict(card), indent=1)


def save_weights(model: nn.Module, file: Path) -> None:
    """Write a model's weights as safetensors."""
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    with files.replacing(file) as part:
        save_file(state, part)


def read_card(file: Path) -> Card:
    """Read the card of a trained model.

    Raises:
        FileNotFoundError: If there is none.
        WeightsUnfit: If it is damaged, or a value does not fit.
    """
    return Card(**cards.read_run(file).model_dump())


def load(folder: Path) -> tuple[nn.Sequential, Card]:
    """Read a trained model, on the CPU and in eval mode.

    Raises:
        NotFound: If the folder holds no model.
        WeightsUnfit: If its weights are damaged or do not fit its card.
    """
    try:
        if not (folder / run_files.WEIGHTS).is_file():
            raise FileNotFoundError(folder / run_files.WEIGHTS)
        card = read_card(folder / run_files.CARD)
    except FileNotFoundError as error:
        raise NotFound(
            f"There is no trained model in {folder}.",
            "Train again; a failed run leaves no model.",
            action("train"),
        ) from error
    return load_weights(folder / run_files.WEIGHTS, card), card


def load_weights(file: Path, card: Card) -> nn.Sequential:
    """Build the model of a card with the weights of a safetensors file, on the CPU and in eval mode.

    Raises:
        WeightsUnfit: If the file is damaged or does not fit the card.
    """
    model = build(card.arch, n_classes=len(card.class_names), head=card.head)
    try:
        model.load_state_dict(load_file(file))
    except (RuntimeError, SafetensorError) as error:
        raise WeightsUnfit(
            f"The weights {file} do not fit their card ({card.arch}): {str(error)[:200]}.",
            "Train again.",
            action("train"),
        ) from error
    return model.eval()


def normalise(batch: Tensor, card: Card | Architecture) -> Tensor:
    """Turn canonical pixels, uint8 (B, S, S, 3), into the model's input, float32 (B, 3, S, S)."""
    mean = torch.tensor(card.mean, device=batch.device).view(1, 3, 1, 1)
    std = torch.tensor(card.std, device=batch.device).view(1, 3, 1, 1)
    return (batch.permute(0, 3, 1, 2).float() / 255 - mean) / std  # (B, 3, S, S)


def _body(model: Any, architecture: Architecture) -> nn.Module:
    match architecture.cut:
        case "features":
            return model.features
        case "before_pool":
            return nn.Sequential(*list(model.children())[:-2])
        case "densenet":
            return nn.Sequential(*model.features.children(), nn.ReLU())
        case "tokens":
            return TokenBody(model)
        case "timm":
            return TimmBody(model)
        case "own":
            return model

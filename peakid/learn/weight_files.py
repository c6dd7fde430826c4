"""Which weight files lie on this machine. Imports no torch, so that a page can ask before a job is started."""

import hashlib
import re
from pathlib import Path

from peakid.learn import architectures
from peakid.learn.architectures import Architecture

SUFFIXES = (".pth", ".pt", ".safetensors")


def find(architecture: Architecture, weights_dir: Path | None, hub_dir: Path) -> Path | None:
    """Find a file of ImageNet weights: a published name in either folder, else one in `weights_dir` named after the architecture.

    Args:
        weights_dir: Folder of weight files a person keeps.
        hub_dir: torch's checkpoint folder.
    """
    folders = [folder for folder in (weights_dir, hub_dir) if folder is not None]
    published = [folder / name for folder in folders for name in architecture.weight_files if (folder / name).is_file()]
    return next(iter(published + _named_alike(architecture, weights_dir)), None)


def promised(name: str) -> str | None:
    """Answer the hash that torchvision's file name carries: `resnet18-f37072fd.pth` gives `f37072fd`."""
    match = re.search(r"-([0-9a-f]{8})\.pth$", name)
    return match.group(1) if match else None


def digest(path: Path) -> str:
    """Answer the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _named_alike(architecture: Architecture, folder: Path | None) -> list[Path]:
    """List files of a person's folder named after this architecture and no longer name: not vgg16_bn for vgg16."""
    names = sorted((key.removeprefix("timm/") for key in architectures.TABLE), key=len, reverse=True)
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES) if folder and folder.is_dir() else []
    own = architecture.name.removeprefix("timm/")
    return [path for path in files if next((name for name in names if name in path.name), None) == own]

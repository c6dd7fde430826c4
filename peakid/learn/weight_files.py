"""Which weight files lie on this machine. Imports no torch, so that a page can ask before a job is started."""

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


def _named_alike(architecture: Architecture, folder: Path | None) -> list[Path]:
    """List files of a person's folder named after this architecture and no longer name: not vgg16_bn for vgg16."""
    names = sorted((key.removeprefix("timm/") for key in architectures.TABLE), key=len, reverse=True)
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES) if folder and folder.is_dir() else []
    own = architecture.name.removeprefix("timm/")
    return [path for path in files if next((name for name in names if name in path.name), None) == own]

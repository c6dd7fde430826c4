"""Which pretrained weights are on this machine, for which architecture, and whether they are what their names say.

Imports no torch, so that a page can ask before a job is started.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from peakid.recipe import architectures
from peakid.recipe.architectures import Architecture
from peakid.recipe.recipe import Recipe
from peakid.settings import Settings, torch_checkpoints

SUFFIXES = (".pth", ".pt", ".safetensors")
SIZE_TOLERANCE_MB = 0.06  # The table of architectures is rounded to a tenth.

Check = Literal[
    "hash agrees",   # The whole file was read: its SHA-256 begins as its name says.
    "hash differs",  # It does not: the file is damaged, or another one.
    "size agrees",   # As long as the published file; it was not read.
    "size differs",  # Of another length than the published file of that name: cut short, or another one.
    "no promise",    # Its name promises neither.
    "",              # There is no file.
]  # fmt: skip


@dataclass(frozen=True)
class WeightsRow:
    """What this machine has for one architecture.

    Attributes:
        file: The file that a training would start from; None where there is none.
        n_bytes: Of that file.
        file_name: The published file to fetch; '' where nobody published any.
        download_mb: Its size in MB (10^6 bytes).
        put_in: The folder to put it in.
    """

    arch: str
    file: Path | None
    n_bytes: int
    check: Check
    file_name: str
    download_mb: float
    put_in: Path


def find(architecture: Architecture, weights_dir: Path | None, hub_dir: Path) -> Path | None:
    """Find a file of ImageNet weights: a published name in either folder, else one in `weights_dir` named after the architecture.

    Args:
        weights_dir: Folder of weight files a person keeps.
        hub_dir: torch's checkpoint folder.
    """
    folders = [folder for folder in (weights_dir, hub_dir) if folder is not None]
    published = [
        folder / name for folder in folders for name in architecture.weight_files if (folder / name).is_file()
    ]
    return next(iter(published + _named_alike(architecture, weights_dir)), None)


def hash_in_name(name: str) -> str | None:
    """Answer the hash that torchvision's file name carries: `resnet18-f37072fd.pth` gives `f37072fd`."""
    match = re.search(r"-([0-9a-f]{8})\.pth$", name)
    return match.group(1) if match else None


def digest(path: Path) -> str:
    """Answer the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def found() -> dict[str, Path]:
    """Answer the weight file of every architecture that has one on this machine."""
    folder, hub = Settings().weights, torch_checkpoints()
    files = {name: find(architecture, folder, hub) for name, architecture in architectures.TABLE.items()}
    return {name: path for name, path in files.items() if path is not None}


def likeliest(arch: str) -> str:
    """Answer the architecture that a form begins with: this one, unless only others have weights on this machine."""
    here = found()
    return arch if arch in here else next(iter(here), arch)


def is_pretrained(recipe: Recipe) -> bool:
    """Tell whether a training is likely to start from weights; one that has to fetch them may be without a network."""
    return recipe.pretrained != "none" and (
        recipe.pretrained != "auto" or bool(architectures.find(recipe.arch).weight_files)
    )


def listed(weights_dir: Path | None, hub_dir: Path, *, reads_files: bool = False) -> list[WeightsRow]:
    """List every architecture, those with weights on this machine first.

    Args:
        weights_dir: Folder of weight files a person keeps.
        hub_dir: torch's checkpoint folder.
        reads_files: Compare each file's SHA-256 with what its name promises; a second or two for each gigabyte. Otherwise
            only its length is compared.
    """
    rows = [
        _row(architecture, weights_dir, hub_dir, reads_files) for architecture in architectures.TABLE.values()
    ]
    return sorted(rows, key=lambda row: row.file is None)


def _named_alike(architecture: Architecture, folder: Path | None) -> list[Path]:
    """List files of a person's folder named after this architecture and no longer name: not vgg16_bn for vgg16."""
    names = sorted((key.removeprefix("timm/") for key in architectures.TABLE), key=len, reverse=True)
    files = (
        sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        if folder and folder.is_dir()
        else []
    )
    own = architecture.name.removeprefix("timm/")
    return [path for path in files if next((name for name in names if name in path.name), None) == own]


def _row(
    architecture: Architecture, weights_dir: Path | None, hub_dir: Path, reads_files: bool
) -> WeightsRow:
    file = find(architecture, weights_dir, hub_dir)
    return WeightsRow(
        arch=architecture.name,
        file=file,
        n_bytes=file.stat().st_size if file else 0,
        check=_check(file, architecture, reads_files) if file else "",
        file_name=next(iter(architecture.weight_files), ""),
        download_mb=architecture.download_mb,
        put_in=weights_dir or hub_dir,
    )


def _check(file: Path, architecture: Architecture, reads_files: bool) -> Check:
    expected = hash_in_name(file.name)
    if expected and reads_files:
        return "hash agrees" if digest(file).startswith(expected) else "hash differs"
    # The table has the size of the first published file only.
    if file.name != next(iter(architecture.weight_files), ""):
        return "no promise"
    is_as_long = abs(file.stat().st_size / 1e6 - architecture.download_mb) <= SIZE_TOLERANCE_MB
    return "size agrees" if is_as_long else "size differs"

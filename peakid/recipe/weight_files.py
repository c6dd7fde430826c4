"""The pretrained weights on this machine: for which architecture, and whether a file matches its name."""

import functools
import hashlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from peakid.job_settings import JobSettings
from peakid.recipe import architectures
from peakid.recipe.architectures import Architecture
from peakid.recipe.recipe import Recipe

ORDER = (
    "Weights are looked for in this order: a file that is named, the folder of weights (PEAKID_WEIGHTS), the "
    "caches of torch and timm, installed packages, a download."
)
SUFFIXES = (".pth", ".pt", ".safetensors")
# SHA-256 of the files of installed packages. Others have the beginning of theirs in their name.
PINNED = {
    "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite1-77cc7160.pth": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet-lite2-9656183e.pth": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
SIZE_TOLERANCE_MB = 0.06  # The table of architectures is rounded to a tenth.

Check = Literal[
    "hash agrees",   # The whole file was read: its SHA-256 begins as its name says.
    "hash differs",  # It does not: the file is damaged, or another one.
    "size agrees",   # As long as the published file; the content was not read.
    "size differs",  # Not as long as the published file of that name: incomplete, or another file.
    "unpublished",   # Not the name of a published file, so there is nothing to compare with.
    "",              # There is no file.
]  # fmt: skip


@dataclass(frozen=True)
class WeightsRow:
    """The weights of one architecture on this machine.

    Attributes:
        file: The file that a training would start from; None where there is none.
        n_bytes: Size of that file.
        file_name: The published file to fetch; '' where there are no published weights.
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


def find(
    architecture: Architecture, weights_dir: Path | None, hub_dir: Path | None, timm_dir: Path | None = None
) -> Path | None:
    """Find a file of pretrained weights. `ORDER` says in words where it is looked for.

    A published name in either folder comes first, then a file in `weights_dir` named after the architecture,
    then timm's cache, then the file of an installed package.

    Args:
        weights_dir: The user's folder of weight files.
        hub_dir: torch's checkpoint folder.
        timm_dir: The cache of the Hugging Face client, from which timm reads.
    """
    folders = [folder for folder in (weights_dir, hub_dir) if folder is not None]
    published = [
        folder / name for folder in folders for name in architecture.weight_files if (folder / name).is_file()
    ]
    own = _named_after(architecture, weights_dir)
    return next(iter(published + own + _cached(architecture, timm_dir) + packaged(architecture)), None)


def find_for(architecture: Architecture, settings: JobSettings) -> Path | None:
    """Find a file of pretrained weights as a job with these settings does."""
    return find(architecture, settings.weights_dir, settings.hub_dir, settings.timm_dir)


@functools.cache
def packaged(architecture: Architecture) -> list[Path]:
    """List the weight files that an installed package holds for this architecture."""
    spec = importlib.util.find_spec(architecture.package) if architecture.package else None
    if spec is None or not spec.submodule_search_locations:
        return []
    folders = [Path(folder) / "models" for folder in spec.submodule_search_locations]
    files = [folder / name for folder in folders for name in architecture.weight_files]
    return [file for file in files if file.is_file()]


def hash_in_name(name: str) -> str | None:
    """Return the hash in a file name of torchvision: `resnet18-f37072fd.pth` gives `f37072fd`."""
    match = re.search(r"-([0-9a-f]{8})\.pth$", name)
    return match.group(1) if match else None


def expected_hash(name: str) -> str | None:
    """Return the SHA-256 of a published file, or its beginning; None where it is not known."""
    return PINNED.get(name) or hash_in_name(name)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def found(settings: JobSettings) -> dict[str, Path]:
    """Return the weight file of every architecture that has one on this machine, by architecture.

    That whose weights are installed with Peakid comes first: it is suggested, and a form starts with it.
    """
    names = sorted(architectures.TABLE, key=lambda name: name != architectures.PACKAGED)
    files = {name: find_for(architectures.TABLE[name], settings) for name in names}
    return {name: path for name, path in files.items() if path is not None}


def likeliest(arch: str, available: Mapping[str, Path]) -> str:
    """Return the architecture that a form starts with: this one, unless only others have weights here."""
    return arch if arch in available else next(iter(available), arch)


Start = Literal[
    "pretrained",   # From a file on this machine, an earlier run, or weights that are required.
    "random",       # Random weights, as the recipe says.
    "download",     # Published weights that are not here. Offline it starts from random ones.
    "unpublished",  # Random weights, because the architecture has no published ones.
]  # fmt: skip


def start(recipe: Recipe, settings: JobSettings) -> Start:
    """Return what a training with these settings will start from, as far as this machine can tell."""
    if recipe.pretrained == "none":
        return "random"
    architecture = architectures.find(recipe.arch)
    if recipe.pretrained != "auto" or find_for(architecture, settings):
        return "pretrained"
    return "download" if architecture.weight_files else "unpublished"


def is_pretrained(recipe: Recipe, settings: JobSettings) -> bool:
    """Return whether a training should start from pretrained weights; it may have to download them."""
    return start(recipe, settings) in ("pretrained", "download")


def listed(settings: JobSettings, *, reads_files: bool = False) -> list[WeightsRow]:
    """List every architecture, those with weights on this machine first.

    Args:
        reads_files: Compare each file's SHA-256 with the one in its name, which takes a second or two per
            gigabyte; otherwise only its size is compared.
    """
    rows = [_row(each, settings, reads_files) for each in architectures.TABLE.values()]
    return sorted(rows, key=lambda row: row.file is None)


def _named_after(architecture: Architecture, folder: Path | None) -> list[Path]:
    """List the user's files named after this architecture and no longer name: not vgg16_bn for vgg16."""
    if folder is None or not folder.is_dir():
        return []
    names = sorted((key.removeprefix("timm/") for key in architectures.TABLE), key=len, reverse=True)
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    own = architecture.name.removeprefix("timm/")
    return [path for path in files if next((name for name in names if name in path.name), None) == own]


def _cached(architecture: Architecture, timm_dir: Path | None) -> list[Path]:
    """List the files of an architecture in the cache of the Hugging Face client, the newest first."""
    if timm_dir is None or not architecture.is_timm:
        return []
    names = [name.removesuffix(".safetensors") for name in architecture.weight_files]
    folders = [timm_dir / f"models--timm--{name}" / "snapshots" for name in names]
    found = [file for folder in folders for file in folder.glob("*/model.safetensors") if file.is_file()]
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


def _row(architecture: Architecture, settings: JobSettings, reads_files: bool) -> WeightsRow:
    file = find_for(architecture, settings)
    return WeightsRow(
        arch=architecture.name,
        file=file,
        n_bytes=file.stat().st_size if file else 0,
        check=_check(file, architecture, reads_files) if file else "",
        file_name=next(iter(architecture.weight_files), ""),
        download_mb=architecture.download_mb,
        put_in=settings.weights_dir or settings.hub_dir or Path(),
    )


def _check(file: Path, architecture: Architecture, reads_files: bool) -> Check:
    expected = expected_hash(file.name)
    if expected and reads_files:
        return "hash agrees" if digest(file).startswith(expected) else "hash differs"
    # The table has the size of the first published file only; the file of a package is as large.
    if file.name != next(iter(architecture.weight_files), "") and file not in packaged(architecture):
        return "unpublished"
    has_its_size = abs(file.stat().st_size / 1e6 - architecture.download_mb) <= SIZE_TOLERANCE_MB
    return "size agrees" if has_its_size else "size differs"

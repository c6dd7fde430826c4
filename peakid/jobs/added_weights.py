"""Add a file of pretrained weights: check it in a process of its own, copy it under the name to look for."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from peakid import files
from peakid.errors import BadInput, DiskError, WeightsUnfit
from peakid.job_settings import JobSettings
from peakid.recipe import architectures, weight_files
from peakid.recipe.architectures import Architecture
from peakid.settings import bare_environment, for_job

CHECKS_WITHIN_S = 600.0  # Reading 350 MB from a slow disk and loading the libraries takes a minute.


@dataclass(frozen=True)
class AddedWeights:
    """A file of weights in the folder of weights.

    Attributes:
        is_published: Whether its SHA-256 is the one in the name of the published file.
    """

    arch: str
    path: Path
    sha256: str
    n_bytes: int
    is_published: bool

    def text(self) -> str:
        """Return it for people."""
        published = " It is the published file." if self.is_published else ""
        return (
            f"The weights of {self.arch} are in {self.path} (SHA-256 {self.sha256}).{published}"
            " Trainings and embeddings find them."
        )


def add(file: Path, arch: str, *, sha256: str = "", settings: JobSettings | None = None) -> AddedWeights:
    """Copy a state_dict into the folder of weights if its tensors are those of an architecture.

    It is read without running any code of it, in a process of its own. An equal file that is there already
    stays as it is.

    Args:
        arch: The name of an architecture, with or without `timm/`.
        sha256: What its SHA-256 must begin with; '' = anything.

    Raises:
        UnknownArchitecture: If there is no such architecture.
        WeightsUnfit: If it is not a state_dict of it, or has another SHA-256.
        BadInput: If there is no such file, or another file has the name already.
        DiskError: If it cannot be copied.
    """
    settings, file = settings or for_job(), files.expanded(file)
    name = f"timm/{arch}" if f"timm/{arch}" in architectures.TABLE else arch
    architecture = architectures.find(name)
    if not files.is_regular(file):
        raise BadInput(f"There is no file {file}.", "Check its path.")
    digest = weight_files.digest(file)
    if sha256 and not digest.startswith(sha256.lower()):
        raise WeightsUnfit(
            f"The file {file} has the SHA-256 {digest}, not {sha256}.",
            "It is damaged or another file: download it again.",
        )
    _check_tensors(file, architecture)
    target = _target(file, architecture, settings, digest)
    if not target.exists():
        _copy(file, target)
    return AddedWeights(
        arch=name,
        path=target,
        sha256=digest,
        n_bytes=target.stat().st_size,
        is_published=_has_published_hash(target.name, digest),
    )


def _check_tensors(file: Path, architecture: Architecture) -> None:
    """Raise unless the tensors of a file fit, with what the process says that compares them."""
    command = [sys.executable, "-P", "-m", "peakid.jobs.weights_check", str(file), architecture.name]
    done = subprocess.run(
        command,
        env=bare_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CHECKS_WITHIN_S,
        check=False,
    )
    if done.returncode == 0:
        return
    lines = done.stdout.strip().splitlines() if done.returncode == 1 else []
    message = lines[0] if lines else f"The process that reads {file} ended with {done.returncode}."
    raise WeightsUnfit(message, lines[1] if len(lines) > 1 else "Give a state_dict of this architecture.")


def _target(file: Path, architecture: Architecture, settings: JobSettings, digest: str) -> Path:
    """Return where a file goes: under its published name if it has that content, else after the architecture.

    Raises:
        BadInput: If another file has the name.
    """
    published = [
        name
        for name in architecture.weight_files
        if Path(name).suffix == file.suffix
        and (_has_published_hash(name, digest) or weight_files.hash_in_name(name) is None)
    ]
    own_name = f"{architecture.name.removeprefix('timm/')}{file.suffix}"
    folder = settings.weights_dir or settings.hub_dir or Path()
    # Only a folder of the user is searched for names like that of the architecture.
    name = next(iter(published), own_name)
    if name == own_name and settings.weights_dir is None:
        raise BadInput(
            f"{file.name} is not a published file of {architecture.name}, and no folder of weights is set.",
            "Set the folder of weights (PEAKID_WEIGHTS), then add it again.",
        )
    target = folder / name
    if target.exists() and weight_files.digest(target) != digest:
        raise BadInput(
            f"{target} is there already, with another content.", "Remove that file, then add this one again."
        )
    return target


def _has_published_hash(name: str, digest: str) -> bool:
    expected = weight_files.expected_hash(name)
    return expected is not None and digest.startswith(expected)


def _copy(file: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(target, is_synced=True) as part:
            shutil.copyfile(file, part)
    except OSError as error:
        found = files.explained(error, target)
        message = f"The weights cannot be copied to {target}: {error.strerror or error}."
        raise found or DiskError(message, "Choose another folder of weights.") from error

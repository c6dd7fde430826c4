"""Which pretrained weights a run starts from: looked for on this machine first, then fetched, and always said on the run."""

import contextlib
import pickle
import socket
import struct
import zipfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from peakid.errors import WeightsMissing, WeightsUnfit
from peakid.recipe import architectures, weight_files
from peakid.recipe.architectures import Architecture

TORCHVISION_URL = "https://download.pytorch.org/models/"
TIMM_URL = "https://huggingface.co/timm/"
CONNECT_TIMEOUT_S = 10.0  # A firewall that drops packets would otherwise hold the job for minutes.

# What a published state_dict may hold beyond the body: the ImageNet classifier, which is cut off.
CLASSIFIERS = ("fc.", "classifier.", "head.", "heads.")

# What torch's reader of pickles says of bytes that are none: any opcode may come before any other.
BROKEN = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    struct.error,
)

Fetch = Callable[[Architecture, Path], Path]
"""Downloads the architecture's weights, into the given checkpoint folder; raises OSError where it cannot."""


@dataclass(frozen=True)
class Found:
    """Where the weights come from. `note` is what the run records; `path` and `sha256` are None for random weights."""

    kind: Literal["file", "download", "none"]
    path: Path | None
    sha256: str | None
    note: str

    @property
    def is_pretrained(self) -> bool:
        return self.path is not None


def find(
    arch: str,
    pretrained: str,
    weights_dir: Path | None,
    *,
    hub_dir: Path | None = None,
    fetch: Fetch | None = None,
) -> Found:
    """Find weights for an architecture: the given path, `weights_dir`, torch's checkpoint folder, then a download.

    Args:
        pretrained: `auto` (random weights where nothing is found), `require`, `none`, or the path of a state_dict.
        weights_dir: Folder of weight files a person keeps; searched for published names, then for the architecture's name.
        hub_dir: torch's checkpoint folder; None = where torch itself looks.
        fetch: Downloads; None = from torchvision's server or Hugging Face.

    Raises:
        WeightsMissing: If they are required, or named by path, and not to be had.
        WeightsUnfit: If a file's SHA-256 is not what its published name says.
    """
    architecture = architectures.find(arch)
    if pretrained == "none":
        return Found("none", None, None, "none: random weights (asked for)")
    if pretrained not in ("auto", "require"):
        return _given(Path(pretrained))
    hub_dir = hub_dir or Path(torch.hub.get_dir()) / "checkpoints"
    local = weight_files.find(architecture, weights_dir, hub_dir)
    if local is not None:
        return _file("file", local)
    if not architecture.weight_files:
        return _unpublished(architecture, is_required=pretrained == "require")
    return _fetched(architecture, hub_dir, fetch or download, is_required=pretrained == "require")


def load_into(full: nn.Module, found: Found, architecture: Architecture) -> None:
    """Fill a published model with the weights found. Its classifier may differ or be missing: it is cut off later.

    Raises:
        WeightsUnfit: If the file is no state_dict, or not one of this architecture.
    """
    if found.path is None:
        return
    state = {
        key: value.float() if value.is_floating_point() else value for key, value in _read(found.path).items()
    }
    wanted = full.state_dict()
    body = {key: value for key, value in state.items() if not key.startswith(CLASSIFIERS)}
    wrong = [
        key for key, value in wanted.items() if not key.startswith(CLASSIFIERS) and _misfits(key, value, body)
    ]
    wrong += [key for key in body if key not in wanted]
    if wrong:
        raise WeightsUnfit(
            f"The weights file {found.path} does not fit {architecture.name}: {len(wrong)} of its {len(wanted)} entries differ, "
            f"the first is '{wrong[0]}'.",
            f"Give a state_dict of {architecture.name}, or the architecture that it was made for with --set arch=NAME.",
        )
    full.load_state_dict(body, strict=False)


def download(architecture: Architecture, folder: Path) -> Path:
    """Fetch published weights into `folder`, whole or not at all.

    Plain HTTP for timm too: the Hugging Face client retries for 23 s where there is no network.

    Raises:
        OSError: If the server cannot be reached or the file does not have the hash its name promises.
    """
    name = architecture.weight_files[0]
    stem = name.removesuffix(".safetensors")
    url = (
        f"{TIMM_URL}{stem}/resolve/main/model.safetensors" if architecture.is_timm else TORCHVISION_URL + name
    )
    folder.mkdir(parents=True, exist_ok=True)
    with _short_timeout():
        try:
            torch.hub.download_url_to_file(
                url, str(folder / name), weight_files.hash_in_name(name), progress=False
            )
        except RuntimeError as error:  # torch's word for a wrong hash.
            raise OSError(str(error)) from error
    return folder / name


def _given(path: Path) -> Found:
    if not path.is_file():
        raise WeightsMissing(
            f"There is no weights file at {path}.", "Correct the path, or use --set pretrained=auto."
        )
    return _file("file", path)


def _file(kind: Literal["file", "download"], path: Path) -> Found:
    sha256, promised = weight_files.digest(path), weight_files.hash_in_name(path.name)
    if promised and not sha256.startswith(promised):
        raise WeightsUnfit(
            f"The weights file {path} has SHA-256 {sha256[:8]}, its name promises {promised}: it is damaged or another file.",
            "Delete it and fetch it again, or rename it if it is meant to differ.",
        )
    return Found(kind, path, sha256, f"{kind} {path.name} sha256 {sha256[:8]}")


def _unpublished(architecture: Architecture, *, is_required: bool) -> Found:
    if is_required:
        raise WeightsMissing(
            f"Pretrained weights for {architecture.name} are required, and nobody published any.",
            "Use --set pretrained=none, or an architecture with weights, such as --set arch=resnet18.",
        )
    return Found("none", None, None, f"none: random weights (there are none for {architecture.name})")


def _fetched(architecture: Architecture, hub_dir: Path, fetch: Fetch, *, is_required: bool) -> Found:
    name = architecture.weight_files[0]
    try:
        return _file("download", fetch(architecture, hub_dir))
    except OSError as error:
        if not is_required:
            return Found("none", None, None, "none: random weights (not found, offline)")
        raise WeightsMissing(
            f"Pretrained weights for {architecture.name} are required; they are not on this machine and could not be "
            f"fetched ({type(error).__name__}).",
            f"Put {name} in {hub_dir} ({architecture.download_mb:.0f} MB), or use --set pretrained=auto or a path.",
        ) from error


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (*BROKEN, zipfile.BadZipFile, SafetensorError) as error:
        raise WeightsUnfit(
            f"The weights file {path} cannot be read as a plain state_dict ({type(error).__name__}).",
            "Save it with torch.save(model.state_dict()); pickled models are never loaded, because they can run code.",
        ) from error
    for key in ("state_dict", "model"):  # Checkpoints often wrap the weights in one of these.
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if (
        not isinstance(state, dict)
        or not state
        or not all(isinstance(value, Tensor) for value in state.values())
    ):
        raise WeightsUnfit(
            f"The weights file {path} holds no state_dict.", "Save it with torch.save(model.state_dict())."
        )
    return state


def _misfits(key: str, value: Tensor, state: dict[str, Tensor]) -> bool:
    if key.endswith("num_batches_tracked"):
        return False
    return key not in state or state[key].shape != value.shape


@contextlib.contextmanager
def _short_timeout() -> Generator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

"""Find, check and load the weights that a training starts from: a file, a download, or a run's model."""

import contextlib
import pickle
import socket
import struct
import zipfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from peakid.errors import WeightsMissing, WeightsUnfit
from peakid.learn.network import lite_names
from peakid.learn.network import model as models
from peakid.recipe import architectures, run_files, weight_files
from peakid.recipe.architectures import Architecture
from peakid.remedies import action
from peakid.run_records import StartingWeights

TORCHVISION_URL = "https://download.pytorch.org/models/"
TIMM_URL = "https://huggingface.co/timm/"
CONNECT_TIMEOUT_S = 10.0  # A firewall that drops packets would otherwise block the job for minutes.

# What a published state_dict may hold in addition to the body: the ImageNet classifier, which is cut off.
N_IMAGENET = 1_000  # Classes.
CLASSIFIERS = ("fc.", "classifier.", "head.", "heads.")

# What torch's unpickler raises on bytes that are not a pickle: any opcode may come before any other.
NOT_A_PICKLE = (
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
"""Downloads the architecture's weights into a folder and returns the file; raises OSError where it cannot."""

_IMAGENET_ACTION = action("set_recipe", key="pretrained", value="auto")
_RANDOM_ACTION = action("set_recipe", key="pretrained", value="none")


@dataclass(frozen=True)
class FoundWeights:
    """The weights to start from.

    Attributes:
        path: None for random weights.
        record: What the run states about them.
    """

    path: Path | None
    record: StartingWeights

    @property
    def is_pretrained(self) -> bool:
        return self.path is not None


def find(
    arch: str,
    pretrained: str,
    weights_dir: Path | None,
    *,
    hub_dir: Path | None = None,
    timm_dir: Path | None = None,
    fetch: Fetch | None = None,
) -> FoundWeights:
    """Find weights: at the given path, in `weights_dir`, in the caches, in a package, or by a download.

    Args:
        pretrained: `auto` (random weights where nothing is found), `require`, `none`, or the path of a
            state_dict.
        weights_dir: The user's folder of weight files; searched for published names, then for files named
            after the architecture.
        hub_dir: torch's checkpoint folder; None = where torch itself looks.
        timm_dir: The cache from which timm reads; None = it is not searched.
        fetch: Downloads; None = from torchvision's server or Hugging Face.

    Raises:
        WeightsMissing: If they are required, or given by path, and cannot be found.
        WeightsUnfit: If a file's SHA-256 differs from the one in its name.
    """
    architecture = architectures.find(arch)
    if pretrained == "none":
        return _random("requested")
    if pretrained not in ("auto", "require"):
        return _given(Path(pretrained), architecture)
    hub_dir = hub_dir or Path(torch.hub.get_dir()) / "checkpoints"
    local = weight_files.find(architecture, weights_dir, hub_dir, timm_dir)
    if local is not None:
        return _checked(local, architecture)
    if not architecture.weight_files:
        return _unpublished(architecture, is_required=pretrained == "require")
    return _fetched(architecture, hub_dir, fetch or download, is_required=pretrained == "require")


def load_into(full: nn.Module, found: FoundWeights, architecture: Architecture) -> None:
    """Load the weights into a published model. Its classifier may differ or be missing: it is cut off later.

    Raises:
        WeightsUnfit: If the file is not a state_dict, or not one of this architecture.
    """
    if found.path is None:
        return
    read = _read(found.path)
    expected = full.state_dict()
    read = lite_names.renamed(read, expected) if lite_names.is_of_package(read) else read
    state = {key: value.float() if value.is_floating_point() else value for key, value in read.items()}
    body = {key: value for key, value in state.items() if not key.startswith(CLASSIFIERS)}
    wrong = [
        key
        for key, value in expected.items()
        if not key.startswith(CLASSIFIERS) and not _fits(key, value, body)
    ]
    wrong += [key for key in body if key not in expected]
    if wrong:
        raise WeightsUnfit(
            f"The weights file {found.path} does not fit {architecture.name}: {len(wrong)} of its "
            f"{len(expected)} entries differ, the first is '{wrong[0]}'.",
            f"Give a state_dict of {architecture.name}, or choose the architecture of the file.",
        )
    full.load_state_dict(body, strict=False)


def imagenet_classifier(path: Path, *, n_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the classifier in a file of weights: float32 of shape (1000, n_features) and (1000,).

    Raises:
        WeightsUnfit: If it has none that is one linear layer on the pooled features.
    """
    found = {key: value for key, value in _read(path).items() if key.startswith((*CLASSIFIERS, "_fc."))}
    shapes = {tuple(value.shape): value.float().numpy() for value in found.values()}
    if len(found) != 2 or set(shapes) != {(N_IMAGENET, n_features), (N_IMAGENET,)}:
        raise WeightsUnfit(
            f"The weights file {path.name} has no classifier of the {N_IMAGENET:,} ImageNet classes on"
            f" {n_features:,} features.",
            "Compute the embeddings with EfficientNet-Lite0, whose weights have one.",
        )
    return shapes[N_IMAGENET, n_features], shapes[N_IMAGENET,]


def is_of_a_run(path: Path) -> bool:
    """Return whether a weights file is the model of a run: Peakid wrote a card next to it."""
    return path.name == run_files.WEIGHTS and path.with_name(run_files.CARD).is_file()


def load_run_into(
    model: nn.Sequential, path: Path, architecture: Architecture, class_names: list[str]
) -> None:
    """Load an earlier run's body and head into a model.

    The head keeps the rows of classes that both models have; a new class starts with random weights.

    Raises:
        WeightsUnfit: If the earlier model has another architecture, or its file is damaged.
    """
    earlier = models.read_card(path.with_name(run_files.CARD))
    if earlier.arch != architecture.name:
        raise WeightsUnfit(
            f"The model in {path.parent} is a {earlier.arch}, not a {architecture.name}.",
            "Choose the same architecture.",
            action("set_recipe", key="arch", value=earlier.arch),
        )
    try:
        state = load_file(path)
        model[0].load_state_dict(_part(state, "0."))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsUnfit(
            f"The weights {path} do not fit their card ({earlier.arch}): {str(error)[:200]}.",
            "Train again.",
            action("train"),
        ) from error
    _load_head(model[1], _part(state, "1."), earlier.class_names, class_names)


def download(architecture: Architecture, folder: Path) -> Path:
    """Fetch published weights into `folder`, completely or not at all.

    Plain HTTP for timm too: the Hugging Face client retries for 23 s where there is no network.

    Raises:
        OSError: If the server cannot be reached or the file does not have the hash in its name.
    """
    name = architecture.weight_files[0]
    stem = name.removesuffix(".safetensors")
    is_timm = architecture.is_timm
    url = f"{TIMM_URL}{stem}/resolve/main/model.safetensors" if is_timm else TORCHVISION_URL + name
    folder.mkdir(parents=True, exist_ok=True)
    with _short_timeout():
        try:
            torch.hub.download_url_to_file(
                url, str(folder / name), weight_files.hash_in_name(name), progress=False
            )
        except RuntimeError as error:  # How torch reports a wrong hash.
            raise OSError(str(error)) from error
    return folder / name


def _random(note: str) -> FoundWeights:
    return FoundWeights(None, StartingWeights("random", note=note))


def _given(path: Path, architecture: Architecture) -> FoundWeights:
    if not path.is_file():
        raise WeightsMissing(
            f"There is no weights file at {path}.",
            "Correct the path, or use ImageNet weights.",
            _IMAGENET_ACTION,
        )
    return _checked(path, architecture)


def _checked(path: Path, architecture: Architecture, *, note: str = "") -> FoundWeights:
    sha256, expected = weight_files.digest(path), weight_files.expected_hash(path.name)
    if expected and not sha256.startswith(expected):
        raise WeightsUnfit(
            f"The weights file {path} has SHA-256 {sha256[:8]}... instead of {expected[:8]}...: it is damaged"
            " or another file.",
            "Delete it so that it is downloaded again, or rename it if it is meant to differ.",
        )
    kind = "imagenet" if path.name in architecture.weight_files else "file"
    return FoundWeights(path, StartingWeights(kind, path.name, sha256, note=note))


def _unpublished(architecture: Architecture, *, is_required: bool) -> FoundWeights:
    if is_required:
        raise WeightsMissing(
            f"Pretrained weights for {architecture.name} are required, but there are no published weights.",
            "Train from random weights, or choose an architecture with published weights, such as resnet18.",
            _RANDOM_ACTION,
            action("set_recipe", key="arch", value="resnet18"),
        )
    return _random(f"no published weights for {architecture.name}")


def _fetched(architecture: Architecture, hub_dir: Path, fetch: Fetch, *, is_required: bool) -> FoundWeights:
    name = architecture.weight_files[0]
    try:
        return _checked(fetch(architecture, hub_dir), architecture, note="downloaded")
    except OSError as error:
        if not is_required:
            return _random("not found, offline")
        raise WeightsMissing(
            f"Pretrained weights for {architecture.name} are required; they are not on this machine and "
            f"could not be downloaded ({type(error).__name__}).",
            f"Put {name} in {hub_dir} ({architecture.download_mb:.0f} MB), or allow random weights.",
            _IMAGENET_ACTION,
        ) from error


def _read(path: Path) -> dict[str, Tensor]:
    """Read a state_dict, also one inside a checkpoint, without running any code of the file."""
    try:
        state: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (*NOT_A_PICKLE, zipfile.BadZipFile, SafetensorError) as error:
        raise WeightsUnfit(
            f"The weights file {path} cannot be read as a plain state_dict ({type(error).__name__}).",
            "Save it with torch.save(model.state_dict()); pickled models are never loaded, because they can "
            "run code.",
        ) from error
    for key in ("state_dict", "model"):  # Checkpoints often wrap the weights in one of these.
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    is_dict = isinstance(state, dict) and bool(state)
    if not is_dict or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsUnfit(
            f"The weights file {path} is not a state_dict.", "Save it with torch.save(model.state_dict())."
        )
    return state


def _fits(key: str, value: Tensor, state: Mapping[str, Tensor]) -> bool:
    return key.endswith("num_batches_tracked") or (key in state and state[key].shape == value.shape)


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _load_head(
    head: nn.Module, state: Mapping[str, Tensor], earlier_names: list[str], class_names: list[str]
) -> None:
    """Copy what the two heads share; heads of different kinds share nothing."""
    own = head.state_dict()
    if own.keys() != state.keys():
        return
    last = max(own, key=lambda key: int(key.split(".")[0])).split(".")[0]  # The layer with a row per class.
    shared = [(class_names.index(name), row) for row, name in enumerate(earlier_names) if name in class_names]
    with torch.no_grad():
        for key, value in own.items():
            if key.split(".")[0] != last:
                value.copy_(state[key])
                continue
            for here, there in shared:
                value[here] = state[key][there]
    head.load_state_dict(own)


@contextlib.contextmanager
def _short_timeout() -> Generator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

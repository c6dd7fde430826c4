"""Turn the views of pictures into vectors with a pretrained body."""

import numpy as np
import torch
from torch import nn

from peakid.job_settings import JobSettings
from peakid.learn import start
from peakid.learn.network import model as models
from peakid.learn.network import weights
from peakid.learn.network.predict import BATCH_SIZE, in_parts
from peakid.recipe import architectures

BATCH_ON_CPU = 16  # Its activations stay in the cache: 64 take a quarter longer.


class ViewNetwork:
    """A pretrained body that embeds grey views.

    Args:
        arch: An architecture whose pretrained weights are on this machine.

    Attributes:
        weights_sha256: Of the file of weights.
        n_values: Numbers in the vector of one view.

    Raises:
        WeightsMissing: If its pretrained weights are not found.
        WeightsUnfit: If their file is damaged or of another architecture.
    """

    def __init__(self, arch: str, settings: JobSettings) -> None:
        architecture = architectures.find(arch)
        found = weights.find(arch, "require", settings.weights_dir, hub_dir=settings.hub_dir)
        full = models.full_model(architecture)
        weights.load_into(full, found, architecture)
        model = models.assemble(full, architecture, n_classes=1, head="linear")
        self._device = start.find_device("auto")
        network = nn.Sequential(model[0], *list(model[1].children())[:-1]).eval()
        # Channels last: the separable convolutions of small networks take half the time on a CPU.
        self._network = network.to(self._device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(architecture.mean, device=self._device)[:, None, None]
        self._std = torch.tensor(architecture.std, device=self._device)[:, None, None]
        self.weights_sha256 = found.record.sha256 or ""
        self.n_values = architecture.n_features

    def embed(self, views: np.ndarray) -> np.ndarray:
        """Return the vectors of views, those of one picture one after the other in a row.

        Args:
            views: uint8 of shape (n, V, S, S).

        Returns:
            float32 of shape (n, V * n_values), the vector of each view of length 1.
        """
        flat = views.reshape(-1, *views.shape[2:], 1)  # (n * V, S, S, 1)
        return self.embed_each(flat).reshape(len(views), -1)

    def embed_each(self, pictures: np.ndarray) -> np.ndarray:
        """Return the vector of each picture, of length 1: float32 of shape (n, n_values).

        Args:
            pictures: uint8 of shape (n, S, S, 3), or (n, S, S, 1) for grey ones.
        """
        found = np.empty((len(pictures), self.n_values), dtype=np.float32)

        def part(begin: int, end: int) -> None:
            batch = torch.from_numpy(np.array(pictures[begin:end])).to(self._device)
            colour = batch.permute(0, 3, 1, 2).expand(-1, 3, -1, -1) / 255  # (B, 3, S, S)
            vectors = self._network((colour - self._mean) / self._std)  # (B, C)
            found[begin:end] = nn.functional.normalize(vectors).float().cpu().numpy()

        with torch.inference_mode():
            in_parts(len(pictures), part, size=BATCH_ON_CPU if self._device.type == "cpu" else BATCH_SIZE)
        return found

"""Turn the views of pictures into vectors with a pretrained body."""

import numpy as np
import torch
from torch import nn

from peakid.job_settings import JobSettings
from peakid.learn import start
from peakid.learn.network import model as models
from peakid.learn.network import weights
from peakid.learn.network.predict import in_parts
from peakid.recipe import architectures


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
        self._network = nn.Sequential(model[0], *list(model[1].children())[:-1]).to(self._device).eval()
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
        flat = views.reshape(-1, *views.shape[2:])  # (n * V, S, S)
        found = np.empty((len(flat), self.n_values), dtype=np.float32)

        def part(begin: int, end: int) -> None:
            grey = torch.from_numpy(np.array(flat[begin:end])).to(self._device)
            colour = grey[:, None].expand(-1, 3, -1, -1) / 255  # (B, 3, S, S)
            vectors = self._network((colour - self._mean) / self._std)  # (B, C)
            found[begin:end] = nn.functional.normalize(vectors).float().cpu().numpy()

        with torch.inference_mode():
            in_parts(len(flat), part)
        return found.reshape(len(views), -1)

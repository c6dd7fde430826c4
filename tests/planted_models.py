"""A run with a model that looks at one thing: how red the lower right corner of an image is."""

import io

import numpy as np
import torch
from PIL import Image
from torch import nn

from peakid.learn.network import model as models
from peakid.records import Snapshot
from peakid.store import runs
from peakid.store.workspace import Workspace
from tests import planted_runs

SIZE_PX = 64
CORNER = slice(44, 60)  # Pixels of 64, in rows and columns.


def photo(seed: int, *, is_marked: bool) -> bytes:
    """Draw a dim image, with a red mark in its lower right corner or without."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    if is_marked:
        pixels[CORNER, CORNER, 0] = 250
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def plant(workspace: Workspace, snapshot: Snapshot, **options: object) -> int:
    """Store a run whose model gives its last class to images with the mark; return its id."""
    run_id = planted_runs.plant(
        workspace, snapshot, {}, arch="plain_cnn", image_size_px=SIZE_PX, method="fine-tune", **options
    )
    torch.manual_seed(0)
    model = models.build("plain_cnn", n_classes=len(snapshot.class_names), head="linear")
    for layer in model[0]:
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.zero_()
            layer.bias.data.zero_()
            layer.weight.data[0, 0, 1, 1] = 1.0  # Passes red on.
    model[1][2].weight.data.zero_()
    model[1][2].bias.data[:] = torch.tensor([0.0, -1.0])
    model[1][2].weight.data[0, 0], model[1][2].weight.data[1, 0] = -20.0, 20.0
    half = (0.5, 0.5, 0.5)
    card = models.Card(
        "plain_cnn", list(snapshot.class_names), SIZE_PX, "crop", half, half, 2, {}, "", {}, "linear"
    )
    models.save(model, card, runs.folder(workspace, run_id))
    return run_id

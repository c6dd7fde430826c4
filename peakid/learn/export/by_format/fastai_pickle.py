"""fastai's export.pkl: a pickled Learner for `load_learner`. Loading it runs the code in it.

The network is traced down to the layers of published packages, so that a program that loads the file needs
fastai (and timm for its architectures), but not Peakid.
"""

import copy
import functools
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, fx, nn

from peakid.learn.export.trained import Predict, TrainedModel
from peakid.learn.network.model import Card, TimmBody
from peakid.recipe import architectures

BATCH_SIZE = 32  # Of the photos that one call of get_preds loads at once.


PUBLISHED = ("torch.", "torchvision.", "timm.", "fastai.")  # Whose layers are named in the file.


class _Logits(nn.Module):
    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, normalised: Tensor) -> Tensor:
        return self.network(normalised) / self.temperature


def write(trained: TrainedModel, file: Path) -> None:
    """Write a Learner whose `predict` takes a path, bytes or an array and gives probabilities.

    It turns photos by EXIF, which fastai alone does not, and resizes with fastai's transforms: a crop by
    whole pixels, where Peakid's may begin in the middle of one.
    """
    from fastai.learner import Learner
    from fastai.losses import CrossEntropyLossFlat

    logits = _Logits(_published(trained.network, trained.card), trained.card.temperature).eval()
    traced = _traced(logits)
    with tempfile.TemporaryDirectory() as folder:
        loaders = _loaders(trained.card, Path(folder) / "first")
        learner: Any = Learner(loaders, traced, loss_func=CrossEntropyLossFlat(), path=file.parent)
        learner.export(file.name)


def read(file: Path, card: Card) -> Predict:
    """Load a file that Peakid has just written, never another one: loading it runs its code."""
    from fastai.callback import progress  # noqa: F401  Gives learners `no_bar`.
    from fastai.learner import load_learner
    from fastai.vision.core import PILImage

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # About pickle, which the docstring says.
        learner: Any = load_learner(file)

    def predicted(batch: np.ndarray) -> np.ndarray:
        photos = [PILImage.create(pixels) for pixels in batch]
        loader = learner.dls.test_dl(photos, bs=BATCH_SIZE, num_workers=0)
        with learner.no_bar(), learner.no_logging():
            return learner.get_preds(dl=loader)[0].numpy()

    return predicted


def _traced(module: nn.Module) -> fx.GraphModule:
    class Tracer(fx.Tracer):  # Local: a pickled graph names its tracer, unless it is local.
        def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
            return type(m).__module__.startswith(PUBLISHED) and not isinstance(m, nn.Sequential)

    return fx.GraphModule(module, Tracer().trace(module))


def _published(network: nn.Module, card: Card) -> nn.Module:
    """Return the network with timm's own model as its body, where Peakid has wrapped it."""
    body, head = network.children()
    if not isinstance(body, TimmBody):
        return network
    model = copy.deepcopy(body.model)
    if architectures.find(card.arch).has_map:
        model.reset_classifier(0, "")  # Without pooling: the head pools.
    return nn.Sequential(model, head)


def _loaders(card: Card, folder: Path) -> Any:
    """Return fastai's loaders of one black photo; only their transforms are exported."""
    from fastai.data.core import Datasets
    from fastai.data.transforms import Categorize, IntToFloatTensor, Normalize, ToTensor, parent_label
    from fastai.vision.augment import PadMode, Resize, ResizeMethod
    from fastai.vision.core import PILImage

    size = card.image_size_px
    folder.mkdir()
    Image.new("RGB", (size, size)).save(folder / "black.png")
    named = functools.partial(dict.get, {folder.name: card.class_names[0]})
    photo = [PILImage.create, ImageOps.exif_transpose, PILImage.create]
    label = [parent_label, named, Categorize(vocab=card.class_names, sort=False)]
    datasets = Datasets([str(folder / "black.png")], [photo, label], splits=[[0], [0]])
    methods = {"crop": ResizeMethod.Crop, "squish": ResizeMethod.Squish, "pad": ResizeMethod.Pad}
    bicubic = (Image.Resampling.BICUBIC, Image.Resampling.NEAREST)
    resized = Resize(size, methods[card.resize], pad_mode=PadMode.Zeros, resamples=bicubic)
    normalised = Normalize.from_stats(card.mean, card.std, cuda=False)
    return datasets.dataloaders(
        bs=1,
        num_workers=0,
        device=torch.device("cpu"),
        after_item=[resized, ToTensor()],
        after_batch=[IntToFloatTensor(), normalised],
    )

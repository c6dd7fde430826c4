"""Steps of networks with BatchNorm, by ranks or by one: gradients and running statistics of each step."""

from pathlib import Path
from typing import Any

import torch
from fastai.callback.core import Callback, CancelValidException
from safetensors.torch import save_file

from peakid.learn import fit
from peakid.learn.batches import loaders
from peakid.learn.network import model
from peakid.learn.ranks.averaging import Averaging
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.recipe import architectures
from tests.learn.colours import images_of, prepare
from tests.learn.ranks import tiny

N_STEPS = 4
RATE = 1e-3  # A network of random weights multiplies the rounding of larger steps.
LEARNS = {"all": None, "head": 0}  # Blocks of the body; the norms of a body that does not learn are frozen.


class Record(Callback):
    """Keeps each step's gradients before, and running statistics after it; computes in double precision."""

    learn: Any

    def __init__(self, network: torch.nn.Sequential, is_frozen: bool) -> None:
        self.network, self.is_frozen, self.step = network, is_frozen, 0
        self.found: dict[str, torch.Tensor] = {}

    def before_train(self) -> None:
        if self.is_frozen:
            model.freeze_norms(self.learn.model)

    def before_batch(self) -> None:
        self.learn.xb = tuple(each.double() for each in self.learn.xb)

    def before_step(self) -> None:
        of_step = {key: each.grad for key, each in self.network.named_parameters() if each.grad is not None}
        self.found |= {f"{self.step} gradient {key}": value.clone() for key, value in of_step.items()}

    def after_batch(self) -> None:
        of_step = dict(self.network.named_buffers())
        self.found |= {f"{self.step} statistic {key}": value.clone() for key, value in of_step.items()}
        self.step += 1

    def before_validate(self) -> None:
        raise CancelValidException


def file_of(folder: Path, arch: str, learns: str, number: int, count: int) -> Path:
    return folder / f"{arch.replace('/', '-')}-{learns}-{number}-of-{count}.safetensors"


def train(folder: Path, arch: str, learns: str, ranks: Ranks = ALONE) -> None:
    """Train an epoch from random weights without dropout and augmentation; write what was recorded."""
    recipe = tiny.RECIPE.model_copy(update={"arch": arch, "image_size_px": 64, "optimiser": "sgd"})
    images, architecture = images_of(tiny.ROWS), architectures.find(arch)
    prepared = prepare(images, recipe, folder / f"cache-{ranks.number}-of-{ranks.count}")
    torch.manual_seed(3)
    full = model.full_model(architecture)
    network = model.assemble(full, architecture, n_classes=2, dropout=0).double()
    model.unfreeze(network, LEARNS[learns])
    dls = loaders.make(images, prepared, recipe, architecture, torch.device("cpu"), ranks=ranks)
    record = Record(network, is_frozen=learns == "head")
    learner = fit.make_learner(network, dls, recipe, [record, *([] if ranks.is_alone else [Averaging()])])
    learner.loss_func.double()
    dls.train.begin_epoch(0, skip=0)
    learner.fit(1, lr=RATE)
    save_file(record.found, file_of(folder, arch, learns, ranks.number, ranks.count))

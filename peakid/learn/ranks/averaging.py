"""Average the gradients over the ranks in every step, and normalise over the whole batch of all ranks."""

from typing import Any

from fastai.callback.core import Callback
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from peakid.learn.ranks.norms import WholeBatchNorms

AFTER_ALL_OTHERS = 100  # Callbacks before it see the plain model.


class _Shared(DistributedDataParallel):
    """A model of which each rank computes a part of every batch."""

    has_part = True  # Whether this rank has one of the current batch.

    def forward(self, *inputs: Any, **named: Any) -> Any:
        with WholeBatchNorms(self.has_part):
            return super().forward(*inputs, **named)


class Averaging(Callback):
    """Wraps the model while an epoch is trained; validation and all that is stored see the plain one.

    It is wrapped anew in each epoch, because a phase decides which parameters learn. That also copies the
    parameters of the first rank to all others.
    """

    learn: Any
    order = AFTER_ALL_OTHERS

    def __init__(self) -> None:
        self.plain: nn.Module | None = None

    def before_train(self) -> None:
        self.plain = self.learn.model
        # Some published models have parameters that a forward pass does not use.
        self.learn.model = _Shared(self.plain, static_graph=True)

    def before_batch(self) -> None:
        if self.training:
            self.learn.model.has_part = self.learn.dls.train.weight > 0

    def after_loss(self) -> None:
        if self.training:
            self.learn.loss_grad = self.learn.loss_grad * self.learn.dls.train.weight

    def after_train(self) -> None:
        """Give every rank the running statistics of the first one, with which all of them validate."""
        self._unwrap()
        for buffer in self.learn.model.buffers():
            dist.broadcast(buffer, src=0)

    def after_fit(self) -> None:
        self._unwrap()

    def _unwrap(self) -> None:
        if self.plain is not None:
            self.learn.model, self.plain = self.plain, None

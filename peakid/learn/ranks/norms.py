"""BatchNorm over the whole batch of all ranks, on any device: torch's SyncBatchNorm works on GPUs only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.autograd import Function
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class WholeBatchNorms(TorchFunctionMode):
    """While it is active, BatchNorm in training mode has the statistics of the batch of all ranks.

    Every kind of BatchNorm layer calls `torch.nn.functional.batch_norm`, which is replaced here. So the
    layers stay what they are: what is stored, exported or run without ranks knows nothing of it.

    Args:
        has_part: Whether the images of this rank belong to the batch. Otherwise they have no influence on the
            statistics, but this rank takes part in the exchange.
    """

    def __init__(self, has_part: bool) -> None:
        super().__init__()
        self.has_part = has_part

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.batch_norm:
            return batch_norm(*args, **(kwargs or {}), has_part=self.has_part)
        return func(*args, **(kwargs or {}))


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    has_part: bool,
) -> Tensor:
    """Do what `torch.nn.functional.batch_norm` does, in training over the images of all ranks.

    Args:
        x: (B, C) or (B, C, ...); B may differ between the ranks.
        running_mean, running_var: (C,), updated in training. Without them nothing is exchanged: so weights
            are standardised, which are the same on all ranks.
        has_part: As in `WholeBatchNorms`.
    """
    if not training or running_mean is None or running_var is None:
        return functional.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    with torch.no_grad():
        mean, var, n = _statistics(x, has_part)
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_var.lerp_((var * n / (n - 1)).to(running_var.dtype), momentum)  # Unbiased, as torch does.
    return _Normalised.apply(x, weight, bias, mean, var, n, eps, has_part)


def _statistics(x: Tensor, has_part: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and biased variance over all ranks, (C,) each, and the number of values, (1,)."""
    precise = _precise(x)
    var, mean = torch.var_mean(precise, dim=_all_but_channels(x), correction=0)  # (C,)
    own = torch.cat([mean, var, mean.new_full((1,), x.numel() / x.shape[1] if has_part else 0)])  # (2 C + 1,)
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    means, variances, counts = torch.stack(parts).tensor_split([len(mean), 2 * len(mean)], dim=1)  # (R, ...)
    shares = counts / counts.sum()  # (R, 1)
    whole = (shares * means).sum(dim=0)  # (C,)
    # Not the mean of squares minus the square of the mean: their difference is lost where the mean is large.
    return whole, (shares * (variances + (means - whole) ** 2)).sum(dim=0), counts.sum(dim=0)


class _Normalised(Function):
    """Normalises with given statistics, and differentiates as if they were computed from x of all ranks.

    The gradients of weight and bias are those of this rank's part, which DistributedDataParallel averages.
    The formulas are those of Ioffe 2015, section 3, with sums over all ranks.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        var: Tensor,
        n: Tensor,
        eps: float,
        has_part: bool,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, (var + eps).rsqrt(), n)
        ctx.has_part = has_part
        return functional.batch_norm(x, mean, var, weight, bias, eps=eps)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # ty: ignore[incompatible-method-override]
        x, weight, mean, scale, n = ctx.saved_tensors
        dims, shape = _all_but_channels(x), (-1, *[1] * (x.ndim - 2))
        above, grad = _precise(x) - mean.view(shape), _precise(grad)
        sums = torch.stack([grad.sum(dims), (grad * above).sum(dims) * scale])  # (2, C)
        grad_x, (grad_bias, grad_weight) = None, sums.unbind()
        if ctx.needs_input_grad[0]:
            whole = sums.clone()
            dist.all_reduce(whole)
            factor = scale if weight is None else scale * weight  # (C,)
            grad_x = grad * factor.view(shape)
            if ctx.has_part:
                of_mean, of_var = -factor * whole / n  # (C,) each
                grad_x.add_(of_mean.view(shape)).addcmul_(above, (of_var * scale).view(shape))
            grad_x = grad_x.to(x.dtype)
        needs = ctx.needs_input_grad
        return grad_x, grad_weight if needs[1] else None, grad_bias if needs[2] else None, *[None] * 5


def _precise(x: Tensor) -> Tensor:
    """Return half precision as float32: sums over a batch would lose too much."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _all_but_channels(x: Tensor) -> tuple[int, ...]:
    return 0, *range(2, x.ndim)

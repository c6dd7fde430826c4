"""The BatchNorm of several ranks, on one: it computes what plain BatchNorm does."""

import pytest
import torch
from torch.nn import functional

from peakid.learn.ranks import joining
from peakid.learn.ranks.norms import WholeBatchNorms


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_batch_is_normalised_and_differentiated_as_torch_does_it(tmp_path, dtype):
    generator = torch.Generator().manual_seed(2)
    given = torch.randn(6, 3, 4, 4, generator=generator).to(dtype) * 2 + 50
    upstream = torch.randn(6, 3, 4, 4, generator=generator).to(dtype)

    def one_step():
        x = given.clone().requires_grad_()
        precise = torch.promote_types(dtype, torch.float32)
        weight, bias = (torch.full((3,), value, dtype=precise, requires_grad=True) for value in (1.5, 0.5))
        mean, var = torch.zeros(3, dtype=precise), torch.ones(3, dtype=precise)
        out = functional.batch_norm(x, mean, var, weight, bias, training=True, momentum=0.3)
        out.backward(upstream)
        evaluated = functional.batch_norm(given, mean, var, weight, bias)
        return [out, evaluated, mean, var, x.grad, weight.grad, bias.grad]

    expected = one_step()
    with joining.joined(
        0,
        1,
        0,
        init_method=f"file://{tmp_path / 'store'}",
        device_type="cpu",
        n_threads=torch.get_num_threads(),
    ):
        with WholeBatchNorms(has_part=True):
            found = one_step()
        assert found[0].grad_fn.name() != expected[0].grad_fn.name()  # It was computed here.
    for own, plain in zip(found, expected, strict=True):
        assert own.dtype == plain.dtype
        torch.testing.assert_close(own, plain)

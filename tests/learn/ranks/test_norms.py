"""BatchNorm on several ranks: the statistics of the whole batch, as plain BatchNorm has them on one."""

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from peakid.engines import fit_local
from peakid.engines.fit import Head, Order
from peakid.job_settings import JobSettings
from peakid.learn.ranks import joining
from peakid.learn.ranks.norms import WholeBatchNorms
from tests.learn.ranks import normed

LITE = "timm/tf_efficientnet_lite0"  # Its BatchNorm layers are timm's, with the activation inside.
CASES = [("small_resnet", "all"), (LITE, "all"), (LITE, "head")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two ranks recorded of each case."""
    folder = tmp_path_factory.mktemp("normed")
    order = Order("tests.learn.ranks.normed:run", {"cases": CASES}, folder, 2, False, JobSettings())
    assert fit_local.attempt(order, Head(lambda message: None, lambda: False)) == []
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "learns"), CASES)
def test_two_ranks_have_the_gradients_and_running_statistics_of_one(folder, arch, learns):
    """In parts of 3 and 2 images, and in a last batch of 3 of which the second rank has none."""
    normed.train(folder, arch, learns)
    alone = load_file(normed.file_of(folder, arch, learns, 0, 1))
    assert {int(key.split()[0]) for key in alone} == set(range(normed.N_STEPS))
    assert any("gradient" in key for key in alone)
    changed = [key for key in alone if key.endswith("running_var") and not bool((alone[key] == 1).all())]
    assert any(" 1." in key for key in changed)
    assert any(" 0." in key for key in changed) == (learns == "all")
    for rank in range(2):
        found = load_file(normed.file_of(folder, arch, learns, rank, 2))
        assert found.keys() == alone.keys()
        for key, value in alone.items():
            # Gradients of weights before a norm can be 0 but for rounding.
            torch.testing.assert_close(found[key], value, rtol=1e-6, atol=1e-9, msg=f"{key} on rank {rank}")


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

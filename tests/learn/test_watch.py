import pytest
import torch
from pynvml import NVMLError_LibraryNotFound

from peakid.learn import watch
from peakid.recipe import cost_guess
from peakid.recipe.phase import Phase

CUDA = torch.device("cuda", 0)


@pytest.fixture
def memory(monkeypatch):
    """A GPU of 140 GiB of which 128.8 are free."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(128.8 * 2**30), 140 * 2**30))


def test_progress_on_a_cpu_mentions_no_gpu():
    assert watch.gpu_usage(torch.device("cpu")) == ""


def test_progress_on_a_gpu_says_how_busy_and_how_full_it_is(memory, monkeypatch):
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 93)
    assert watch.gpu_usage(CUDA) == ", GPU 93 % busy, 11.2 of 140.0 GiB"


@pytest.mark.parametrize(
    "error",
    [
        NVMLError_LibraryNotFound(),
        ModuleNotFoundError("pynvml does not seem to be installed"),
        RuntimeError(),
    ],
)
def test_without_the_drivers_counters_progress_has_the_memory_only(memory, monkeypatch, error):
    def refuse(device):
        raise error

    monkeypatch.setattr(torch.cuda, "utilization", refuse)
    assert watch.gpu_usage(CUDA) == ", GPU 11.2 of 140.0 GiB"


def test_the_time_left_weighs_an_epoch_of_every_layer_as_the_cost_estimate_does():
    phases = [Phase(learns="head", epochs=2, image_size_px=32), Phase(epochs=1, image_size_px=64)]
    plan = watch.EpochPlan(phases, n_batches=10)
    # 20 batches of the head, then 10 of every layer with four times the pixels.
    assert plan.left(watch.Position()) == 20 + 10 * cost_guess.BODY_COST * 4
    assert plan.left(watch.Position(phase=1, batch=4)) == 6

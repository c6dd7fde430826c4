import pytest
import torch
from pynvml import NVMLError_LibraryNotFound

from peakid.learn import gpu_load

CUDA = torch.device("cuda", 0)


@pytest.fixture
def memory(monkeypatch):
    """A GPU of 140 GiB with 128.8 of them free, as CUDA would tell it."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(128.8 * 2**30), 140 * 2**30))


def test_a_cpu_has_no_gpu_to_tell_of():
    assert gpu_load.told(torch.device("cpu")) == ""


def test_a_gpu_says_how_busy_and_how_full_it_is(memory, monkeypatch):
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 93)
    assert gpu_load.told(CUDA) == ", GPU 93 % busy, 11.2 of 140.0 GiB"


@pytest.mark.parametrize(
    "error",
    [
        NVMLError_LibraryNotFound(),
        ModuleNotFoundError("pynvml does not seem to be installed"),
        RuntimeError(),
    ],
)
def test_without_the_drivers_counters_the_memory_is_told_alone(memory, monkeypatch, error):
    def refuse(device):
        raise error

    monkeypatch.setattr(torch.cuda, "utilization", refuse)
    assert gpu_load.told(CUDA) == ", GPU 11.2 of 140.0 GiB"

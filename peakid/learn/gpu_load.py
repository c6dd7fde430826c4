"""How busy the GPU is, for the progress line: a training that leaves it idle is a training that waits for something."""

import torch

try:
    from pynvml import NVMLError
except ImportError:  # A machine that was set up without nvidia-ml-py.
    NVMLError = RuntimeError


def told(device: torch.device) -> str:
    """Answer `, GPU 93 % busy, 11.2 of 139.8 GiB`; without its driver's library only the memory; nothing on a CPU."""
    if device.type == "mps":
        return f", GPU {_gib(torch.mps.driver_allocated_memory())} GiB"
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f", GPU{_busy(device)} {_gib(total - free)} of {_gib(total)} GiB"


def _busy(device: torch.device) -> str:
    try:
        return f" {torch.cuda.utilization(device)} % busy,"
    except (
        ImportError,
        RuntimeError,
        NVMLError,
    ):  # No nvidia-ml-py, another maker's GPU, or a driver without counters.
        return ""


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.1f}"

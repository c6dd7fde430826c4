"""Join the ranks of a training: torch's process group, with gloo on a CPU and NCCL on GPUs."""

import contextlib
import datetime
from collections.abc import Generator

import torch
from torch import distributed as dist

from peakid.errors import TooManyRanks
from peakid.learn.ranks.ranks import Ranks
from peakid.remedies import action

# A rank that dies closes its connections, which the others notice at once. So this is only for one that
# hangs: longer than decoding the images of a large collection, while the other ranks of the machine wait.
WAITS = datetime.timedelta(hours=12)


def refuse_devices(device_type: str, n_here: int) -> None:
    """Raise if the ranks of this machine cannot have a GPU each.

    Raises:
        TooManyRanks: If there are too few.
    """
    use_cpu = action("set_recipe", key="device", value="cpu")
    if device_type == "mps":
        raise TooManyRanks(f"{n_here} ranks cannot share the GPU of this Mac.", "Train on the CPU.", use_cpu)
    n_gpus = torch.cuda.device_count()
    if device_type == "cuda" and n_gpus < n_here:
        raise TooManyRanks(
            f"{n_here} ranks need {n_here} GPUs; this machine has {n_gpus}.",
            "Use fewer ranks, or train on the CPU.",
            use_cpu,
        )


@contextlib.contextmanager
def joined(
    rank: int, n_ranks: int, number_here: int, *, init_method: str, device_type: str, n_threads: int
) -> Generator[Ranks]:
    """Yield this process as one of the ranks.

    Args:
        init_method: As torch's `init_process_group`; '' = the group is there.
        device_type: `cuda` gives each rank of a machine the GPU of its number.
        n_threads: Cores for this rank.
    """
    torch.set_num_threads(n_threads)
    if device_type == "cuda" and init_method:
        torch.cuda.set_device(number_here)
    if init_method:
        backend = "nccl" if device_type == "cuda" else "gloo"
        dist.init_process_group(
            backend, init_method=init_method, rank=rank, world_size=n_ranks, timeout=WAITS
        )
    group = dist.new_group(
        backend="gloo", timeout=WAITS
    )  # For what is said, not computed: no GPU waits for it.
    try:
        yield Ranks(rank, n_ranks, number_here, group)
    finally:
        if init_method:
            dist.destroy_process_group()

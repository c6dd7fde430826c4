"""Opens the engine that runs the ranks of a training, and refuses ranks for which it has no place."""

import contextlib
from collections.abc import Generator

import psutil

from peakid.engines import fit_local, fit_ray, opening, ray_pool
from peakid.engines.fit import Attempt
from peakid.errors import TooManyRanks
from peakid.job_settings import JobSettings
from peakid.remedies import action

RANK_BYTES = 700 * 2**20  # Of one rank with a small network on a CPU: torch and fastai take most of it.


@contextlib.contextmanager
def opened(job: JobSettings, device: str, n_ranks: int) -> Generator[tuple[Attempt, bool]]:
    """Yield what runs the ranks once, and whether each of them has a GPU.

    Args:
        device: Of the recipe: `auto`, `cpu`, `cuda`, `mps`.

    Raises:
        TooManyRanks: If the engine has no place for the ranks.
        ExtraMissing: If it is Ray, which is not installed.
        JobError: If nothing answers at the address.
    """
    if job.engine == "local":
        refuse_here(job, device, n_ranks)
        yield fit_local.attempt, bool(n_gpus(job)) and device != "cpu"
        return
    connection = ray_pool.Connection(job.ray_address, n_cores=max(n_ranks, opening.n_cores()))
    with contextlib.closing(connection):
        cluster = connection.cluster()
        uses_gpu = device == "cuda" or (device == "auto" and cluster.n_gpus > 0)
        _refuse_few(cluster.n_gpus if uses_gpu else cluster.n_cores, n_ranks, uses_gpu, "the Ray cluster")
        yield fit_ray.attempt, uses_gpu


def refuse(job: JobSettings, device: str, n_ranks: int) -> None:
    """Raise if the engine of a job cannot run the ranks, as far as this machine knows.

    Raises:
        TooManyRanks: If it is this machine and has no place for them.
        ExtraMissing: If it is Ray, which is not installed.
    """
    if job.engine == "local":
        refuse_here(job, device, n_ranks)
    else:
        opening.chosen(job)


def refuse_here(job: JobSettings, device: str, n_ranks: int) -> None:
    """Raise if this machine has no place for the ranks.

    Raises:
        TooManyRanks: If it has too few GPUs, cores or too little free memory.
    """
    n_found = n_gpus(job)
    uses_gpu = device == "cuda" or (device == "auto" and n_found > 0)
    _refuse_few(n_found if uses_gpu else opening.n_cores(), n_ranks, uses_gpu, "this machine")
    free = psutil.virtual_memory().available
    if free < n_ranks * RANK_BYTES:
        raise TooManyRanks(
            f"{n_ranks} ranks need about {n_ranks * RANK_BYTES / 1e9:.1f} GB of memory; this machine has "
            f"{free / 1e9:.1f} GB free.",
            "Use fewer ranks, or end other programs.",
        )


def n_gpus(job: JobSettings) -> int:
    """Return the NVIDIA GPUs of this machine that a job may use, without loading torch."""
    if job.visible_gpus is not None:
        return len([each for each in job.visible_gpus.split(",") if each.strip()])
    return opening.n_gpus()


def _refuse_few(n_there: int, n_ranks: int, uses_gpu: bool, place: str) -> None:
    if n_there >= n_ranks:
        return
    what = "GPU" if uses_gpu else "core"
    has = f"{n_there} {what}{'' if n_there == 1 else 's'}"
    remedy = f"Use {n_there or 1} or fewer ranks"
    use_cpu = [action("set_recipe", key="device", value="cpu")] if uses_gpu else []
    raise TooManyRanks(
        f"{n_ranks} ranks need {n_ranks} {what}s; {place} has {has}.",
        f"{remedy}, or train on the CPU." if uses_gpu else f"{remedy}.",
        *use_cpu,
    )

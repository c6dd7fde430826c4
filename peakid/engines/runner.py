"""What a worker does, in whatever process it is: it calls units, and catches whatever they raise."""

import importlib
import os
import platform
import time
import traceback

import peakid
from peakid import settings
from peakid.engines.records import Shard, ShardFailure, ShardResult, WorkerName, WorkerReady
from peakid.errors import JobError, PeakidError
from peakid.imaging import gate
from peakid.job_settings import JobSettings


class Runner:
    """Calls units with the settings of the job that needs their results.

    Args:
        n_threads: Cores that the worker may use.
        keeps_gpus: Leave the GPUs as the engine has chosen them for this process.
    """

    def __init__(self, job: JobSettings, n_threads: int, *, keeps_gpus: bool = False) -> None:
        self._settings = job
        settings.use(job, keeps_gpus=keeps_gpus)
        gate.limit_threads(n_threads)

    def ready(self) -> WorkerReady:
        """Return who this worker is."""
        return WorkerReady(WorkerName(os.getpid(), platform.node()), peakid.__version__)

    def run(self, shard: Shard) -> ShardResult | ShardFailure:
        """Compute a shard."""
        began = time.perf_counter()
        try:
            module, _, name = shard.unit.partition(":")
            data = getattr(importlib.import_module(module), name)(shard, self._settings)
        except PeakidError as error:
            return ShardFailure(shard.key, error)
        except Exception as error:
            lines = str(error).strip().splitlines()
            text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
            who = self.ready().name.text()
            found = JobError(f"The worker {who} failed: {text}.", "The log has the details.")
            return ShardFailure(shard.key, found, traceback.format_exc())
        return ShardResult(shard.key, data, time.perf_counter() - began)

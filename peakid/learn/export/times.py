"""How long an exported file takes for a prediction on this machine."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from peakid.export_records import N_BATCH, Latency
from peakid.imaging import gate, pixels
from peakid.learn.export.trained import Predict
from peakid.learn.network.model import Card

N_WARM_UP = 3  # The first calls allocate memory and choose kernels.
N_CALLS, MIN_CALLS = 100, 5
MAX_S = 1.5  # For one kind of call; a slow file is called fewer times.


@dataclass(frozen=True)
class Times:
    """How long one file takes: for one image, for 32 at once, and for one from the bytes on."""

    one_image: Latency
    batch: Latency
    decoded: Latency


def of(
    predict: Predict,
    canonical: np.ndarray,
    contents: Sequence[bytes],
    card: Card,
    *,
    max_s: float = MAX_S,
) -> Times:
    """Measure the times of a file.

    Args:
        canonical: Pixels of real images, uint8 (n, S, S, 3), n at least 1.
        contents: The bytes of some of them, at least 1.
        max_s: Time for each kind of call.
    """
    ones = cycle([np.ascontiguousarray(canonical[n : n + 1]) for n in range(min(N_BATCH, len(canonical)))])
    many = np.ascontiguousarray(np.resize(canonical[:N_BATCH], (N_BATCH, *canonical.shape[1:])))
    files = cycle(contents)

    def from_bytes() -> None:
        read = gate.call(pixels.preprocess, next(files), size_px=card.image_size_px, resize=card.resize)
        predict(read[None])

    return Times(
        measured(lambda: predict(next(ones)), max_s=max_s),
        measured(lambda: predict(many), max_s=max_s),
        measured(from_bytes, max_s=max_s),
    )


def measured(call: Callable[[], object], *, max_s: float = MAX_S) -> Latency:
    """Call something many times, after a warm-up; at least 5 times, and then until the time is over."""
    for _ in range(N_WARM_UP):
        call()
    taken_ms: list[float] = []
    ends_at = time.perf_counter() + max_s
    while len(taken_ms) < N_CALLS and (len(taken_ms) < MIN_CALLS or time.perf_counter() < ends_at):
        began = time.perf_counter()
        call()
        taken_ms.append(1000 * (time.perf_counter() - began))
    p50, p95 = np.percentile(taken_ms, [50, 95])
    return Latency(round(float(p50), 3), round(float(p95), 3), len(taken_ms))


def machine() -> str:
    """Return the processor of this machine and the number of its cores that this process may use."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{_processor()}, {n_cores} {'core' if n_cores == 1 else 'cores'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()

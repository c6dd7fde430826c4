"""What workers compute for `bench/scale.py`: hashes and embeddings from nothing but a digest."""

import numpy as np

from peakid.engines.records import Shard
from peakid.job_settings import JobSettings
from peakid.jobs.maps import packing

N_DIMENSIONS = 1280  # Of EfficientNet-Lite0, in which the real ones are.


def nothing(shard: Shard, settings: JobSettings) -> bytes:
    """Return as many zero bytes as the shard says."""
    return bytes(int(shard.arguments["n_bytes"]))


def synthesise(shard: Shard, settings: JobSettings) -> bytes:
    """Return two hashes and an embedding for each digest, which follow from it."""
    random = np.random.default_rng(int(shard.digests[0][:16], 16))
    n = len(shard.digests)
    return packing.packed(
        {},
        hashes=random.integers(0, 2**63, (n, 2), dtype=np.int64),
        features=random.random((n, N_DIMENSIONS), dtype=np.float32).astype(np.float16),
    )

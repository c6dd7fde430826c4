"""What a worker computes of a shard with the model of a run: averaged views, and tested heat maps."""

from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import numpy as np

from peakid.engines import locations
from peakid.engines.records import Shard
from peakid.errors import JobError
from peakid.job_settings import JobSettings
from peakid.jobs.maps import packing, units
from peakid.recipe import run_files
from peakid.recipe.recipe import Device
from peakid.recipe.tta_views import TtaView
from peakid.records import Run

_HERE = "peakid.jobs.maps.run_units"
AVERAGE, HEAT = (f"{_HERE}:{name}" for name in ("average_views", "test_heat"))
VERSION = 1  # Increased when a unit gives another result for the same shard.


def identity(folder: Path) -> dict[str, str]:
    """Return what tells the model in the folder of a run from others: part of the key of a shard."""
    return {
        "model_sha256": units.model_sha256(folder, run_files.WEIGHTS),
        "card_sha256": units.model_sha256(folder, run_files.CARD),
    }


def device_of(run: Run) -> Device:
    """Return the device that the model of a run is used on."""
    return "cpu" if run.recipe.get("device") == "cpu" else "auto"


def average_views(shard: Shard, settings: JobSettings) -> bytes:
    """Return the probabilities of images, `plain` and `averaged` over views, each float32 (n, K)."""
    from peakid.learn import start, tta

    model, card = units.loaded_run(*_checked(shard))
    plain, averaged = tta.of_model(
        model,
        card,
        shard.digests,
        [TtaView(**each) for each in shard.arguments["views"]],
        read=_by_digest(shard),
        device=start.find_device(shard.arguments["device"]),
        n_readers=locations.n_readers(shard),
    )
    return packing.packed(None, plain=plain, averaged=averaged)


def test_heat(shard: Shard, settings: JobSettings) -> bytes:
    """Return `heat` and `checks` of the pairs whose image could be read, their positions, and why not.

    The digests are those of the pairs, then those of the reference. A check is a row of float64.
    """
    from peakid.learn import heat_tester, start

    model, card = units.loaded_run(*_checked(shard))
    classes = [int(each) for each in shard.arguments["classes"]]
    tester = heat_tester.of_model(
        model,
        card,
        read=_by_digest(shard),
        reference=shard.digests[len(classes) :],
        device=start.find_device(shard.arguments["device"]),
        n_readers=locations.n_readers(shard),
    )
    pairs = list(zip(shard.digests, classes, strict=False))
    found = tester.test(pairs)
    return packing.packed(
        {"positions": [pairs.index(each) for each in found.pairs], "unread": found.unread},
        heat=found.heat,
        checks=np.array([astuple(each) for each in found.checks], dtype=np.float64),
    )


def _checked(shard: Shard) -> tuple[Path, str]:
    """Return the folder of the run and the SHA-256 of its weights.

    Raises:
        JobError: If its model is another one than that of the shard.
        NotFound: If this worker does not see it.
    """
    folder = Path(shard.files["folder"])
    found = identity(folder)
    if any(shard.arguments[name] != found[name] for name in found):
        raise JobError(f"The model in {folder} was changed meanwhile.", "Start the job again.")
    return folder, found["model_sha256"]


def _by_digest(shard: Shard) -> Callable[[str], bytes]:
    read, position = locations.reader(shard), {digest: n for n, digest in enumerate(shard.digests)}
    return lambda digest: read(position[digest])

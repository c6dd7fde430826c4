"""Computes and tests heat maps in the workers of an engine, and gives them in the order of the blocks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from peakid.engines import locations, shard_files
from peakid.engines.opening import Engine
from peakid.engines.records import Shard
from peakid.engines.shard_files import ShardFiles
from peakid.errors import NotFound
from peakid.job_settings import JobSettings
from peakid.jobs.maps import packing, run_units, units
from peakid.records import Run
from peakid.run_records import HeatCheck
from peakid.store import images, runs
from peakid.store.evaluation.heat_maps import HeatMap
from peakid.store.workspace import Workspace

Pair = tuple[str, int]
"""A digest and a class, as its index in the run's class_names."""


@dataclass(frozen=True)
class Block:
    """The maps of one block.

    Attributes:
        n: Pairs that were asked for.
        unread: Why an image could not be read, by digest.
        forget: Called when the maps are stored.
    """

    n: int
    maps: Sequence[HeatMap]
    unread: dict[str, str]
    forget: Callable[[], None] = lambda: None


def test(
    workspace: Workspace,
    engine: Engine,
    run: Run,
    blocks: Sequence[Sequence[Pair]],
    reference: Sequence[str],
    settings: JobSettings,
    *,
    should_stop: Callable[[], bool],
) -> Iterator[Block]:
    """Yield the tested maps of each block.

    Args:
        reference: Digests of images that can be read, for the tests; the same ones each time.

    Raises:
        Stopped: If `should_stop` returns True.
    """
    kept = ShardFiles(shard_files.folder_of(workspace))
    missing: dict[str, str] = {}
    shards = _shards(workspace, run, blocks, reference, settings, missing)
    for done in engine.map_in_order(shards, kept, should_stop=should_stop):
        facts, arrays = packing.unpacked(done.data)
        classes = done.shard.arguments["classes"]
        maps = [
            HeatMap(done.shard.digests[position], classes[position], heat, HeatCheck(*check))
            for position, heat, check in zip(
                facts["positions"], arrays["heat"], arrays["checks"].tolist(), strict=True
            )
        ]
        yield Block(len(classes), maps, facts["unread"], done.forget)
    if missing:
        n = sum(digest in missing for block in blocks for digest, _ in block)
        yield Block(n, [], missing)


def _shards(
    workspace: Workspace,
    run: Run,
    blocks: Sequence[Sequence[Pair]],
    reference: Sequence[str],
    settings: JobSettings,
    missing: dict[str, str],
) -> Iterator[Shard]:
    """Yield a shard for each block; images whose file is missing are noted in `missing`, and are in none."""
    folder = runs.folder(workspace, run.run_id).absolute()
    fixed = {
        **run_units.identity(folder),
        "device": run_units.device_of(run),
        "limits": units.limits(settings),
    }
    for block in blocks:
        digests = [digest for digest, _ in block]
        places = dict(zip(digests, locations.of(workspace, digests), strict=True))
        missing |= {digest: _why(workspace, digest) for digest, place in places.items() if not place}
        pairs = [pair for pair in block if places[pair[0]]]
        if not pairs:
            continue
        yield Shard(
            unit=run_units.HEAT,
            version=run_units.VERSION,
            digests=(*(digest for digest, _ in pairs), *reference),
            arguments={**fixed, "classes": [class_index for _, class_index in pairs]},
            locations=(*(places[digest] for digest, _ in pairs), *locations.of(workspace, reference)),
            files={"folder": str(folder)},
            title=f"{len(pairs)} heat maps",
        )


def _why(workspace: Workspace, digest: str) -> str:
    try:
        images.read_bytes(workspace, digest)
    except NotFound as error:
        return f"{digest[:12]}: {error.message}"
    return f"{digest[:12]}: It was put back meanwhile. Compute its map again."

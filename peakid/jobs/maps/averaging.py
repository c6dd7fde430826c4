"""Averages the predictions of a run over views of each image, in the workers of an engine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np

from peakid import progress_text
from peakid.engines import locations, shard_files
from peakid.engines.mapping import Done
from peakid.engines.opening import Engine
from peakid.engines.records import Shard
from peakid.engines.shard_files import ShardFiles
from peakid.jobs.maps import packing, run_units
from peakid.recipe.tta_views import TtaView
from peakid.records import Report, Run
from peakid.store import images, runs
from peakid.store.workspace import Workspace


def pred_probs(
    workspace: Workspace,
    engine: Engine,
    run: Run,
    digests: Sequence[str],
    views: Sequence[TtaView],
    *,
    expected: np.ndarray,
    report: Report,
    should_stop: Callable[[], bool],
    block: int | None = None,
) -> tuple[np.ndarray, list[Done]]:
    """Return what `tta.pred_probs` does, and the shards to forget once it is stored.

    Args:
        expected: What the run predicted for the plain images, float32 (n, K).
        block: Images of a shard, at most; None = those that `tta.pred_probs` predicts at once.

    Raises:
        NotFound: If the bytes of an image are missing.
        ParityBroken, UnreadableImage: As `tta.pred_probs`.
        Stopped: If `should_stop` returns True. What was computed stays on the disk.
    """
    from peakid.learn import tta

    size, rows_of = block or tta.CHUNK, {digest: row for row, digest in enumerate(digests)}
    averaged, kept = np.zeros_like(expected, dtype=np.float32), ShardFiles(shard_files.folder_of(workspace))
    finished: list[Done] = []
    n_done, n_shards = 0, engine.mapper.tally.n_shards - (-len(digests) // size)
    for done in engine.map(_shards(workspace, run, digests, views, size), kept, should_stop=should_stop):
        _, arrays = packing.unpacked(done.data)
        rows = [rows_of[digest] for digest in done.shard.digests]
        tta.prove(arrays["plain"], expected[rows])
        averaged[rows] = arrays["averaged"]
        finished.append(replace(done, data=b""))
        n_done += len(rows)
        counted = f"{progress_text.counted(n_done, len(digests), 'images')}, {len(views) + 1} views each"
        report(tta.PHASE, n_done, len(digests), f"{counted}, {engine.mapper.tally.progress(n_shards)}")
    return averaged, finished


def _shards(
    workspace: Workspace, run: Run, digests: Sequence[str], views: Sequence[TtaView], size: int
) -> Iterator[Shard]:
    folder = runs.folder(workspace, run.run_id).absolute()
    arguments = {
        **run_units.identity(folder),
        "views": [asdict(each) for each in views],
        "device": run_units.device_of(run),
    }
    for begin in range(0, len(digests), size):
        some = digests[begin : begin + size]
        places = locations.of(workspace, some)
        for digest, place in zip(some, places, strict=True):
            if not place:
                images.read_bytes(workspace, digest)  # It raises NotFound with the reason.
        yield Shard(
            unit=run_units.AVERAGE,
            version=run_units.VERSION,
            digests=tuple(some),
            arguments=arguments,
            locations=tuple(places),
            files={"folder": str(folder)},
        )

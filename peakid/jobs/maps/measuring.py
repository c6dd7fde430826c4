"""Measures the images that have no measures yet, in the workers of an engine; a scan then scores them."""

import json
from collections.abc import Callable, Iterator

from peakid import progress_text
from peakid.curate import issue_scan
from peakid.engines import locations, opening, shard_files
from peakid.engines.opening import Engine
from peakid.engines.records import EngineUse, Shard, in_blocks
from peakid.engines.shard_files import ShardFiles
from peakid.imaging.records import Measures
from peakid.job_settings import JobSettings
from peakid.jobs.maps import units
from peakid.records import Report
from peakid.store import images
from peakid.store.workspace import Workspace

BLOCK = 128  # Images of a shard: a second or two.
PHASE = "Measuring images"


def before_scan(
    workspace: Workspace,
    settings: JobSettings,
    *,
    report: Report,
    should_stop: Callable[[], bool] = lambda: False,
    on_death: Callable[[str], None] = lambda sentence: None,
) -> EngineUse | None:
    """Measure the images without measures, where the settings name an engine; None where they do not.

    The engine is not opened if no image needs it.

    Raises:
        Stopped: If `should_stop` returns True.
        ExtraMissing, JobError: As `opening.opened`.
    """
    if not opening.is_used(settings) or not issue_scan.unmeasured(workspace):
        return None
    with opening.opened(settings, on_death=on_death) as engine:
        return measure(workspace, engine, settings, report=report, should_stop=should_stop)


def measure(
    workspace: Workspace,
    engine: Engine,
    settings: JobSettings,
    *,
    report: Report,
    should_stop: Callable[[], bool],
    block: int = BLOCK,
) -> EngineUse:
    """Measure the images without measures; one that cannot be read has none and is tried again next time.

    Args:
        block: Images of a shard, at most.
    """
    missing = issue_scan.unmeasured(workspace)
    ids = {digest: image_id for image_id, digest in missing}
    n_shards = len(list(in_blocks(missing, block)))
    kept, n_done = ShardFiles(shard_files.folder_of(workspace)), 0
    report(PHASE, 0, len(missing), progress_text.counted(0, len(missing), "images"))
    shards = _shards(workspace, missing, settings, block)
    for done in engine.map(shards, kept, should_stop=should_stop):
        found = zip(done.shard.digests, json.loads(done.data), strict=True)
        with workspace.transaction() as connection:
            for digest, values in found:
                if values is not None:
                    images.write_measures(connection, ids[digest], Measures(**values))
        done.forget()
        n_done += len(done.shard.digests)
        counted = progress_text.counted(n_done, len(missing), "images")
        report(PHASE, n_done, len(missing), f"{counted}, {engine.mapper.tally.progress(n_shards)}")
    return engine.use()


def _shards(
    workspace: Workspace, missing: list[tuple[int, str]], settings: JobSettings, size: int
) -> Iterator[Shard]:
    limits = {"max_image_bytes": settings.max_image_bytes, "max_image_pixels": settings.max_image_pixels}
    for block in in_blocks(missing, size):
        digests = [digest for _, digest in block]
        found = [pair for pair in zip(digests, locations.of(workspace, digests), strict=True) if pair[1]]
        if found:
            yield Shard(
                unit=units.MEASURE,
                version=units.VERSION,
                digests=tuple(digest for digest, _ in found),
                arguments=limits,
                locations=tuple(location for _, location in found),
            )

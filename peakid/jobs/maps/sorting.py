"""Predicts the photos of a folder that is sorted into albums, in the workers of an engine."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from peakid import progress_text
from peakid.engines.opening import Engine
from peakid.engines.records import Shard
from peakid.engines.shard_files import ShardFiles
from peakid.jobs.maps import packing, units
from peakid.recipe import export_formats
from peakid.records import Report
from peakid.serve.albums import photos
from peakid.serve.albums.photos import PredictedPhoto, Unreadable

BLOCK = 64  # Photos of a shard; whole batches of `photos.predict_files`.


def predict_files(
    engine: Engine,
    kept: ShardFiles,
    export_folder: Path,
    folder: Path,
    paths: Sequence[str],
    *,
    n_before: int,
    report: Report,
    should_stop: Callable[[], bool],
    is_int8: bool = False,
    block: int = BLOCK,
) -> Iterator[tuple[list[PredictedPhoto], list[Unreadable]]]:
    """Yield as `photos.predict_files`, with thumbnails, in the order of the paths.

    Args:
        is_int8: Predict with the ONNX int8 file of the export.
        block: Photos of a shard, at most.

    Raises:
        Stopped: If `should_stop` returns True.
    """
    n_done, total, n_shards = n_before, n_before + len(paths), -(-len(paths) // block)
    shards = _shards(export_folder, folder, paths, block, is_int8=is_int8)
    for done in engine.map_in_order(shards, kept, should_stop=should_stop):
        found = packing.unpacked_photos(done.data)
        yield found
        done.forget()
        n_done += len(found[0]) + len(found[1])
        counted = progress_text.counted(n_done, total, "photos")
        report("Predicting photos", n_done, total, f"{counted}, {engine.mapper.tally.progress(n_shards)}")


def _shards(
    export_folder: Path, folder: Path, paths: Sequence[str], size: int, *, is_int8: bool
) -> Iterator[Shard]:
    arguments = {
        "model_sha256": units.model_sha256(export_folder, export_formats.CARD),
        "is_int8": is_int8,
    }
    for begin in range(0, len(paths), size):
        some = paths[begin : begin + size]
        yield Shard(
            unit=units.SORT,
            version=units.VERSION,
            digests=tuple(_digest(folder, path) for path in some),
            arguments={**arguments, "paths": list(some)},
            locations=tuple(str(folder / path) for path in some),
            files={"folder": str(folder), "export": str(export_folder)},
        )


def _digest(folder: Path, path: str) -> str:
    """Return what stands for a file that is not read here: by the same facts a preview knows it again."""
    facts = photos.facts_of(folder / path)
    return hashlib.sha256(f"{folder / path}:{facts.n_bytes}:{facts.modified_ns}".encode()).hexdigest()

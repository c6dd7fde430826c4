"""Predicts the photos of a folder that is sorted into albums, in the workers of an engine."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from peakid import progress_text
from peakid.engines.opening import Engine
from peakid.engines.records import Shard
from peakid.engines.shard_files import ShardFiles
from peakid.jobs.maps import units
from peakid.recipe import export_formats
from peakid.records import Report
from peakid.serve.albums import photos
from peakid.serve.albums.photos import FileFacts, PredictedPhoto, Unreadable

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
    block: int = BLOCK,
) -> Iterator[tuple[list[PredictedPhoto], list[Unreadable]]]:
    """Yield as `photos.predict_files`, with thumbnails, in the order of the paths.

    Args:
        block: Photos of a shard, at most.

    Raises:
        Stopped: If `should_stop` returns True.
    """
    n_done, total, n_shards = n_before, n_before + len(paths), -(-len(paths) // block)
    shards = _shards(export_folder, folder, paths, block)
    for done in engine.map_in_order(shards, kept, should_stop=should_stop):
        found = _read(done.data)
        yield found
        done.forget()
        n_done += len(found[0]) + len(found[1])
        counted = progress_text.counted(n_done, total, "photos")
        report("Predicting photos", n_done, total, f"{counted}, {engine.mapper.tally.progress(n_shards)}")


def packed(batches: Iterator[tuple[list[PredictedPhoto], list[Unreadable]]]) -> bytes:
    """Return predicted photos as one file, for a worker to send."""
    read: list[PredictedPhoto] = []
    unreadable: list[Unreadable] = []
    for some, failed in batches:
        read += some
        unreadable += failed
    facts = {
        "photos": [
            [
                each.path,
                each.facts.n_bytes,
                each.facts.modified_ns,
                each.has_detail,
                each.is_unfamiliar,
                len(each.thumbnail),
            ]
            for each in read
        ],
        "unreadable": [[each.path, each.reason] for each in unreadable],
    }
    return units.packed(
        facts,
        probabilities=np.array([each.probabilities for each in read], dtype=np.float32),
        hashes=np.array([each.hashes for each in read], dtype=np.uint64),
        thumbnails=np.frombuffer(b"".join(each.thumbnail for each in read), dtype=np.uint8),
    )


def _read(data: bytes) -> tuple[list[PredictedPhoto], list[Unreadable]]:
    facts, arrays = units.unpacked(data)
    thumbnails, at, found = arrays["thumbnails"].tobytes(), 0, []
    for row, (path, n_bytes, modified_ns, has_detail, is_unfamiliar, size) in enumerate(facts["photos"]):
        found.append(
            PredictedPhoto(
                path,
                FileFacts(n_bytes, modified_ns),
                arrays["probabilities"][row],
                arrays["hashes"][row],
                has_detail,
                is_unfamiliar,
                thumbnails[at : at + size],
            )
        )
        at += size
    return found, [Unreadable(*each) for each in facts["unreadable"]]


def _shards(export_folder: Path, folder: Path, paths: Sequence[str], size: int) -> Iterator[Shard]:
    arguments = {"model_sha256": units.model_sha256(export_folder, export_formats.CARD)}
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

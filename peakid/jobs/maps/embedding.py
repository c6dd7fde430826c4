"""Computes embeddings in the workers of an engine, and stores them in the order of the images."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from peakid import progress_text
from peakid.embed import averaged, stored
from peakid.embed.stored import EmbeddingSet
from peakid.engines import locations, shard_files
from peakid.engines.mapping import Done
from peakid.engines.opening import Engine
from peakid.engines.records import Shard, in_blocks
from peakid.engines.shard_files import ShardFiles
from peakid.jobs.maps import packing, units
from peakid.records import Report
from peakid.store.workspace import Workspace

BLOCK = 64  # Images of a shard: four batches on a CPU, a second or two.
STORED_EVERY_S = 2.0  # So much is repeated if the process is killed, and nothing that is on disk.
PHASE = "Computing embeddings"

Missing = Sequence[tuple[int, str]]
"""Images without an embedding, as (image_id, digest) by id."""


def compute(
    workspace: Workspace,
    engine: Engine,
    known: EmbeddingSet,
    missing: Missing,
    *,
    report: Report,
    should_stop: Callable[[], bool],
    after_storing: Callable[[], None] = lambda: None,
    block: int = BLOCK,
) -> int:
    """Compute and store the embeddings of these images; return how many have one now.

    Args:
        after_storing: Called whenever everything that was computed is stored; may raise.
        block: Images of a shard, at most.

    Raises:
        Stopped: If `should_stop` returns True. What was computed stays.
        WeightsUnfit: If a worker has other weights of the backbone.
    """
    merging = Merging(workspace, known, missing)
    n_shards, n = len(list(in_blocks(missing, block))), len(missing)
    kept = ShardFiles(shard_files.folder_of(workspace))
    report(PHASE, 0, n, progress_text.counted(0, n, "images"))
    try:
        for done in engine.map_in_order(merging.shards(block), kept, should_stop=should_stop):
            merging.add(done)
            counted = progress_text.counted(merging.n_done, n, "images")
            report(PHASE, merging.n_done, n, f"{counted}, {engine.mapper.tally.progress(n_shards)}")
            if merging.age_s() >= STORED_EVERY_S:
                merging.write()
                after_storing()
    finally:
        merging.write()
    return merging.n_new


class Merging:
    """The results that were computed since the last were written to the workspace."""

    def __init__(self, workspace: Workspace, known: EmbeddingSet, missing: Missing) -> None:
        self.workspace, self.known, self.missing = workspace, known, missing
        self.ids = {digest: image_id for image_id, digest in missing}
        self.done: list[Done] = []
        self.unread: dict[int, str] = {}
        self.n_done = self.n_new = 0
        self.written_at = time.monotonic()

    def shards(self, size: int) -> Iterator[Shard]:
        """Yield a shard for each block of ids; an image whose file is missing is in none of them."""
        arguments: dict[str, Any] = {
            "backbone": averaged.backbone_of(self.known),
            "size_px": self.known.size_px,
            "weights_sha256": self.known.weights_sha256,
        }
        if self.known.n_views > 1:  # Shards of one view keep the key that they have always had.
            arguments["n_views"] = self.known.n_views
        for block in in_blocks(self.missing, size):
            digests = [digest for _, digest in block]
            places = dict(zip(digests, locations.of(self.workspace, digests), strict=True))
            for image_id, digest in block:
                if not places[digest]:
                    self.unread[image_id] = f"The bytes of image {digest[:12]} are missing."
            found = {digest: place for digest, place in places.items() if place}
            self.n_done += len(block) - len(found)
            if found:
                yield Shard(
                    unit=units.EMBED,
                    version=units.VERSION,
                    digests=tuple(found),
                    arguments=arguments,
                    locations=tuple(found.values()),
                )

    def age_s(self) -> float:
        return time.monotonic() - self.written_at

    def add(self, done: Done) -> None:
        self.done.append(done)
        self.n_done += len(done.shard.digests)

    def write(self) -> None:
        """Store what was computed, and why the other images could not be read."""
        ids: list[int] = []
        features: list[np.ndarray] = []
        for done in self.done:
            unread, arrays = packing.unpacked(done.data)
            digests = done.shard.digests
            ids += [self.ids[digests[position]] for position in arrays["numbers"].tolist()]
            features.append(arrays["features"])
            self.unread |= {self.ids[digests[int(position)]]: why for position, why in unread.items()}
        if ids:
            stored.add(self.workspace, self.known.set_id, ids, np.concatenate(features))
        if self.unread:
            stored.note_unread(self.workspace, self.unread)
        for done in self.done:
            done.forget()
        self.n_new += len(ids)
        self.done, self.unread, self.written_at = [], {}, time.monotonic()

"""The task that computes embeddings, in parts that are kept. Imported only in a job's process."""

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from peakid import progress_text
from peakid.embed import outlier_scores, stored
from peakid.embed.stored import EmbeddingSet
from peakid.engines import opening
from peakid.engines.records import EngineUse, Stopped
from peakid.jobs.arguments import EmbedArguments
from peakid.jobs.from_embeddings import index as index_job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.maps import embedding as mapped
from peakid.jobs.results import EmbedResult
from peakid.recipe import backbones, weight_files
from peakid.recipe.backbones import Backbone
from peakid.store import images
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from peakid.learn.embedding import Body, Part

PHASE = "Computing embeddings"
NICENESS = 10  # Pages stay fast while it runs: it waits for no person.
KEPT_EVERY_S = 2.0  # So much work is lost if the process is killed.
MAX_LISTED = 100

Missing = list[tuple[int, str]]
"""Images without an embedding, as (image_id, digest)."""


def embed(work: Work) -> None:
    """Compute the embeddings of the images that have none, until none is left.

    What was computed stays when the job is killed or cancelled, or gives way to another one.

    Raises:
        WeightsMissing: If the backbone has no pretrained weights.
        Cancelled: If the job was cancelled.
    """
    arguments = work.arguments_as(EmbedArguments)
    backbone = backbones.find(arguments.backbone, work.settings)
    if arguments.retries:
        stored.retry(work.workspace)
    known = _known(work, backbone)
    n_new, seconds, used = 0, 0.0, None
    if known is None or stored.missing(work.workspace, known.set_id):
        os.nice(NICENESS)
        if opening.is_used(work.settings):
            known, n_new, seconds, used = _map(work, backbone)
        else:
            known, n_new, seconds = _compute(work, backbone)
    work.note(replace(_result(work, known, n_new, seconds), engine=used))
    if known is not None:  # Before the outliers, which it finds the nearest images of.
        index_job.extend_if_needed(work, known.set_id)
    if n_new:
        outlier_scores.refresh(work.workspace, report=work.report)


def _known(work: Work, backbone: Backbone) -> EmbeddingSet | None:
    """Return the set of a backbone, without loading its libraries; None if it is not begun."""
    if backbone.file is None:
        return None
    for each in stored.sets(work.workspace):
        if (each.backbone, each.size_px) == (backbone.name, backbone.size_px):
            work.report("Reading the weights", 0, 0, "")
            if weight_files.digest(backbone.file) == each.weights_sha256:
                return stored.use(work.workspace, each.set_id)
    return None


def _compute(work: Work, backbone: Backbone) -> tuple[EmbeddingSet, int, float]:
    """Return the set of a backbone after all its images were computed, how many and in how many seconds."""
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn import embedding

    body = embedding.load(backbone, work.settings)
    known = stored.create(
        work.workspace,
        backbone.name,
        size_px=body.size_px,
        weights_sha256=body.weights_sha256,
        n_dimensions=body.architecture.n_features,
    )
    began, n_new = time.monotonic(), 0
    while missing := stored.missing(work.workspace, known.set_id):  # Again for images of another import.
        n_new += _compute_missing(work, body, known, missing)
    return known, n_new, time.monotonic() - began


def _map(work: Work, backbone: Backbone) -> tuple[EmbeddingSet, int, float, EngineUse]:
    """Return what `_compute` does, computed by the workers of an engine, and what that has used.

    Torch is loaded here only where the weights have to be downloaded first.
    """
    if backbone.file is None:
        work.report("Loading libraries", 0, 0, "torch")
        from peakid.learn import embedding as embeddings

        weights_sha256 = embeddings.load(backbone, work.settings).weights_sha256
    else:
        weights_sha256 = weight_files.digest(backbone.file)
    known = stored.create(
        work.workspace,
        backbone.name,
        size_px=backbone.size_px,
        weights_sha256=weights_sha256,
        n_dimensions=backbone.architecture.n_features,
    )
    work.report(f"Starting the engine {work.settings.engine}", 0, 0, "")
    began, n_new = time.monotonic(), 0
    with opening.opened(work.settings, uses_gpu=True, on_death=work.log) as engine:
        try:
            while missing := stored.missing(work.workspace, known.set_id):
                n_new += mapped.compute(
                    work.workspace,
                    engine,
                    known,
                    missing,
                    report=work.report,
                    should_stop=work.should_stop,
                    after_storing=work.give_way,
                )
        except Stopped as error:
            raise Cancelled from error
        return known, n_new, time.monotonic() - began, engine.use()


def _compute_missing(work: Work, body: "Body", known: EmbeddingSet, missing: Missing) -> int:
    """Compute and store the embeddings of these images; return how many have one now.

    Raises:
        Cancelled: If the job was cancelled.
        GaveWay: If another job of its lane waits.
    """
    from peakid.learn import embedding
    from peakid.learn.batches import data

    def read(number: int) -> bytes:
        return images.read_bytes(work.workspace, missing[number][1])

    kept, n = _Kept(work.workspace, known, missing), len(missing)
    work.report(PHASE, 0, n, progress_text.counted(0, n, "images"))
    try:
        n_readers = images.n_readers(work.workspace)
        for part in embedding.compute(body, n, read, should_stop=work.should_stop, n_readers=n_readers):
            kept.add(part)
            work.report(PHASE, kept.n_done, n, progress_text.counted(kept.n_done, n, "images"))
            if kept.age_s() >= KEPT_EVERY_S:
                kept.write()
                work.give_way()
    except data.Stopped as error:
        kept.write()
        raise Cancelled from error
    kept.write()
    return kept.n_new


class _Kept:
    """The parts that were computed since the last were written to the workspace."""

    def __init__(self, workspace: Workspace, known: EmbeddingSet, missing: Missing) -> None:
        self.workspace, self.set_id, self.missing = workspace, known.set_id, missing
        self.parts: list[Part] = []
        self.n_done = self.n_new = 0
        self.written_at = time.monotonic()

    def age_s(self) -> float:
        return time.monotonic() - self.written_at

    def add(self, part: "Part") -> None:
        self.parts.append(part)
        self.n_done += len(part.numbers) + len(part.unread)

    def write(self) -> None:
        """Store what was computed, and why the other images could not be read."""
        numbers = [int(number) for part in self.parts for number in part.numbers]
        unread = {self.missing[number][0]: why for part in self.parts for number, why in part.unread.items()}
        if numbers:
            ids = [self.missing[number][0] for number in numbers]
            stored.add(self.workspace, self.set_id, ids, np.concatenate([p.features for p in self.parts]))
        if unread:
            stored.note_unread(self.workspace, unread)
        self.n_new += len(numbers)
        self.parts, self.written_at = [], time.monotonic()


def _result(work: Work, known: EmbeddingSet, n_new: int, seconds: float) -> EmbedResult:
    (now_known,) = [each for each in stored.sets(work.workspace) if each.set_id == known.set_id] or [known]
    return EmbedResult(
        backbone=known.backbone,
        size_px=known.size_px,
        n_images=now_known.n_images,
        n_new=n_new,
        n_dimensions=known.n_dimensions,
        n_unread=stored.counts(work.workspace, known.set_id).n_unread,
        unread=tuple(stored.unread(work.workspace, MAX_LISTED)),
        images_per_s=n_new / seconds if n_new and seconds else 0.0,
    )

"""The task that computes embeddings, in parts that are kept. Imported only in a job's process."""

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from peakid import progress_text
from peakid.embed import averaged, outlier_scores, stored
from peakid.embed.stored import EmbeddingSet
from peakid.engines import opening
from peakid.engines.records import EngineUse, Stopped
from peakid.jobs import embedding
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

PHASE, MEANS_PHASE = "Computing embeddings", "Computing further views"
NICENESS = 10  # Pages stay fast while it runs: it waits for no person.
KEPT_EVERY_S = 2.0  # So much work is lost if the process is killed.
MAX_LISTED = 100

Missing = list[tuple[int, str]]
"""Images without an embedding, as (image_id, digest)."""


@dataclass(frozen=True)
class _Computed:
    """A set after the job, and the images that it computed."""

    set: EmbeddingSet
    n_new: int = 0
    seconds: float = 0.0
    engine: EngineUse | None = None


def embed(work: Work) -> None:
    """Compute the embeddings of the images that have none, until none is left.

    Then the means over several views, where the job is to compute them: it has the embeddings of one view for
    searches first. What was computed stays when the job is killed or cancelled, or gives way to another one.

    Raises:
        WeightsMissing: If the backbone has no pretrained weights.
        Cancelled: If the job was cancelled.
    """
    arguments = work.arguments_as(EmbedArguments)
    backbone = backbones.find(arguments.backbone, work.settings)
    if arguments.retries:
        stored.retry(work.workspace)
    plain = _complete(work, backbone, n_views=1)
    result = _result(work, plain)
    work.note(result)
    # Before the outliers, which it finds the nearest images of.
    index_job.extend_if_needed(work, plain.set.set_id)
    if plain.n_new:
        outlier_scores.refresh(work.workspace, report=work.report)
    if arguments.n_views > 1:
        means = _complete(work, backbone, n_views=arguments.n_views)
        work.note(_with_means(work, result, means))
    else:
        embedding.embed_views(work.workspace, settings=work.settings, actor=work.actor)


def _complete(work: Work, backbone: Backbone, *, n_views: int) -> _Computed:
    """Compute what lacks in the set of a backbone; torch is loaded only if that is anything."""
    known = _known(work, backbone, n_views)
    if known is not None and not stored.missing(work.workspace, known.set_id):
        return _Computed(known)
    os.nice(max(0, NICENESS - os.nice(0)))
    compute = _map if opening.is_used(work.settings) else _compute
    return compute(work, backbone, n_views)


def _known(work: Work, backbone: Backbone, n_views: int) -> EmbeddingSet | None:
    """Return the set of a backbone, without loading its libraries; None if it is not begun."""
    if backbone.file is None:
        return None
    for n, each in enumerate(stored.sets(work.workspace)):
        if (each.backbone, each.size_px) == (backbone.name, backbone.size_px):
            work.report("Reading the weights", 0, 0, "")
            if weight_files.digest(backbone.file) == each.weights_sha256:
                if n_views == 1 and n == 0 and work.settings.embed_views > 1:
                    return each  # It is in use, and the means that the live head uses stay so, too.
                chosen = averaged.beside(work.workspace, each) if n_views > 1 else [each]
                ids = [one.set_id for one in chosen if one.n_views == n_views]
                return stored.use(work.workspace, ids[0]) if ids else None
    return None


def _compute(work: Work, backbone: Backbone, n_views: int) -> _Computed:
    """Compute all images of the set of a backbone in this process."""
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn import embedding as embeddings

    body = embeddings.load(backbone, work.settings)
    known = _created(work, backbone, body.weights_sha256, n_views)
    began, n_new = time.monotonic(), 0
    while missing := stored.missing(work.workspace, known.set_id):  # Again for images of another import.
        n_new += _compute_missing(work, body, known, missing)
    return _Computed(known, n_new, time.monotonic() - began)


def _map(work: Work, backbone: Backbone, n_views: int) -> _Computed:
    """Do what `_compute` does by the workers of an engine.

    Torch is loaded here only where the weights have to be downloaded first.
    """
    if backbone.file is None:
        work.report("Loading libraries", 0, 0, "torch")
        from peakid.learn import embedding as embeddings

        weights_sha256 = embeddings.load(backbone, work.settings).weights_sha256
    else:
        weights_sha256 = weight_files.digest(backbone.file)
    known = _created(work, backbone, weights_sha256, n_views)
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
        return _Computed(known, n_new, time.monotonic() - began, engine.use())


def _created(work: Work, backbone: Backbone, weights_sha256: str, n_views: int) -> EmbeddingSet:
    return stored.create(
        work.workspace,
        averaged.name(backbone.name, n_views),
        size_px=backbone.size_px,
        weights_sha256=weights_sha256,
        n_dimensions=backbone.architecture.n_features,
        n_views=n_views,
    )


def _compute_missing(work: Work, body: "Body", known: EmbeddingSet, missing: Missing) -> int:
    """Compute and store the embeddings of these images; return how many have one now.

    Raises:
        Cancelled: If the job was cancelled.
        GaveWay: If another job of its lane waits.
    """
    from peakid.learn import embedding as embeddings
    from peakid.learn.batches import data

    def read(number: int) -> bytes:
        return images.read_bytes(work.workspace, missing[number][1])

    kept, n = _Kept(work.workspace, known, missing), len(missing)
    phase = PHASE if known.n_views == 1 else MEANS_PHASE
    work.report(phase, 0, n, progress_text.counted(0, n, "images"))
    try:
        for part in embeddings.compute(
            body,
            n,
            read,
            should_stop=work.should_stop,
            n_readers=images.n_readers(work.workspace),
            n_views=known.n_views,
        ):
            kept.add(part)
            work.report(phase, kept.n_done, n, progress_text.counted(kept.n_done, n, "images"))
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


def _result(work: Work, computed: _Computed) -> EmbedResult:
    known, n_new, seconds = computed.set, computed.n_new, computed.seconds
    return EmbedResult(
        backbone=known.backbone,
        size_px=known.size_px,
        n_images=stored.show(work.workspace, known.set_id).n_images,
        n_new=n_new,
        n_dimensions=known.n_dimensions,
        n_unread=stored.counts(work.workspace, known.set_id).n_unread,
        unread=tuple(stored.unread(work.workspace, MAX_LISTED)),
        images_per_s=n_new / seconds if n_new and seconds else 0.0,
        engine=computed.engine,
    )


def _with_means(work: Work, result: EmbedResult, means: _Computed) -> EmbedResult:
    return replace(
        result,
        n_views=means.set.n_views,
        n_averaged=stored.show(work.workspace, means.set.set_id).n_images,
        engine=means.engine or result.engine,
    )

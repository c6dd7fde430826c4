"""Which images have an embedding, and the job that computes those of the others, also by itself.

The job has the lowest priority of the lane in which trainings run, and gives way to them.
"""

from dataclasses import dataclass

from peakid.embed import stored
from peakid.embed.stored import EmbeddingSet
from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import EmbedArguments
from peakid.jobs.job import Job
from peakid.recipe import backbones
from peakid.recipe.backbones import Backbone
from peakid.records import Lane
from peakid.settings import for_job
from peakid.store.workspace import Workspace

LANE: Lane = "gpu"
PRIORITY = -1


@dataclass(frozen=True)
class Coverage:
    """How many images have an embedding.

    Attributes:
        used: The set that ranks the images; None = no image has an embedding.
        next: The backbone that would be computed now; None = no pretrained weights are on this machine.
        n_images: All images.
        n_missing: Those without an embedding of `used` whose files can be read, as far as known.
        n_unread: Those without one whose files could not be read.
        is_automatic: Whether those of new images are computed by themselves after an import.
    """

    used: EmbeddingSet | None
    next: Backbone | None
    n_images: int
    n_missing: int
    n_unread: int
    is_automatic: bool

    @property
    def n_embedded(self) -> int:
        return self.n_images - self.n_missing - self.n_unread


def coverage(workspace: Workspace, *, settings: JobSettings | None = None) -> Coverage:
    """Return how many images have an embedding in the set that is used."""
    settings = settings or for_job()
    used = next(iter(stored.sets(workspace)), None)
    counts = stored.counts(workspace, used.set_id if used else None)
    return Coverage(
        used=used,
        next=_continued(used, settings),
        n_images=counts.n_images,
        n_missing=counts.n_missing,
        n_unread=counts.n_unread,
        is_automatic=settings.auto_embed,
    )


def embed(
    workspace: Workspace,
    *,
    backbone: str | None = None,
    retries: bool = False,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the job that computes the embeddings of images without one, unless it is queued or running.

    Args:
        backbone: The name of an architecture, with or without `timm/`; None = the best whose weights are on
            this machine.
        retries: Read images again that could not be read before.

    Raises:
        UnknownArchitecture: If there is no such backbone.
        WeightsMissing: If it has no pretrained weights at all.
    """
    settings = settings or for_job()
    chosen = backbones.find(_full_name(backbone), settings) if backbone else backbones.best(settings)
    name = chosen.name if chosen else backbones.PACKAGED  # It is downloaded, or the job says how to get it.
    arguments = EmbedArguments(backbone=name, retries=retries)
    for job in _open(workspace):
        if job.arguments == arguments:
            return job
    return queue.submit(
        workspace,
        arguments,
        lane=LANE,
        settings=settings,
        request_id=request_id,
        actor=actor,
        priority=PRIORITY,
    )


def embed_new(workspace: Workspace, *, settings: JobSettings | None = None, actor: str = "") -> Job | None:
    """Queue the job for the images that an import added; None where there is nothing to do.

    That is so where the setting `auto_embed` says not to, where the embeddings in use were imported, and
    where the weights would have to be downloaded.
    """
    settings = settings or for_job()
    if not settings.auto_embed or workspace.is_read_only:
        return None
    found = coverage(workspace, settings=settings)
    if found.next is None or not found.n_missing:
        return None
    waiting = [job for job in _open(workspace) if job.state == "queued"]
    if waiting:
        return waiting[0]
    # A job that is running may have listed its images before these were added.
    arguments = EmbedArguments(backbone=found.next.name)
    return queue.submit(workspace, arguments, lane=LANE, settings=settings, actor=actor, priority=PRIORITY)


def active(workspace: Workspace) -> Job | None:
    """Return the job that is running or waits; None if there is none."""
    return next(iter(_open(workspace)), None)


def _continued(used: EmbeddingSet | None, settings: JobSettings) -> Backbone | None:
    """Return the backbone of the set in use if it can be computed here, else the best one."""
    if used is None:
        return backbones.best(settings)
    if backbones.is_computable(used.backbone, settings):
        return backbones.find(used.backbone, settings)
    return backbones.best(settings) if used.size_px else None  # Imported ones are not set aside unasked.


def _open(workspace: Workspace) -> list[Job]:
    return [job for job in queue.list_active(workspace, LANE) if job.kind == EmbedArguments.kind]


def _full_name(name: str) -> str:
    """Return the name of an architecture that may have been given without `timm/`."""
    full = f"timm/{name}"
    return full if full in backbones.ORDER else name

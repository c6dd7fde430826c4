"""Which images have an embedding, and the job that computes those of the others, also by itself.

The job has a low priority in the lane in which trainings run, and gives way to them. The job that computes
the means over several views has the lowest: it follows that one, and gives way to it too.
"""

from dataclasses import dataclass

from peakid.embed import averaged, stored
from peakid.embed.stored import EmbeddingSet
from peakid.engines import opened_fit, opening
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
PRIORITY, VIEWS_PRIORITY = -1, -2
# Images whose views are computed unasked without a GPU: two views take 16 to 24 ms of a core, these some
# seven minutes.
MOST_UNASKED = 20_000


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
        means: The means over several views that the live head uses, or that are begun; None = there are none.
        uses_means: Whether the live head uses them.
    """

    used: EmbeddingSet | None
    next: Backbone | None
    n_images: int
    n_missing: int
    n_unread: int
    is_automatic: bool
    means: EmbeddingSet | None = None
    uses_means: bool = False

    @property
    def n_embedded(self) -> int:
        return self.n_images - self.n_missing - self.n_unread


def coverage(workspace: Workspace, *, settings: JobSettings | None = None) -> Coverage:
    """Return how many images have an embedding in the set that is used."""
    settings = settings or for_job()
    used = next(iter(stored.sets(workspace)), None)
    counts = stored.counts(workspace, used.set_id if used else None)
    means = next((each for each in averaged.beside(workspace, used) if each.n_images), None) if used else None
    return Coverage(
        used=used,
        next=_continued(used, settings),
        n_images=counts.n_images,
        n_missing=counts.n_missing,
        n_unread=counts.n_unread,
        is_automatic=settings.auto_embed,
        means=means,
        uses_means=means is not None and used is not None and averaged.of_head(workspace, used) == means,
    )


def embed(
    workspace: Workspace,
    *,
    backbone: str | None = None,
    retries: bool = False,
    n_views: int = 1,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the job that computes the embeddings of images without one, unless it is queued or running.

    Args:
        backbone: The name of an architecture, with or without `timm/`; None = the best whose weights are on
            this machine.
        retries: Read images again that could not be read before.
        n_views: More than 1: then also the means over so many views of each photo, for the live head.

    Raises:
        UnknownArchitecture: If there is no such backbone.
        WeightsMissing: If it has no pretrained weights at all.
    """
    settings = settings or for_job()
    chosen = backbones.find(_full_name(backbone), settings) if backbone else backbones.best(settings)
    name = chosen.name if chosen else backbones.PACKAGED  # It is downloaded, or the job says how to get it.
    arguments = EmbedArguments(backbone=name, retries=retries, n_views=n_views)
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
    waiting = [job for job in _open(workspace) if job.state == "queued" and _n_views(job) == 1]
    if waiting:
        return waiting[0]
    # A job that is running may have listed its images before these were added.
    arguments = EmbedArguments(backbone=found.next.name)
    return queue.submit(workspace, arguments, lane=LANE, settings=settings, actor=actor, priority=PRIORITY)


def embed_views(workspace: Workspace, *, settings: JobSettings, actor: str = "") -> Job | None:
    """Queue the job for the means over several views once all images have an embedding of one.

    None where there is nothing to do, where `auto_embed` or `embed_views` say not to, where the means were
    not measured with the backbone in use, and where it would take too long without a GPU.
    """
    used = next(iter(stored.sets(workspace)), None)
    n_views = settings.embed_views
    if not settings.auto_embed or n_views == 1 or workspace.is_read_only or used is None:
        return None
    if used.backbone not in backbones.AVERAGED or not backbones.is_computable(used.backbone, settings):
        return None
    if stored.counts(workspace, used.set_id).n_missing:
        return None  # The job that computes those queues this one.
    if averaged.of_head(workspace, used).n_views == n_views or not _is_affordable(workspace, used, settings):
        return None
    arguments = EmbedArguments(backbone=used.backbone, n_views=n_views)
    for job in _open(workspace):
        if job.state == "queued" and job.arguments == arguments:
            return job
    return queue.submit(
        workspace, arguments, lane=LANE, settings=settings, actor=actor, priority=VIEWS_PRIORITY
    )


def _is_affordable(workspace: Workspace, used: EmbeddingSet, settings: JobSettings) -> bool:
    """Return whether the further views of all images are computed unasked: soon enough, or by an engine."""
    has = [each.n_images for each in averaged.beside(workspace, used) if each.n_views == settings.embed_views]
    n_left = used.n_images - sum(has)
    return n_left <= MOST_UNASKED or opening.is_used(settings) or opened_fit.n_gpus(settings) > 0


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


def _n_views(job: Job) -> int:
    return job.arguments.n_views if isinstance(job.arguments, EmbedArguments) else 1


def _full_name(name: str) -> str:
    """Return the name of an architecture that may have been given without `timm/`."""
    full = f"timm/{name}"
    return full if full in backbones.ORDER else name

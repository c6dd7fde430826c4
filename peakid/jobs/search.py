"""Jobs of the search by meaning: embed a picture from elsewhere, and name what the images show."""

import hashlib
from pathlib import Path

from peakid import files, paths
from peakid.embed import relevance, similar, stored
from peakid.embed.stored import EmbeddingSet
from peakid.errors import BadInput, NotFound, UnreadableImage, WeightsMissing
from peakid.imaging import gate, inspection, pixels
from peakid.job_settings import JobSettings
from peakid.jobs.arguments import NameImagesArguments, SimilarArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.queueing import queued
from peakid.jobs.results import NameImagesResult, SimilarResult
from peakid.recipe import backbones, weight_files
from peakid.recipe.backbones import Backbone
from peakid.remedies import action
from peakid.settings import for_job
from peakid.store.workspace import Workspace


def find_similar(
    workspace: Workspace,
    path: Path,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the search for the images similar to a picture, whose result names the queue that has them.

    Raises:
        NoEmbeddings: If no image has an embedding.
        BadInput: If the file is not a picture that can be read.
    """
    settings = settings or for_job()
    stored.find(workspace)
    try:
        gate.call(inspection.inspect, files.read_regular(path, settings.max_image_bytes))
    except UnreadableImage as error:
        raise BadInput(
            f"{path.name} is not a picture that can be read: {error.message}.",
            "Choose a JPEG, a PNG or another image file.",
        ) from error
    arguments = SimilarArguments(path=str(path.absolute()), name=path.name)
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def name_images(
    workspace: Workspace,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue what the ImageNet classifier of the backbone sees in the images.

    Raises:
        NoEmbeddings: If no image has an embedding.
    """
    stored.find(workspace)
    return queued(
        workspace,
        NameImagesArguments(),
        "cpu",
        settings=settings,
        request_id=request_id,
        actor=actor,
    )


def run_similar(work: Work) -> None:
    """Rank the images by their similarity to a picture. One of the workspace needs no network."""
    arguments = work.arguments_as(SimilarArguments)
    path = Path(arguments.path)
    data = files.read_regular(path, work.settings.max_image_bytes)
    digest = hashlib.sha256(data).hexdigest()
    chosen = stored.find(work.workspace)
    try:
        list_id = similar.to_image(work.workspace, digest)
    except NotFound:  # It is not in the workspace, or has no embedding.
        list_id = _to_file(work, chosen, digest, arguments.name, data)
    n_images = len(similar.list_similar(work.workspace, list_id))
    work.note(SimilarResult(digest=digest, name=arguments.name, n_images=n_images))
    if paths.is_below(path, work.workspace.uploads_dir):
        path.unlink(missing_ok=True)


def run_names(work: Work) -> None:
    """Read the classifier of the backbone, and note what it sees in every image."""
    chosen = stored.find(work.workspace)
    if not relevance.has_classifier(work.workspace, chosen):
        _, file = _backbone(work, chosen)
        work.report("Loading libraries", 0, 0, "torch")
        from peakid.learn.network import weights

        weight, bias = weights.imagenet_classifier(file, n_features=chosen.n_dimensions)
        relevance.save_classifier(work.workspace, chosen, weight, bias)
    work.report("Naming what the images show", 0, 0, "")
    relevance.refresh(work.workspace)
    seen = relevance.seen(work.workspace)
    work.note(NameImagesResult(n_images=sum(each.n_images for each in seen), n_classes=len(seen)))


def _to_file(work: Work, chosen: EmbeddingSet, digest: str, name: str, data: bytes) -> int:
    backbone, _ = _backbone(work, chosen)
    pixel_array = gate.call(pixels.preprocess, data, size_px=backbone.size_px, resize="crop")
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn import embedding

    body = embedding.load(backbone, work.settings)
    work.report("Searching", 0, 0, name)
    return similar.to_features(work.workspace, digest, name, body.features(pixel_array[None])[0], chosen)


def _backbone(work: Work, chosen: EmbeddingSet) -> tuple[Backbone, Path]:
    """Return the backbone of a set of embeddings, and the weights that they were computed with.

    Raises:
        WeightsMissing: If it is not here, or the embeddings were imported.
    """
    if backbones.is_computable(chosen.backbone, work.settings):
        found = backbones.find(chosen.backbone, work.settings)
        if found.file is not None and weight_files.digest(found.file) == chosen.weights_sha256:
            return Backbone(found.architecture, chosen.size_px, found.file), found.file
    raise WeightsMissing(
        f"The embeddings in use are of {chosen.backbone}, whose weights are not on this machine.",
        "Compute the embeddings with a backbone that is here.",
        action("embed"),
    )

"""Jobs of the search by meaning: embed a picture from elsewhere, and name what the images show."""

from pathlib import Path

from peakid import files
from peakid.embed import stored
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import gate, inspection
from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import NameImagesArguments, SimilarArguments
from peakid.jobs.job import Job
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
    return queue.submit(
        workspace,
        arguments,
        lane="cpu",
        settings=settings,
        request_id=request_id,
        actor=actor,
    )


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
    return queue.submit(
        workspace,
        NameImagesArguments(),
        lane="cpu",
        settings=settings or for_job(),
        request_id=request_id,
        actor=actor,
    )

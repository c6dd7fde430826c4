"""The job that predicts new photos with the model of a run, and compares them with its test images."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peakid import files
from peakid.acquire import reading
from peakid.curate.duplicates import find as duplicates
from peakid.curate.duplicates import hash_search
from peakid.embed import stored
from peakid.errors import BadInput, NoEmbeddings, NotFound, UnreadableImage
from peakid.evaluate import scored_images
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import exchangeability
from peakid.evaluate.trust import new_photos as finding
from peakid.evaluate.trust.exchangeability import Exchangeability, Space
from peakid.imaging import gate, inspection
from peakid.job_settings import JobSettings
from peakid.jobs import queue, refusals
from peakid.jobs.arguments import OpenSetArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import OpenSetResult
from peakid.recipe import backbones, weight_files
from peakid.recipe.backbones import Backbone
from peakid.records import Run
from peakid.settings import for_job
from peakid.store import images, run_predictions, runs
from peakid.store.evaluation import new_photos
from peakid.store.workspace import Workspace

MOST_PHOTOS = 5000  # Of a folder: more change no figure, and take minutes.
NEAR_BITS = 24  # Of phash and dhash together, as near duplicates are found in an import.


@dataclass(frozen=True)
class Photos:
    """Photos to predict, each once, with a function that reads one by its position."""

    digests: list[str]
    read: Callable[[int], bytes]
    n_unread: int
    n_known: int


def submit(
    workspace: Workspace,
    run_id: int,
    *,
    folder: Path | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the prediction of new photos by a run.

    Args:
        folder: Whose photos; None = the images of this workspace that were excluded as showing something
            else, and are not in the snapshot of the run.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If there is no such folder, or no such image.
    """
    run = runs.show(workspace, run_id)
    refusals.refuse_without_model(run)
    if folder is None and not new_photos.excluded(workspace, run.snapshot_id, finding.UNRELATED_REASONS):
        reasons = ", ".join(f"'{each}'" for each in finding.UNRELATED_REASONS)
        raise BadInput(
            f"No image outside the snapshot of run {run_id} was excluded for one of the reasons {reasons}.",
            "Give a folder of photos that show something else.",
        )
    path = None if folder is None else str(reading.checked_folder(folder))
    return queue.submit(
        workspace,
        OpenSetArguments(run_id=run_id, folder=path),
        lane="cpu",
        settings=settings or for_job(),
        request_id=request_id,
        actor=actor,
    )


def run_open_set(work: Work) -> None:
    """Predict the photos, compare them with the test images, and store both."""
    arguments = work.arguments_as(OpenSetArguments)
    run = runs.show(work.workspace, arguments.run_id)
    refusals.refuse_without_model(run)
    photos = _photos(work, run, arguments)
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn import new_photos as predicting
    from peakid.learn import start
    from peakid.learn.batches.data import Stopped

    try:
        predicted = predicting.pred_probs(
            runs.folder(work.workspace, run.run_id),
            len(photos.digests),
            photos.read,
            device=start.find_device("cpu" if run.recipe.get("device") == "cpu" else "auto"),
            report=work.report,
            should_stop=work.should_stop,
        )
    except Stopped as error:
        raise Cancelled from error
    groups = _near_groups(work, photos, predicted.places)
    compared = _compared(work, run, photos, predicted.places, predicted.pred_probs, groups)
    name = arguments.folder or ", ".join(finding.UNRELATED_REASONS)
    n_unread = photos.n_unread + len(photos.digests) - len(predicted.places)
    set_id = new_photos.add(
        work.workspace,
        run.run_id,
        "excluded" if arguments.folder is None else "folder",
        name,
        digests=[photos.digests[place] for place in predicted.places],
        groups=groups,
        pred_probs=predicted.pred_probs,
        n_unread=n_unread,
        n_known=photos.n_known,
        comparison=compared.to_json(),
    )
    work.note(
        OpenSetResult(
            run_id=run.run_id,
            set_id=set_id,
            n_images=len(predicted.places),
            n_unread=n_unread,
            n_known=photos.n_known,
            is_alarm=compared.is_alarm,
        )
    )


def _photos(work: Work, run: Run, arguments: OpenSetArguments) -> Photos:
    if arguments.folder is None:
        digests = new_photos.excluded(work.workspace, run.snapshot_id, finding.UNRELATED_REASONS)
        return Photos(digests, lambda place: images.read_bytes(work.workspace, digests[place]), 0, 0)
    root = Path(arguments.folder)
    members = new_photos.members(work.workspace, run.snapshot_id)
    chosen: dict[str, Path] = {}
    n_unread = n_known = 0
    for path in reading.paths_below(root):
        if len(chosen) >= MOST_PHOTOS:
            break
        if reading.rejection(root, path) is not None:
            n_unread += 1
            continue
        try:
            digest = hashlib.sha256(
                files.read_regular(root / path, work.settings.max_image_bytes)
            ).hexdigest()
        except OSError:
            n_unread += 1
            continue
        if digest in members:
            n_known += 1
        else:
            chosen.setdefault(digest, root / path)
        if work.should_stop():
            raise Cancelled
    if not chosen:
        known = f": {n_known:,} are in the snapshot of run {run.run_id} already" if n_known else ""
        raise BadInput(f"There is no new photo in {root}{known}.", "Choose another folder.")
    paths = list(chosen.values())
    limit = work.settings.max_image_bytes
    return Photos(list(chosen), lambda place: files.read_regular(paths[place], limit), n_unread, n_known)


def _near_groups(work: Work, photos: Photos, places: np.ndarray) -> np.ndarray:
    """Return the group of each photo, int64 of shape (n,): near duplicates by their hashes share one."""
    numbers, hashes = [], []
    for row, place in enumerate(places.tolist()):
        try:
            found = gate.call(inspection.inspect, photos.read(place))
        except (UnreadableImage, NotFound, OSError):
            continue
        numbers.append(row)
        hashes.append((int(found.phash, 16), int(found.dhash, 16)))
        if work.should_stop():
            raise Cancelled
    groups = np.arange(len(places))
    if hashes:
        packed = np.array(hashes, dtype=np.uint64)
        first, second, _ = hash_search.compare(packed, packed, radius=NEAR_BITS)
        pairs = np.stack([first, second], axis=1)
        groups[numbers] = duplicates.components(list(range(len(packed))), pairs)
    return groups


def _compared(
    work: Work, run: Run, photos: Photos, places: np.ndarray, pred_probs: np.ndarray, groups: np.ndarray
) -> Exchangeability:
    """Compare the photos with the test images, or with the validation images where there are none.

    It reads no label, and so is no look at the test score.
    """
    split = "test" if run_predictions.has_pred_probs(work.workspace, run.run_id, "test") else "valid"
    reference = scored_images.load(work.workspace, run, split)
    reference = scored_images.subset(reference, exchangeability.one_of_each(reference.groups))
    own = exchangeability.one_of_each(groups)
    work.report("Comparing with the test images", 0, 0, "")
    space: Space = "probabilities"
    sides = finding.vectors(reference.pred_probs), finding.vectors(pred_probs[own])
    embedded = _embedded(work, reference, photos, places[own])
    if embedded is not None:
        space, sides = "embeddings", embedded
    return exchangeability.compare(
        *sides, reference.confidence, pred_probs[own].max(axis=1), space=space, split=split, seed=run.seed
    )


def _embedded(
    work: Work, reference: ScoredImages, photos: Photos, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return embeddings of length 1 of both sides; None where the backbone of the workspace is not here."""
    try:
        chosen = stored.find(work.workspace)
    except NoEmbeddings:
        return None
    kept = stored.load(work.workspace, chosen.set_id, reference.image_ids.tolist())
    backbone = _backbone(work, chosen)
    if backbone is None or len(kept.image_ids) < exchangeability.LEAST_IMAGES:
        return None
    from peakid.learn import embedding
    from peakid.learn.batches.data import Stopped

    body = embedding.load(backbone, work.settings)
    found: list[np.ndarray] = []
    try:
        for part in embedding.compute(
            body, len(places), lambda n: photos.read(int(places[n])), should_stop=work.should_stop
        ):
            found.append(part.features)
            n_done = sum(map(len, found))
            work.report("Embedding the photos", n_done, len(places), "")
    except Stopped as error:
        raise Cancelled from error
    return _unit(kept.features), _unit(np.concatenate(found)) if found else np.zeros((0, 1))


def _backbone(work: Work, chosen: stored.EmbeddingSet) -> Backbone | None:
    if not backbones.is_computable(chosen.backbone, work.settings):
        return None
    found = backbones.find(chosen.backbone, work.settings)
    if found.file is None or weight_files.digest(found.file) != chosen.weights_sha256:
        return None
    return Backbone(found.architecture, chosen.size_px, found.file)


def _unit(features: np.ndarray) -> np.ndarray:
    vectors = np.asarray(features, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

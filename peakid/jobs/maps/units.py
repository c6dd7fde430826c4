"""What a worker computes of a shard: measures, embeddings, predictions, a part of a folder, one fold.

`run_units` and `proof_units` have the others.

A result is a file: JSON, or arrays with JSON beside them. Torch is loaded by the units that need it.
"""

import contextlib
import json
import platform
import tempfile
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from peakid.engines import locations
from peakid.engines.records import Shard
from peakid.errors import JobError, NotFound, UnreadableImage, WeightsUnfit
from peakid.imaging import gate, inspection
from peakid.job_settings import JobSettings
from peakid.jobs.maps import packing
from peakid.recipe import backbones, export_formats, weight_files
from peakid.recipe.backbones import Backbone
from peakid.recipe.recipe import Recipe
from peakid.serve.predictor import ImagePrediction, Predictor, RankedClass, ReadError

if TYPE_CHECKING:
    from peakid.learn.embedding import Body

_HERE = "peakid.jobs.maps.units"
MEASURE, EMBED, PREDICT, FOLD, SORT = (
    f"{_HERE}:{name}" for name in ("measure", "embed", "predict", "train_fold", "sort")
)
VERSION = 1  # Increased when a unit gives another result for the same shard.

N_THREADS = 4  # Read side by side; they are decoded in one process.


def measure(shard: Shard, settings: JobSettings) -> bytes:
    """Return the measures of each image as JSON; null for one that cannot be read."""
    read = locations.reader(shard)

    def one(position: int) -> Mapping[str, object] | None:
        try:
            return asdict(gate.call(inspection.inspect, read(position)).measures)
        except (NotFound, UnreadableImage):
            return None

    with ThreadPoolExecutor(locations.n_readers(shard) or N_THREADS) as pool:
        return json.dumps(list(pool.map(one, range(len(shard.digests))))).encode()


def embed(shard: Shard, settings: JobSettings) -> bytes:
    """Return `numbers`, the positions of the images that could be read, their `features`, and why not."""
    from peakid.learn import embedding

    body = _body(str(shard.arguments["backbone"]), str(shard.arguments["weights_sha256"]), settings)
    parts = list(
        embedding.compute(
            body,
            len(shard.digests),
            locations.reader(shard),
            should_stop=lambda: False,
            n_readers=locations.n_readers(shard),
            n_views=int(shard.arguments.get("n_views", 1)),
        )
    )
    features = np.concatenate([each.features for each in parts])
    largest = float(np.finfo(np.float16).max)
    return packing.packed(
        {str(number): why for each in parts for number, why in each.unread.items()},
        numbers=np.concatenate([each.numbers for each in parts]),
        features=np.clip(features, -largest, largest).astype(np.float16),  # As they are stored.
    )


def predict(shard: Shard, settings: JobSettings) -> bytes:
    """Return the prediction for each photo as JSON, by the model of a run or of an export."""
    read, top = locations.reader(shard), int(shard.arguments["top"])
    threshold = float(shard.arguments["threshold"])
    contents: list[bytes | ImagePrediction] = []
    for position in range(len(shard.digests)):
        try:
            contents.append(read(position))
        except NotFound as error:
            contents.append(ImagePrediction.unreadable(None, error.message))
    good = [each for each in contents if isinstance(each, bytes)]
    folder, sha256 = Path(shard.files["folder"]), str(shard.arguments["model_sha256"])
    _refuse_other_model(folder, str(shard.arguments["file"]), sha256, "Predict again.")
    if shard.arguments["kind"] == "export":
        predicted = iter(_exported(folder, sha256).predict(good, top=top, threshold=threshold))
    else:
        temperature = float(shard.arguments["temperature"])
        predicted = _of_run(folder, sha256, good, top=top, threshold=threshold, temperature=temperature)
    return json.dumps(
        [_document(next(predicted) if isinstance(each, bytes) else each) for each in contents]
    ).encode()


def sort(shard: Shard, settings: JobSettings) -> bytes:
    """Return the prediction, hashes and thumbnail of each photo of a folder, by the model of an export."""
    from peakid.serve.albums import photos

    locations.reader(shard)  # It says so where this machine does not see the photos.
    folder, sha256 = Path(shard.files["export"]), str(shard.arguments["model_sha256"])
    _refuse_other_model(folder, export_formats.CARD, sha256, "Preview the folder again.")
    root, paths = Path(shard.files["folder"]), list(shard.arguments["paths"])
    return packing.packed_photos(
        photos.predict_files(
            _exported(folder, sha256, is_int8=bool(shard.arguments["is_int8"])),
            root,
            paths,
            has_thumbnails=True,
        )
    )


def train_fold(shard: Shard, settings: JobSettings) -> bytes:
    """Return the `pred_probs` of the held-out images of a fold, and its epochs and warnings."""
    from peakid.learn import folds
    from peakid.learn.batches.data import TrainingImages

    arguments, read = shard.arguments, locations.reader(shard)
    position = {digest: n for n, digest in enumerate(shard.digests)}
    images = TrainingImages(
        digests=list(shard.digests),
        labels=np.array(arguments["labels"], dtype=np.int64),
        splits=["train"] * len(shard.digests),  # Those of the fold follow.
        class_names=list(arguments["class_names"]),
        read=lambda digest: read(position[digest]),
        groups=list(arguments["groups"]),
    )
    with _run_folders(shard) as (folder, cache_dir):
        pred_probs, facts = folds.train_alone(
            images,
            Recipe.model_validate(dict(arguments["recipe"]) | {"pretrained": shard.files["pretrained"]}),
            int(arguments["number"]),
            weights=str(arguments["weights"]),
            epochs=list(arguments["epochs"]),
            folder=folder,
            cache_dir=cache_dir,
            settings=settings,
            allows_random=bool(arguments["allows_random"]),
        )
    return packing.packed(facts, pred_probs=pred_probs)


def predictions(data: bytes) -> list[ImagePrediction]:
    """Return what `predict` has computed."""
    return [_prediction(each) for each in json.loads(data)]


def limits(settings: JobSettings) -> list[float]:
    """Return what decides whether a photo can be decoded: part of the key where the result says so."""
    return [settings.max_image_pixels, settings.decode_limit_s, settings.decode_limit_bytes]


@lru_cache(4)
def model_sha256(folder: Path, name: str) -> str:
    """Return the SHA-256 of the file of a model, read once by each process."""
    try:
        return weight_files.digest(folder / name)
    except OSError as error:
        raise NotFound(f"There is no model in {folder}.", "Choose another one.") from error


def _refuse_other_model(folder: Path, name: str, sha256: str, remedy: str) -> None:
    """Raise if this machine does not have the file of a model that the job has read."""
    try:
        found = model_sha256(folder, name)
    except NotFound as error:
        raise JobError(
            f"The worker on {platform.node()} does not see the model: there is no {folder}/{name}.",
            locations.SHARE_DISK,
        ) from error
    if found != sha256:
        raise JobError(f"The model in {folder} was changed meanwhile.", remedy)


@lru_cache(1)
def loaded_run(folder: Path, sha256: str) -> tuple[Any, Any]:
    """Return the model of a run and its card, which stay in memory."""
    from peakid.learn.network import model as models

    return models.load(folder)


@lru_cache(1)
def _body(name: str, weights_sha256: str, settings: JobSettings) -> "Body":
    """Return the body of a backbone with exactly these weights, which stays in memory."""
    from peakid.learn import embedding

    backbone: Backbone = backbones.find(name, settings)
    body = embedding.load(backbone, settings)
    if body.weights_sha256 != weights_sha256:
        raise WeightsUnfit(
            f"The weights of {name} on this machine have the SHA-256 {body.weights_sha256[:12]}, and those"
            f" that the job began with {weights_sha256[:12]}.",
            "Put the same file of weights on every machine.",
        )
    return body


@lru_cache(1)
def _exported(folder: Path, sha256: str, *, is_int8: bool = False) -> Predictor:
    return Predictor(folder, n_threads=1, is_int8=is_int8)


def _of_run(
    folder: Path, sha256: str, contents: list[bytes], *, top: int, threshold: float, temperature: float
) -> Iterator[ImagePrediction]:
    """Yield the predictions of the model of a run, as its exports give them."""
    from peakid.learn import new_photos, start
    from peakid.serve.predictor import scaled

    model, card = loaded_run(folder, sha256)
    found = new_photos.of_model(model, card, contents, device=start.find_device("auto"))
    rows = iter(scaled(found.pred_probs, temperature))
    for position in range(len(contents)):
        why = found.unread.get(position)
        if why is not None:
            yield ImagePrediction.unreadable(why.reason, why.message)
        else:
            yield ImagePrediction.of(card.class_names, next(rows), top=top, threshold=threshold)


@contextlib.contextmanager
def _run_folders(shard: Shard) -> Generator[tuple[Path, Path]]:
    """Yield the folder of the run and that of decoded pixels; other ones where this machine has not both."""
    folder, cache_dir = Path(shard.files["folder"]), Path(shard.files["cache"])
    if folder.is_dir() and cache_dir.is_dir():
        yield folder, cache_dir
        return
    with tempfile.TemporaryDirectory(prefix="peakid-fold-") as own:
        yield Path(own) / "run", Path(own) / "cache"


def _document(each: ImagePrediction) -> dict[str, Any]:
    error = [each.error.reason, each.error.detail] if each.error else None
    return each.to_json() | {"error": error}


def _prediction(document: Mapping[str, Any]) -> ImagePrediction:
    error = document["error"]
    return ImagePrediction(
        document["label"],
        document["confidence"],
        document["abstained"],
        [RankedClass(each["label"], each["probability"]) for each in document["top"]],
        error=ReadError(*error) if error else None,
        is_unfamiliar=document["is_unfamiliar"],
        distance=document["distance"],
    )

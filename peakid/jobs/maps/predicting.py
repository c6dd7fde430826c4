"""Predicts many photos with the model of a run or of an export, in the workers of an engine."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peakid import files, progress_text
from peakid.engines import opening
from peakid.engines.opening import Engine
from peakid.engines.records import EngineUse, Shard
from peakid.engines.shard_files import ShardFiles
from peakid.job_settings import JobSettings
from peakid.jobs import refusals
from peakid.jobs.maps import units
from peakid.recipe import cards, export_formats, run_files
from peakid.records import Report
from peakid.serve.predictor import ImagePrediction
from peakid.store import runs
from peakid.store.evaluation import operating_points
from peakid.store.workspace import Workspace

BLOCK = 64  # Photos of a shard: a second or two.
PHASE = "Predicting photos"


@dataclass(frozen=True)
class Model:
    """What predicts. The predictions follow from it and the photos.

    Attributes:
        folder: Of the run or the export.
        file: In it, the one that tells this model from others.
        temperature: Of the probabilities of a run; an export has its own.
    """

    kind: str
    folder: Path
    file: str
    threshold: float
    temperature: float = 1.0


def of_run(workspace: Workspace, run_id: int, *, threshold: float | None = None) -> Model:
    """Return the model of a run, as its exports would predict.

    Args:
        threshold: Confidence in 0..1 below which the model abstains; None = that of the run's exports.

    Raises:
        NotFound: If there is no such run, or it has no model.
    """
    refusals.refuse_without_model(runs.show(workspace, run_id))
    point = operating_points.of_run(workspace, run_id)
    least = threshold if threshold is not None else point.threshold if point else 0.0
    folder, temperature = runs.folder(workspace, run_id), point.temperature if point else 1.0
    return Model("run", folder.absolute(), run_files.WEIGHTS, least, temperature)


def of_export(folder: Path, *, threshold: float | None = None) -> Model:
    """Return the model of the export in a folder.

    Raises:
        NotFound: If there is none.
        WeightsUnfit: If its card is damaged.
    """
    from peakid.serve import opening as exports

    own: cards.ExportCard = exports.card(folder)
    least = own.facts.threshold if threshold is None else threshold
    return Model("export", folder.absolute(), export_formats.CARD, least)


def predict(
    model: Model,
    paths: Sequence[Path],
    kept: ShardFiles,
    settings: JobSettings,
    *,
    top: int = 5,
    report: Report,
    on_death: Callable[[str], None] = lambda sentence: None,
) -> tuple[list[ImagePrediction], EngineUse]:
    """Return a prediction for each photo, in order; one that cannot be read has an `error`.

    Args:
        kept: For results that an interrupted command leaves to the next one.

    Raises:
        ExtraMissing, JobError: As `opening.opened`.
        WeightsUnfit: If the model is damaged.
    """
    with opening.opened(settings, uses_gpu=True, on_death=on_death) as engine:
        return predict_with(engine, model, paths, kept, settings, top=top, report=report), engine.use()


def predict_with(
    engine: Engine,
    model: Model,
    paths: Sequence[Path],
    kept: ShardFiles,
    settings: JobSettings,
    *,
    top: int = 5,
    report: Report,
    block: int = BLOCK,
) -> list[ImagePrediction]:
    """Return as `predict`, with an engine that is open.

    Args:
        block: Photos of a shard, at most.
    """
    found: list[ImagePrediction | None] = [None] * len(paths)
    places_of: dict[str, list[list[int]]] = {}
    n_shards, n_done = -(-len(paths) // block), 0
    shards = _shards(model, paths, settings, top, found, places_of, block)
    for done in engine.map(shards, kept, should_stop=lambda: False):
        places = places_of[done.shard.key].pop()
        for place, prediction in zip(places, units.predictions(done.data), strict=True):
            found[place] = prediction
        n_done += len(places)
        counted = progress_text.counted(n_done, len(paths), "photos")
        report(PHASE, n_done, len(paths), f"{counted}, {engine.mapper.tally.progress(n_shards)}")
        done.forget()
    return [each for each in found if each is not None]


def _shards(
    model: Model,
    paths: Sequence[Path],
    settings: JobSettings,
    top: int,
    found: list[ImagePrediction | None],
    places_of: dict[str, list[list[int]]],
    block: int,
) -> Iterator[Shard]:
    """Yield a shard for each block of photos; those that cannot be read are noted in `found` at once."""
    arguments = {
        "kind": model.kind,
        "file": model.file,
        "model_sha256": units.model_sha256(model.folder, model.file),
        "top": top,
        "threshold": model.threshold,
        "temperature": model.temperature,
        "limits": units.limits(settings),
    }
    for begin in range(0, len(paths), block):
        digests: dict[int, str] = {}
        for place in range(begin, min(begin + block, len(paths))):
            try:
                data = files.read_regular(paths[place], settings.max_image_bytes)
                digests[place] = hashlib.sha256(data).hexdigest()
            except OSError as error:
                found[place] = ImagePrediction.unreadable(None, f"cannot be read: {error.strerror}")
        if not digests:
            continue
        shard = Shard(
            unit=units.PREDICT,
            version=units.VERSION,
            digests=tuple(digests.values()),
            arguments=arguments,
            locations=tuple(str(paths[place].absolute()) for place in digests),
            files={"folder": str(model.folder)},
        )
        places_of.setdefault(shard.key, []).append(list(digests))  # Two blocks may have the same photos.
        yield shard

"""What each rank of a training does: it trains its part, and the first one tells the head how it goes.

Imported in the processes of ranks only. They do not open the database.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import peakid
from peakid import job_settings, settings
from peakid.engines import locations, opening
from peakid.engines.fit import Desk, Place
from peakid.engines.records import Shard
from peakid.errors import JobError, PeakidError
from peakid.job_settings import JobSettings
from peakid.recipe.recipe import Recipe

if TYPE_CHECKING:
    from peakid.learn.batches.data import TrainingImages

FAILED, MEMORY, REPORT, EPOCH, DONE = "failed", "memory", "report", "epoch", "done"


def run(document: Mapping[str, Any], desk: Desk, place: Place) -> None:
    """Train as one of the ranks; tell the head what failed, if something does."""
    job = job_settings.parse(document["settings"]) or JobSettings()
    settings.use(job, keeps_gpus=True)
    from peakid.learn.ranks import failures  # Loads torch, which reads the settings of GPUs.

    try:
        _train(document, desk, place, job)
    except failures.OutOfMemoryError:
        desk.tell(MEMORY, {"n_parts": document["n_parts"]})
        raise
    except failures.OtherRankFailed:
        raise
    except PeakidError as error:
        desk.tell(FAILED, failure_document(error))
        raise
    except Exception as error:
        # A rank whose neighbour has died fails in torch's exchange: that is no reason of its own.
        is_exchange = failures.is_of_exchange(error)
        lines = str(error).strip().splitlines() or [""]
        found = JobError(f"{type(error).__name__}: {lines[0]}", "The log has the details.")
        desk.tell(FAILED, failure_document(found) | {"is_exchange": is_exchange})
        raise


def failure_document(error: PeakidError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "message": error.message,
        "remedy": error.remedy,
        "actions": [[each.kind, dict(each.arguments)] for each in error.actions],
        "is_exchange": False,
    }


def _train(document: Mapping[str, Any], desk: Desk, place: Place, job: JobSettings) -> None:
    from peakid.learn import start
    from peakid.learn import train as training
    from peakid.learn.ranks import joining, result_file

    recipe = Recipe.model_validate(document["recipe"])
    _refuse_other_version(document["version"], place)
    device = start.find_device(recipe.device)
    if place.init_method:
        joining.refuse_devices(device.type, place.n_here)
    with joining.joined(
        place.rank,
        place.n_ranks,
        place.number_here,
        init_method=place.init_method,
        device_type=device.type,
        n_threads=max(1, opening.n_cores() // place.n_here),
    ) as ranks:
        result = training.train(
            _images(document["images"]),
            recipe,
            folder=desk.folder,
            cache_dir=Path(document["cache_dir"]),
            settings=job,
            report=_teller(desk, place),
            on_epoch=lambda metrics: _tell_first(desk, place, EPOCH, dataclasses.asdict(metrics)),
            should_stop=desk.is_stopping,
            allows_random=document["allows_random"],
            ranks=ranks,
            n_parts=document["n_parts"],
        )
        if ranks.is_first:
            result_file.write(result, desk.folder)
            desk.tell(DONE, {})


def _teller(desk: Desk, place: Place) -> Callable[[str, int, int, str], None]:
    def report(phase: str, step: int, total: int, message: str) -> None:
        told = {"phase": phase, "step": step, "total": total, "message": message}
        _tell_first(desk, place, REPORT, told)

    return report


def _tell_first(desk: Desk, place: Place, kind: str, document: Mapping[str, Any]) -> None:
    if place.rank == 0:
        desk.tell(kind, document)


def _refuse_other_version(version: str, place: Place) -> None:
    if version != peakid.__version__:
        raise JobError(
            f"Rank {place.rank} runs Peakid {peakid.__version__}, and the job Peakid {version}.",
            "Install the same version on all machines.",
        )


def _images(columns: Mapping[str, Any]) -> "TrainingImages":
    from peakid.learn.batches.data import TrainingImages

    digests = tuple(columns["digests"])
    read = locations.reader(Shard("", 0, digests, locations=tuple(columns["locations"])))
    position = {digest: at for at, digest in enumerate(digests)}
    return TrainingImages(
        digests=list(digests),
        labels=np.array(columns["labels"], dtype=np.int64),  # (N,)
        splits=list(columns["splits"]),
        class_names=list(columns["class_names"]),
        read=lambda digest: read(position[digest]),
        groups=columns["groups"],
    )

"""Predict the photos of a folder: found, read, decoded side by side and predicted in batches."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from peakid import files, progress_text, settings
from peakid.acquire import layout
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import gate, hashed_photo
from peakid.imaging.hashed_photo import HashedPhoto
from peakid.records import Report, no_report
from peakid.serve.predictor import BATCH_SIZE, Predictor

AHEAD = 64  # Photos that are read and decoded while a batch is predicted.


@dataclass(frozen=True)
class Unreadable:
    """A file that is left where it is. `reason` is in words."""

    path: str
    reason: str


@dataclass(frozen=True)
class PredictedFolder:
    """The N photos of a folder that can be read, in the order of their paths, and the files that cannot.

    Attributes:
        paths: Relative to the folder, with `/`.
        class_names: The K classes.
        probabilities: float32 of shape (N, K).
        hashes: uint64 of shape (N, 2), phash and dhash of what the model sees: near-twins are close.
        has_detail: bool of shape (N,). The hashes of a picture of nearly one colour say nothing.
        is_unfamiliar: bool of shape (N,), or empty where nothing is known: it looks like nothing the model
            learned.
    """

    folder: Path
    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    probabilities: np.ndarray
    hashes: np.ndarray
    has_detail: np.ndarray
    unreadable: tuple[Unreadable, ...]
    is_unfamiliar: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))


def predict(
    predictor: Predictor, folder: Path, *, leaves_out: Path | None = None, report: Report = no_report
) -> PredictedFolder:
    """Predict every photo below a folder. Hidden files, links and files that are no pictures are left out.

    Args:
        leaves_out: A folder inside it that is not searched: the one that the albums go to.

    Raises:
        BadInput: If it is no folder, or has no file that could be a photo.
        WeightsUnfit: If the model fails.
    """
    found = list_photos(folder, leaves_out)
    if not found:
        raise BadInput(f"There is no photo in {folder}.", "Choose a folder with photos.")
    paths: list[str] = []
    rows: list[np.ndarray] = []
    seen: list[np.ndarray] = []
    detailed: list[bool] = []
    unfamiliar: list[bool] = []
    unreadable: list[Unreadable] = []
    batch: list[tuple[str, HashedPhoto]] = []
    for n, (path, result) in enumerate(_decoded(folder, found, predictor), start=1):
        if isinstance(result, str):
            unreadable.append(Unreadable(path, result))
        else:
            batch.append((path, result))
        if batch and (len(batch) == BATCH_SIZE or n == len(found)):
            read = np.stack([each.pixels for _, each in batch])
            probabilities, known = predictor.predict_pixels(read)
            rows.append(probabilities)
            unfamiliar += [each.is_unfamiliar for each in known]
            paths += [path for path, _ in batch]
            seen += [each.hashes for _, each in batch]
            detailed += [each.has_detail for _, each in batch]
            batch = []
        report("Predicting photos", n, len(found), progress_text.counted(n, len(found), "photos"))
    k = len(predictor.class_names)
    return PredictedFolder(
        folder=folder,
        class_names=tuple(predictor.class_names),
        paths=tuple(paths),
        probabilities=np.concatenate(rows) if rows else np.zeros((0, k), dtype=np.float32),
        hashes=np.array(seen, dtype=np.uint64).reshape(-1, 2),
        has_detail=np.array(detailed, dtype=bool),
        unreadable=tuple(unreadable),
        is_unfamiliar=np.array(unfamiliar, dtype=bool),
    )


def list_photos(folder: Path, leaves_out: Path | None = None) -> list[str]:
    """Return the files below a folder that may be photos, as paths relative to it, sorted.

    Raises:
        BadInput: If it is no folder.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", "Give a folder with photos.")
    found: list[str] = []
    for place, names, file_names in os.walk(folder):
        below = Path(place)
        names[:] = sorted(
            name
            for name in names
            if layout.hidden_part(name) is None
            and not (below / name).is_symlink()
            and (below / name) != leaves_out
        )
        found += [
            (below / name).relative_to(folder).as_posix()
            for name in file_names
            if layout.hidden_part(name) is None
            and Path(name).suffix.lower() not in layout.OTHER_SUFFIXES
            and not (below / name).is_symlink()
        ]
    return sorted(found)


def _decoded(
    folder: Path, paths: Sequence[str], predictor: Predictor
) -> Iterator[tuple[str, HashedPhoto | str]]:
    """Yield each path with its pixels and hashes, or with the reason why it cannot be read."""
    waiting: deque[tuple[str, Future[HashedPhoto] | str]] = deque()
    left = iter(paths)
    is_more = True
    while is_more or waiting:
        while is_more and len(waiting) < AHEAD:
            path = next(left, None)
            if path is None:
                is_more = False
            else:
                waiting.append((path, _submitted(folder / path, predictor)))
        if waiting:
            path, work = waiting.popleft()
            yield path, _result(work)


def _submitted(file: Path, predictor: Predictor) -> "Future[HashedPhoto] | str":
    try:
        content = files.read_regular(file, settings.current().max_image_bytes)
    except OSError as error:
        return error.strerror or str(error)
    return gate.submit(hashed_photo.read, content, size_px=predictor.image_size_px, resize=predictor.resize)


def _result(
    work: "Future[HashedPhoto] | str",
) -> HashedPhoto | str:
    if isinstance(work, str):
        return work
    try:
        return work.result()
    except UnreadableImage as error:
        return error.message

"""Predict the photos of a folder: found, read, decoded side by side and predicted in batches."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from peakid import clean_text, progress_text
from peakid.acquire import layout
from peakid.errors import BadInput, UnreadableImage
from peakid.imaging import gate, hashed_photo
from peakid.imaging.hashed_photo import HashedPhoto
from peakid.records import Report, no_report
from peakid.serve.albums import journal
from peakid.serve.predictor import Predictor

AHEAD = 64  # Photos that are read and decoded while batches are predicted.
# A small batch stays in the caches: lite0 at 160 px takes 2.8 ms of CPU for a photo with 8, 3.5 with 32.
BATCH_SIZE = 8
NOT_TEXT = "its name is not valid text (UTF-8)"


@dataclass(frozen=True)
class Unreadable:
    """A file that is left where it is. `reason` is in words."""

    path: str
    reason: str


@dataclass(frozen=True)
class FileFacts:
    """By which a file is recognised as unchanged: its size, and when it was modified (nanoseconds)."""

    n_bytes: int = -1
    modified_ns: int = -1


@dataclass(frozen=True)
class PredictedPhoto:
    """One photo that was read.

    Attributes:
        probabilities: float32 of shape (K,).
        hashes: uint64 of shape (2,).
        thumbnail: What the model sees of it as a JPEG; b"" unless it was asked for.
    """

    path: str
    facts: FileFacts
    probabilities: np.ndarray
    hashes: np.ndarray
    has_detail: bool
    is_unfamiliar: bool = False
    thumbnail: bytes = b""


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
    unreadable: tuple[Unreadable, ...] = ()
    is_unfamiliar: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))


@dataclass
class _Batch:
    read: list[tuple[str, FileFacts, HashedPhoto]] = field(default_factory=list)

    def predicted(self, predictor: Predictor) -> list[PredictedPhoto]:
        if not self.read:
            return []
        pixels = np.stack([photo.pixels for _, _, photo in self.read])
        rows, known = predictor.predict_pixels(pixels)
        return [
            PredictedPhoto(
                path, facts, row, photo.hashes, photo.has_detail, each.is_unfamiliar, photo.thumbnail
            )
            for (path, facts, photo), row, each in zip(self.read, rows, known, strict=True)
        ]


def joined(
    folder: Path,
    class_names: Sequence[str],
    photos: Iterable[PredictedPhoto],
    unreadable: Iterable[Unreadable] = (),
) -> PredictedFolder:
    """Return photos as the columns of a folder, in the order of their paths."""
    ordered = sorted(photos, key=lambda each: each.path)
    rows = [each.probabilities for each in ordered]
    return PredictedFolder(
        folder=folder,
        class_names=tuple(class_names),
        paths=tuple(each.path for each in ordered),
        probabilities=np.stack(rows) if rows else np.zeros((0, len(class_names)), dtype=np.float32),
        hashes=np.array([each.hashes for each in ordered], dtype=np.uint64).reshape(-1, 2),
        has_detail=np.array([each.has_detail for each in ordered], dtype=bool),
        is_unfamiliar=np.array([each.is_unfamiliar for each in ordered], dtype=bool),
        unreadable=tuple(sorted(unreadable, key=lambda each: each.path)),
    )


def checked_photos(folder: Path, leaves_out: Path | None = None) -> list[str]:
    """Return what `list_photos` finds.

    Raises:
        BadInput: If it is no folder, or has no file that could be a photo.
    """
    found = list_photos(folder, leaves_out)
    if not found:
        raise BadInput(f"There is no photo in {folder}.", "Choose a folder with photos.")
    return found


def list_photos(folder: Path, leaves_out: Path | None = None) -> list[str]:
    """Return the files below a folder that may be photos, as paths relative to it, sorted.

    Folders into which photos were sorted are left out: they hold copies.

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
            and not (below / name / journal.NAME).exists()
        )
        found += [
            (below / name).relative_to(folder).as_posix()
            for name in file_names
            if layout.hidden_part(name) is None
            and Path(name).suffix.lower() not in layout.OTHER_SUFFIXES
            and not (below / name).is_symlink()
        ]
    return sorted(found)


def facts_of(file: Path) -> FileFacts:
    """Return the facts of a file; those of no file where it cannot be asked."""
    try:
        found = file.stat()
    except OSError:
        return FileFacts()
    return FileFacts(found.st_size, found.st_mtime_ns)


PredictFiles = Callable[[Sequence[str], int], Iterable[tuple[list[PredictedPhoto], list[Unreadable]]]]
"""Predicts files elsewhere: given their paths, and how many of the folder count as done."""


def predict_files(
    predictor: Predictor,
    folder: Path,
    paths: Sequence[str],
    *,
    has_thumbnails: bool = False,
    n_before: int = 0,
    report: Report = no_report,
) -> Iterator[tuple[list[PredictedPhoto], list[Unreadable]]]:
    """Predict files in batches; yield the photos of each batch, and the files that cannot be read.

    Args:
        paths: Relative to the folder.
        n_before: Photos that were predicted before and count as done in the progress.

    Raises:
        WeightsUnfit: If the model fails.
    """
    n_done, total = n_before, n_before + len(paths)
    for photos, failed in _predicted(predictor, _decoded(folder, paths, predictor, has_thumbnails)):
        yield photos, failed
        n_done += len(photos) + len(failed)
        report("Predicting photos", n_done, total, progress_text.counted(n_done, total, "photos"))


def _predicted(
    predictor: Predictor, decoded: Iterable[tuple[str, FileFacts, HashedPhoto | str]]
) -> Iterator[tuple[list[PredictedPhoto], list[Unreadable]]]:
    """Predict a batch on each core while the next photos are decoded; yield them in their order."""
    n_cores = os.cpu_count() or 1
    waiting: deque[tuple[Future[list[PredictedPhoto]], list[Unreadable]]] = deque()
    batch, failed = _Batch(), list[Unreadable]()
    with ThreadPoolExecutor(n_cores) as pool:
        for path, facts, result in decoded:
            if isinstance(result, str):
                failed.append(Unreadable(path, result))
            else:
                batch.read.append((path, facts, result))
            if len(batch.read) + len(failed) < BATCH_SIZE:
                continue
            waiting.append((pool.submit(batch.predicted, predictor), failed))
            batch, failed = _Batch(), []
            if len(waiting) > n_cores:
                done, unreadable = waiting.popleft()
                yield done.result(), unreadable
        waiting.append((pool.submit(batch.predicted, predictor), failed))
        for done, unreadable in waiting:
            yield done.result(), unreadable


def _decoded(
    folder: Path, paths: Sequence[str], predictor: Predictor, has_thumbnails: bool
) -> Iterator[tuple[str, FileFacts, HashedPhoto | str]]:
    """Yield each path with its pixels and hashes, or with the reason why it cannot be read."""
    waiting: deque[tuple[str, FileFacts, Future[HashedPhoto] | str]] = deque()
    left = iter(paths)
    is_more = True
    while is_more or waiting:
        while is_more and len(waiting) < AHEAD:
            path = next(left, None)
            if path is None:
                is_more = False
            else:
                file = folder / path
                if not _is_text(path):
                    waiting.append((clean_text.clean_path(path), FileFacts(), NOT_TEXT))
                    continue
                facts = facts_of(file)  # Before it is read: a change meanwhile is then seen the next time.
                waiting.append((path, facts, _submitted(file, predictor, has_thumbnails)))
        if waiting:
            path, facts, work = waiting.popleft()
            yield path, facts, _result(work)


def _is_text(path: str) -> bool:
    """Return whether a name is valid UTF-8: a journal, a table and a database cannot hold another one."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _submitted(file: Path, predictor: Predictor, has_thumbnails: bool) -> "Future[HashedPhoto]":
    return gate.submit_file(
        hashed_photo.read,
        file,
        size_px=predictor.image_size_px,
        resize=predictor.resize,
        has_thumbnail=has_thumbnails,
    )


def _result(work: "Future[HashedPhoto] | str") -> HashedPhoto | str:
    if isinstance(work, str):
        return work
    try:
        return work.result()
    except UnreadableImage as error:
        return error.message
    except OSError as error:
        return error.strerror or str(error)

"""The predictions for a folder of photos, kept so that other rules for its albums need no second prediction.

They are in the cache of the workspace, in a folder for each pair of an export and a folder of photos. What a
person did by hand is in the database (`album_placements`), so cleaning the cache loses only time.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from peakid import files
from peakid.errors import NotFound
from peakid.records import Export, Report, no_report
from peakid.serve.albums import photos, preview_file
from peakid.serve.albums.photos import PredictedPhoto, PredictFiles, Unreadable
from peakid.serve.albums.preview_file import Draft, Preview
from peakid.serve.predictor import Predictor
from peakid.store.workspace import Workspace, now

MOST_KEPT = 8  # Previews; the oldest are removed. One of 5,000 photos has about 40 MB.
SAVE_EVERY_S = 20.0  # So much work is lost at most when the process is killed.
_KEY = re.compile(r"[0-9a-f]{16}")


def key_of(export: Export, folder: Path) -> str:
    """Return the key of the preview of an export and a folder."""
    named = f"{export.export_id}\0{export.created_at}\0".encode() + os.fsencode(folder)
    return hashlib.sha256(named).hexdigest()[:16]


def find(workspace: Workspace, key: str) -> Preview | None:
    """Return a preview; None where there is none, or its files cannot be used."""
    return preview_file.read(_all(workspace) / key) if _KEY.fullmatch(key) else None


def show(workspace: Workspace, key: str) -> Preview:
    """Return a preview.

    Raises:
        NotFound: If there is none with this key.
    """
    found = find(workspace, key)
    if found is None:
        raise NotFound(f"There is no preview {key[:32]!r}.", "Preview the folder again.")
    return found


def list_previews(workspace: Workspace) -> list[Preview]:
    """Return all previews, the newest first."""
    folders = [each.name for each in _all(workspace).glob("*")]
    found = [each for each in (find(workspace, name) for name in folders) if each]
    return sorted(found, key=lambda each: each.made_at, reverse=True)


def thumbnail(workspace: Workspace, key: str, number: int) -> bytes:
    """Return the thumbnail of the photo with this number, as a JPEG.

    Raises:
        NotFound: If there is none.
    """
    preview = show(workspace, key)
    try:
        if not 0 <= number < len(preview.thumbnails):
            raise NotFound(f"The preview has no photo {number}.", "Preview the folder again.")
        return preview_file.read_thumbnail(_all(workspace) / key, preview, number)
    except OSError as error:
        raise NotFound("The thumbnails of this preview are gone.", "Preview the folder again.") from error


def remove(workspace: Workspace, key: str) -> None:
    """Remove a preview. No photo and no album is touched.

    Raises:
        NotFound: If there is none with this key.
    """
    shutil.rmtree(_all(workspace) / show(workspace, key).key, ignore_errors=True)


def predict(
    workspace: Workspace,
    export: Export,
    predictor: Predictor,
    folder: Path,
    *,
    report: Report = no_report,
    predict_files: PredictFiles | None = None,
) -> tuple[Preview, int]:
    """Predict the photos of a folder that are new or have changed, and keep the predictions.

    They are written every few seconds and where `report` raises, so that the next call continues there.

    Args:
        predict_files: Predicts them elsewhere, and reports; None = they are predicted here.

    Returns:
        The preview, and how many photos were predicted now.

    Raises:
        BadInput: If it is no folder, or has no file that could be a photo.
        WeightsUnfit: If the model fails.
        DiskError: If the disk of the workspace is full or cannot be written.
    """
    found = photos.checked_photos(folder)
    key = key_of(export, folder)
    place = _all(workspace) / key
    about = {"export_id": export.export_id, "threshold": predictor.threshold}
    try:
        with _in_use(_all(workspace)):
            place.mkdir(parents=True, exist_ok=True)
            known = preview_file.unchanged(find(workspace, key), folder, found)
            draft = Draft(folder, tuple(predictor.class_names), known)
            n_known = len(draft.photos)
            left = [path for path in found if path not in draft.photos]
            if predict_files is not None:
                batches = predict_files(left, n_known)
            else:
                batches = photos.predict_files(
                    predictor, folder, left, has_thumbnails=True, n_before=n_known, report=report
                )
            with (place / preview_file.THUMBNAILS).open("ab") as thumbnails:
                _add(draft, batches, _Saving(place, draft, thumbnails, about, len(found)))
            _remove_oldest(workspace)
            return show(workspace, key), len(draft.photos) - n_known
    except OSError as error:
        raise files.explained(error, place) or error from error


@dataclass
class _Saving:
    """Writes a draft. `n_found` is the number of photos of a complete one."""

    place: Path
    draft: Draft
    thumbnails: BinaryIO
    about: Mapping[str, object]
    n_found: int
    saved_s: float = field(default_factory=time.monotonic)

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self.saved_s > SAVE_EVERY_S

    def save(self) -> None:
        self.thumbnails.flush()  # First: no prediction may name a thumbnail that is not there.
        is_complete = len(self.draft.photos) + len(self.draft.unreadable) >= self.n_found
        about = {**self.about, "is_complete": is_complete, "made_at": now()}
        preview_file.write(self.place, self.draft, about)
        self.saved_s = time.monotonic()


def _add(
    draft: Draft, batches: Iterable[tuple[list[PredictedPhoto], list[Unreadable]]], saving: _Saving
) -> None:
    try:
        for batch, failed in batches:
            for photo in batch:
                draft.add(saving.thumbnails, photo)
            draft.unreadable += failed
            if saving.is_due:
                saving.save()
    finally:  # Cancelled, or a model that fails: what was predicted stays.
        saving.save()


def _remove_oldest(workspace: Workspace) -> None:
    for each in list_previews(workspace)[MOST_KEPT:]:
        shutil.rmtree(_all(workspace) / each.key, ignore_errors=True)


def _all(workspace: Workspace) -> Path:
    return workspace.cache_dir / "albums"


@contextlib.contextmanager
def _in_use(folder: Path) -> Generator[None]:
    """Hold the lock of a folder of the cache, so that cleaning leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / files.IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)

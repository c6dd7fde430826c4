"""The two files of an album preview: predictions, replaced as a whole, and thumbnails, which only grow.

`peakid sort` keeps a file of predictions too, without thumbnails.
"""

import functools
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from peakid import files, paths
from peakid.serve.albums import photos
from peakid.serve.albums.photos import FileFacts, PredictedFolder, PredictedPhoto, Unreadable

VERSION = 2  # Of the files; others are predicted again.
PREDICTIONS, THUMBNAILS = "predictions.npz", "thumbnails.bin"
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Preview:
    """The predictions of an export for a folder.

    Attributes:
        key: Names it in addresses: 16 hexadecimal digits.
        threshold: Of the export, in 0..1.
        facts: Of the files when they were read, in the order of `photos.paths`.
        thumbnails: int64 of shape (N, 2): where each thumbnail begins in its file, and its length.
        is_complete: Whether all photos were predicted; a stopped prediction is continued from here.
        made_at: Changes whenever it is written.
        model: `Predictor.identity` of the model that predicted; "" where the export is known by its number.
    """

    key: str
    export_id: int
    threshold: float
    photos: PredictedFolder
    facts: tuple[FileFacts, ...]
    thumbnails: np.ndarray
    is_complete: bool
    made_at: str
    model: str = ""


@dataclass(frozen=True)
class StoredPhoto:
    """A photo, and where its thumbnail is: `start` and `length` in the file of the thumbnails."""

    photo: PredictedPhoto
    start: int
    length: int


@dataclass
class Draft:
    """A preview that is being made: the photos by their path, and the files that cannot be read."""

    folder: Path
    class_names: tuple[str, ...]
    photos: dict[str, StoredPhoto]
    unreadable: list[Unreadable] = field(default_factory=list)

    def add(self, thumbnails: BinaryIO, photo: PredictedPhoto) -> None:
        """Add a photo, its thumbnail at the end of the file of the thumbnails."""
        start = thumbnails.tell()
        thumbnails.write(photo.thumbnail)
        self.photos[photo.path] = StoredPhoto(photo, start, len(photo.thumbnail))


def write(folder: Path, draft: Draft, about: Mapping[str, object], *, name: str = PREDICTIONS) -> None:
    """Write the predictions of a draft, into a file of this name.

    Raises:
        OSError: If the disk is full or cannot be written; what was there stays.
    """
    stored = [draft.photos[path] for path in sorted(draft.photos)]
    joined = photos.joined(draft.folder, draft.class_names, [each.photo for each in stored], draft.unreadable)
    document = {
        **about,
        "version": VERSION,
        "folder": str(draft.folder),
        "class_names": draft.class_names,
        "paths": joined.paths,
        "unreadable": [(each.path, each.reason) for each in joined.unreadable],
    }
    facts = [(each.photo.facts.n_bytes, each.photo.facts.modified_ns) for each in stored]
    with files.replacing(folder / name) as part, part.open("wb") as out:
        np.savez(
            out,
            about=np.frombuffer(json.dumps(document).encode(), dtype=np.uint8),
            probabilities=joined.probabilities,
            hashes=joined.hashes,
            has_detail=joined.has_detail,
            is_unfamiliar=joined.is_unfamiliar,
            facts=np.array(facts, dtype=np.int64).reshape(-1, 2),
            thumbnails=np.array([(each.start, each.length) for each in stored], np.int64).reshape(-1, 2),
        )


def read(folder: Path, *, name: str = PREDICTIONS) -> Preview | None:
    """Return the preview in a folder; None where there is none, or its files cannot be used."""
    file = folder / name
    try:
        found = file.stat()
        return _read(file, found.st_mtime_ns, found.st_size)
    except _DAMAGED:
        return None


def unchanged(preview: Preview | None, folder: Path, found: Iterable[str]) -> dict[str, StoredPhoto]:
    """Return the photos of a preview whose files have not changed since, by path.

    Args:
        found: The paths that the folder has now.
    """
    if preview is None or preview.photos.folder != folder:
        return {}
    listed, kept = set(found), {}
    known = preview.photos
    for n, (path, facts) in enumerate(zip(known.paths, preview.facts, strict=True)):
        if path in listed and photos.facts_of(folder / path) == facts:
            photo = PredictedPhoto(
                path,
                facts,
                known.probabilities[n],
                known.hashes[n],
                bool(known.has_detail[n]),
                bool(known.is_unfamiliar[n]),
            )
            kept[path] = StoredPhoto(photo, *map(int, preview.thumbnails[n]))
    return kept


def read_thumbnail(folder: Path, preview: Preview, number: int) -> bytes:
    """Return the thumbnail of a photo as a JPEG.

    Raises:
        OSError: If the file of the thumbnails is gone.
    """
    start, length = map(int, preview.thumbnails[number])
    with (folder / THUMBNAILS).open("rb") as file:
        file.seek(start)
        return file.read(length)


@functools.lru_cache(4)
def _read(file: Path, modified_ns: int, n_bytes: int) -> Preview:
    """Read a file; its time and size are those of the version that is cached."""
    with np.load(file, allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        if about["version"] != VERSION:
            raise ValueError(f"{file} has version {about['version']}.")
        names, class_names = tuple(about["paths"]), tuple(about["class_names"])
        found = PredictedFolder(
            folder=Path(about["folder"]),
            class_names=class_names,
            paths=names,
            probabilities=arrays["probabilities"].reshape(len(names), len(class_names)),
            hashes=arrays["hashes"].reshape(len(names), 2),
            has_detail=arrays["has_detail"].reshape(len(names)),
            is_unfamiliar=arrays["is_unfamiliar"].reshape(len(names)),
            unreadable=tuple(Unreadable(*each) for each in about["unreadable"]),
        )
        facts = arrays["facts"].reshape(len(names), 2).tolist()
        thumbnails = arrays["thumbnails"].reshape(len(names), 2)
    if not all(map(paths.is_inside, names)):
        raise ValueError(f"{file} names a file outside its folder.")
    return Preview(
        key=file.parent.name,
        export_id=int(about["export_id"]),
        threshold=float(about["threshold"]),
        photos=found,
        facts=tuple(FileFacts(*each) for each in facts),
        thumbnails=thumbnails,
        is_complete=bool(about["is_complete"]),
        made_at=str(about["made_at"]),
        model=str(about.get("model", "")),
    )

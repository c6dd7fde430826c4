"""A snapshot becomes files that other tools read, and that give the same labels and splits when imported again."""

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from peakid.acquire import layout
from peakid.dataset import position, snapshot
from peakid.errors import BadInput, DamagedSnapshot
from peakid.imaging import inspection
from peakid.records import Report, Snapshot, SnapshotItem, no_report
from peakid.store import images
from peakid.store.workspace import Workspace

WriteFormat = Literal[
    "imagefolder",  # <split>/<class>/<digest>.<ext>, as torchvision and fastai read it.
    "csv",          # images/<digest>.<ext> and labels.csv with path,label,split.
]  # fmt: skip

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
SHORT_DIGEST = 12  # 48 bits: among 100,000 images two share it with a chance of 2 in 100,000; then whole digests are used.
NAME_MAX_BYTES = 255  # ext4, APFS, NTFS


@dataclass(frozen=True)
class WriteReport:
    """What was written. Files whose position was removed have other bytes, so another digest when imported."""

    path: Path
    n_images: int
    n_positions_removed: int


def write(
    workspace: Workspace,
    frozen: Snapshot,
    fmt: WriteFormat,
    folder: Path,
    *,
    keep_position: bool = False,
    report: Report = no_report,
) -> WriteReport:
    """Write a snapshot's images and labels into a new folder: all of it, or nothing.

    Files carry the ending of what they really are. Where a photo was taken is removed from its metadata,
    without touching its pixels, unless `keep_position` is given.

    Raises:
        BadInput: If the format is unknown, the folder holds something, or a class cannot be a folder's name.
        DamagedSnapshot: If the bytes of an image are no longer those of its digest.
        NotFound: If they are gone.
    """
    if fmt not in get_args(WriteFormat):
        raise BadInput(f"{fmt!r} is no format to write.", f"Use one of: {', '.join(get_args(WriteFormat))}.")
    folder = Path(folder).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is there already and not empty.", "Name a folder that does not exist yet.")
    items = snapshot.items(workspace, frozen.digest)
    paths = _paths(workspace, items, fmt)
    if fmt == "imagefolder":
        _check_names(items, paths)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        n_removed = _write_images(workspace, items, paths, aside, keep_position, report)
        if fmt == "csv":
            _write_table(items, paths, aside / "labels.csv")
        aside.chmod(0o755)  # A temporary folder is its maker's alone.
        aside.replace(folder)  # A reader must never see half a dataset.
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return WriteReport(folder, len(items), n_removed)


def _paths(workspace: Workspace, items: Sequence[SnapshotItem], fmt: WriteFormat) -> dict[str, str]:
    """Return the path of every image inside the new folder, by digest."""
    is_short = len({item.digest[:SHORT_DIGEST] for item in items}) == len(items)
    names = {item.digest: item.digest[:SHORT_DIGEST] if is_short else item.digest for item in items}
    files = {
        digest: f"{name}.{_extension(images.show(workspace, digest).format)}"
        for digest, name in names.items()
    }
    if fmt == "csv":
        return {item.digest: f"images/{files[item.digest]}" for item in items}
    return {item.digest: f"{item.split}/{item.label}/{files[item.digest]}" for item in items}


def _extension(image_format: str) -> str:
    return EXTENSIONS.get(image_format, image_format.lower())


def _check_names(items: Sequence[SnapshotItem], paths: Mapping[str, str]) -> None:
    """Refuse class names that a folder cannot carry, or that an import would read as something else."""
    names = sorted({item.label for item in items})
    alike = Counter(name.casefold() for name in names)  # One folder on macOS and Windows.
    bad = [name for name in names if not _can_be_folder(name) or alike[name.casefold()] > 1]
    if not bad:
        places = layout.places(list(paths.values()))
        bad = sorted(
            {
                item.label
                for item in items
                if places[paths[item.digest]] != layout.Place(item.label, item.split)
            }
        )
    if bad:
        told = ", ".join(repr(name) for name in bad)
        raise BadInput(
            f"These classes cannot be folders that read back as the same classes: {told}.",
            "Write the format csv, which keeps any name, or rename them with: peakid classes rename",
        )


def _can_be_folder(name: str) -> bool:
    is_one_part = not set(name) & set('/\\:*?"<>|') and not name.endswith(".")
    return is_one_part and layout.hidden_part(name) is None and len(name.encode()) <= NAME_MAX_BYTES


def _write_images(
    workspace: Workspace,
    items: Sequence[SnapshotItem],
    paths: Mapping[str, str],
    folder: Path,
    keep_position: bool,
    report: Report,
) -> int:
    n_removed = 0
    for n, item in enumerate(items, start=1):
        data = images.read_bytes(workspace, item.digest)
        if inspection.digest_of(data) != item.digest:
            raise DamagedSnapshot(
                f"The stored bytes of image {item.digest[:12]} ({item.path}) were altered.",
                "Import the image again, then: peakid snapshot verify",
            )
        written = data if keep_position else position.remove(data)
        n_removed += written != data
        target = folder / paths[item.digest]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(written)
        report("write", n, len(items), "")
    return n_removed


def _write_table(items: Sequence[SnapshotItem], paths: Mapping[str, str], file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["path", "label", "split"])
        writer.writerows([paths[item.digest], item.label, item.split] for item in items)

"""Write a snapshot as files for other tools, which give the same labels and splits when imported again."""

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from peakid import files, near_names, progress_text
from peakid.acquire import folder_names, layout
from peakid.dataset import snapshot
from peakid.errors import BadInput, DamagedSnapshot, UnreadableImage
from peakid.imaging import gate, inspection, pixels
from peakid.imaging.metadata import parts, removal
from peakid.records import Report, Snapshot, SnapshotItem, no_report
from peakid.remedies import action
from peakid.store import images
from peakid.store.workspace import Workspace

WriteFormat = Literal[
    "imagefolder",  # <split>/<class>/<digest>.<ext>, as torchvision and fastai read it.
    "csv",          # images/<digest>.<ext> and labels.csv with path,label,split.
]  # fmt: skip

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif"}
# Hex digits, 48 bits. Two of 100,000 images share them with a probability of 2 in 100,000; then whole digests
# are used.
SHORT_DIGEST = 12
NAME_MAX_BYTES = 255  # ext4, APFS, NTFS


@dataclass(frozen=True)
class WriteReport:
    """What was written. A file whose metadata was removed has a different digest when imported.

    Attributes:
        n_metadata_removed: Images written without some or all of their metadata.
        n_positions_removed: Those of them whose metadata held a position, as far as it can be recognised.
        n_redrawn: Images written as PNG, because the parts of their files cannot be told apart.
    """

    path: Path
    n_images: int
    n_positions_removed: int
    n_metadata_removed: int = 0
    n_redrawn: int = 0


def write(
    workspace: Workspace,
    frozen: Snapshot,
    fmt: WriteFormat,
    folder: Path,
    *,
    keep_position: bool = False,
    report: Report = no_report,
) -> WriteReport:
    """Write the images and labels of a snapshot into a new folder, all or nothing.

    The extension of a file is that of its actual format. Metadata, which may hold the position where a photo
    was taken, is removed without changing pixels, orientation and colours, unless `keep_position` is set. A
    file that cannot be taken apart is written as a PNG with the same pixels.

    Raises:
        BadInput: If the format is unknown, the folder is not empty, or a class name cannot be a folder name.
        DamagedSnapshot: If the bytes of an image no longer match its digest.
        NotFound: If they are missing.
        DiskError: If the disk is full or cannot be written.
    """
    if fmt not in get_args(WriteFormat):
        formats = get_args(WriteFormat)
        remedy = near_names.remedy(fmt, formats, f"Use one of: {', '.join(formats)}.")
        raise BadInput(f"Unknown format {fmt!r}.", remedy)
    folder = files.expanded(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} exists and is not empty.", "Choose a new folder.")
    items = snapshot.items(workspace, frozen.digest)
    paths = _paths(workspace, items, fmt)
    if fmt == "imagefolder":
        _check_names(items, paths)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        writer = _Writer(frozen.digest, temporary, keep_position=keep_position)
        read = images.read_many(workspace, [item.digest for item in items])
        for n, (item, (_, data)) in enumerate(zip(items, read, strict=True), start=1):
            paths[item.digest] = writer.write(item, data, paths[item.digest])
            report("Writing images", n, len(items), progress_text.counted(n, len(items), "images"))
        if fmt == "csv":
            _write_table(items, paths, temporary / "labels.csv")
        temporary.chmod(0o755)  # mkdtemp gives access to its owner only.
        temporary.replace(folder)  # Renamed when complete: a reader must never see half a dataset.
    except OSError as error:
        if found := files.explained(error, folder):
            raise found from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return WriteReport(
        folder, len(items), writer.n_positions_removed, writer.n_metadata_removed, writer.n_redrawn
    )


def sentences(written: WriteReport) -> list[str]:
    """Return what was removed from the images, for people."""
    said = []
    if written.n_metadata_removed:
        said = [
            f"Removed the metadata of {written.n_metadata_removed} of them;"
            f" {written.n_positions_removed} had a position that was recognised.",
            "The bytes and digests of these files differ from the originals now.",
        ]
    if written.n_redrawn:
        said.append(
            "Written as PNG with the same pixels, because the file is damaged or its metadata cannot be"
            f" separated: {written.n_redrawn}."
        )
    return said


def _paths(workspace: Workspace, items: Sequence[SnapshotItem], fmt: WriteFormat) -> dict[str, str]:
    """Return the path of every image in the new folder, by digest."""
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
    """Raise an error for class names that cannot be folders, or that an import would read differently."""
    names = sorted({item.label for item in items})
    alike = Counter(name.casefold() for name in names)
    faults = {name: fault for name in names if (fault := _fault(name))}
    faults |= {name: "only their case differs" for name in names if alike[name.casefold()] > 1}
    if not faults:
        places = layout.places(list(paths.values()))
        faults = {
            item.label: "an import reads them differently"
            for item in sorted(items, key=lambda item: item.label)
            if places[paths[item.digest]] != layout.Place(item.label, item.split)
        }
    if faults:
        by_fault = {
            fault: [repr(name) for name in faults if faults[name] == fault] for fault in faults.values()
        }
        names_text = "; ".join(f"{', '.join(named)} ({fault})" for fault, named in by_fault.items())
        raise BadInput(
            f"These class names cannot be folder names that are imported as the same classes: {names_text}.",
            "Use the format csv, which keeps all names, or rename the classes.",
            *(action("rename_class", class_name=name) for name in faults),
        )


def _fault(name: str) -> str:
    """Return why a class name cannot be the name of a folder on every system, '' if it can."""
    if found := sorted(set(name) & set('/\\:*?"<>|')):
        return f"with {' '.join(found)}"
    if folder_names.is_reserved(name):
        return "reserved on Windows"
    if folder_names.is_system(name):
        return "hidden"
    return "too long" if len(name.encode()) > NAME_MAX_BYTES else ""


class _Writer:
    """Write image files without their metadata, and count what was removed."""

    def __init__(self, snapshot: str, folder: Path, *, keep_position: bool) -> None:
        self._snapshot, self._folder = snapshot, folder
        self._keep_position = keep_position
        self.n_positions_removed = self.n_metadata_removed = self.n_redrawn = 0

    def write(self, item: SnapshotItem, data: bytes, path: str) -> str:
        """Write one image; return its path, whose extension is another one where it became a PNG."""
        if inspection.digest_of(data) != item.digest:
            raise DamagedSnapshot(
                f"The stored bytes of image {item.digest[:12]} ({item.path}) have changed.",
                "Import the image again, then verify the snapshot.",
                action("import_images"),
                action("verify_snapshot", snapshot=self._snapshot),
            )
        if not self._keep_position:
            data, path = self._cleaned(data, item, path)
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return path

    def _cleaned(self, data: bytes, item: SnapshotItem, path: str) -> tuple[bytes, str]:
        try:
            cleaned = removal.clean(data)
        except removal.NotUnderstood:
            self.n_redrawn += 1
            return _as_png(data, item), f"{path.rpartition('.')[0]}.png"
        self.n_metadata_removed += cleaned.data != data
        self.n_positions_removed += any(parts.holds_position(part) for part in cleaned.removed)
        return cleaned.data, path


def _as_png(data: bytes, item: SnapshotItem) -> bytes:
    """Return the pixels as Peakid reads them. Whatever else the file holds is left out."""
    try:
        return gate.call(pixels.as_png, data)
    except UnreadableImage as error:
        raise BadInput(
            f"Image {item.digest[:12]} ({item.path}) cannot be read, so what its metadata holds is unknown:"
            f" {error.message}.",
            "Exclude it and freeze a new snapshot, or write the snapshot with all metadata.",
        ) from error


def _write_table(items: Sequence[SnapshotItem], paths: Mapping[str, str], file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["path", "label", "split"])
        writer.writerows([paths[item.digest], item.label, item.split] for item in items)

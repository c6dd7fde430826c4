"""Import a folder on this machine. Links to folders and links that leave it are followed only on request."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from peakid import clean_text
from peakid.acquire import import_reading, ingest, layout, metadata, not_photos, reading
from peakid.acquire.arrival import Arrival
from peakid.acquire.shards import img2dataset
from peakid.errors import BadInput, NothingToImport
from peakid.import_records import ImportNote, ImportReading
from peakid.records import ImportReport, RejectionReason, Report, Source, no_report
from peakid.remedies import action
from peakid.store.workspace import DATABASE_NAME, Workspace

MAX_LINKS = 4  # Links to folders inside each other; without a limit, N links among N folders make N! paths.


@dataclass(frozen=True)
class Links:
    """Which links an import follows.

    Attributes:
        to_folders: Follow links to folders. Links to files inside the imported folder are always followed.
        within: Follow links, to files and folders, also if they lead into this folder; includes `to_folders`.
    """

    to_folders: bool = False
    within: Path | None = None


NO_LINKS = Links()


def import_folder(
    workspace: Workspace,
    path: Path,
    *,
    in_place: bool = False,
    links: Links = NO_LINKS,
    actor: str,
    report: Report = no_report,
    source: Source = "folder",
) -> ImportReport:
    """Import every image in a folder and its subfolders, which give class and split (see `layout.read`).

    A label file in the folder or below it, such as `metadata.csv`, takes precedence over the names of
    subfolders (see `metadata`). The folder is not changed.

    Args:
        in_place: Do not copy the images; read them from the folder whenever they are needed.

    Raises:
        BadInput: If there is no such folder, or files outside it are to be left in place.
        NotPhotos: If it is a workspace, part of one, an unpacked backup or an export of Peakid.
        NothingToImport: If the folder has no files.
    """
    root = reading.checked_folder(path)
    refuse_outside_in_place(root, in_place=in_place, links=links)
    arrivals, notes = _arrivals(root, links, in_place=in_place)
    return ingest.ingest(
        workspace,
        arrivals,
        source=source,
        root=root,
        is_in_place=in_place,
        notes=notes,
        actor=actor,
        report=report,
    )


def refuse_outside_in_place(root: Path, *, in_place: bool, links: Links = NO_LINKS) -> None:
    """Refuse to leave images in place that could not be found there later.

    Raises:
        BadInput: If links may lead out of the folder, or the name of the folder is not UTF-8.
    """
    shown = clean_text.clean_path(str(root))
    if in_place and links.within is not None:
        raise BadInput(
            f"Images outside {shown} cannot stay in place.",
            "Copy the images, or follow only the links inside the folder.",
        )
    if in_place and shown != str(root):
        raise BadInput(
            f"Images of {shown} cannot stay in place: its name is not UTF-8.",
            "Copy the images, or rename the folder.",
        )


def preview(path: Path, *, links: Links = NO_LINKS, known_classes: Sequence[str] = ()) -> ImportReading:
    """Return what `import_folder` would read, without opening a photo. It raises the same errors."""
    arrivals, notes = _arrivals(reading.checked_folder(path), links)
    return import_reading.of(arrivals, notes=notes, known_classes=known_classes)


def _arrivals(root: Path, links: Links, *, in_place: bool = False) -> tuple[list[Arrival], list[ImportNote]]:
    not_photos.refuse_folder(root)
    walk = _Walk(root, links)
    tables, found = metadata.divided(list(walk.arrivals()))
    if not found and not tables:
        raise NothingToImport(
            f"The folder {clean_text.clean_path(str(root))} has no files.",
            "Choose the folder with the photos or the class folders.",
        )
    shards = img2dataset.read(root, found, in_place=in_place)
    placed, notes = _placed([*((one, one.path) for one in shards.others), *shards.arrivals])
    return metadata.applied(placed, tables), [*notes, *walk.notes()]


def _placed(found: Sequence[tuple[Arrival, str]]) -> tuple[list[Arrival], Sequence[ImportNote]]:
    """Give every arrival the label and split of its folders; a rejected one has a label, too.

    Args:
        found: Each with the path whose folders count. A label from the table of a shard stays.
    """
    visible = [(one, path) for one, path in found if one.rejection is None or one.rejection[0] != "hidden"]
    read = layout.read(list({path: None for _, path in visible if not reading.is_too_deep(path)}))
    placed = []
    for one, path in found:
        place = read.places.get(path, layout.OUTSIDE)
        placed.append(one if one.is_from_table else replace(one, label=place.label, split=place.split))
    return placed, read.notes


@dataclass
class _Walk:
    """One search of a folder. `left` are the targets of links that are not followed."""

    root: Path
    links: Links
    left: list[Path] = field(default_factory=list)
    n_inside: int = 0  # Links among them that stay inside the root.

    def arrivals(self) -> Iterator[Arrival]:
        """Yield every file, and one rejection for each folder that is not searched."""
        denied: list[Arrival] = []
        chains: dict[str, tuple[Path, ...]] = {}  # By folder: the targets of the links on the way to it.
        for folder, names, files in os.walk(self.root, onerror=self._noting(denied), followlinks=True):
            below, chain = Path(folder), chains.pop(folder, ())
            searched = []
            for name in sorted(names):
                path = below / name
                skipped = self._skipped(path, chain)
                if skipped is not None:
                    yield Arrival(self._shown(path), rejection=skipped)
                    continue
                searched.append(name)
                here = (*chain, _target(path)) if path.is_symlink() else chain
                if here:
                    chains[str(path)] = here
            names[:] = searched
            yield from (self._file(below / name) for name in files)
        yield from denied

    def notes(self) -> list[ImportNote]:
        """Say how many links were not followed, and how they can be."""
        if not self.left:
            return []
        n, n_out = len(self.left), len(self.left) - self.n_inside
        within = _common([*self.left, *([] if self.links.within is None else [_target(self.links.within)])])
        message = f"Links that were not followed: {n:,}; leading out of the folder: {n_out:,}."
        if not n_out:
            follow = action("follow_links", path=str(self.root))
            remedy = "Import the folder again and follow links."
        elif within is not None:
            follow = action("follow_links_within", path=str(self.root), within=str(within))
            remedy = f"If you trust them, import the folder again and follow links into {within}."
        else:
            return [ImportNote("links", message, "Copy their targets into the folder.", is_doubtful=True)]
        return [ImportNote("links", message, remedy, (follow,), is_doubtful=True)]

    def _noting(self, denied: list[Arrival]) -> Callable[[OSError], None]:
        def note(error: OSError) -> None:
            reason: RejectionReason = "unreadable"
            if isinstance(error, PermissionError):
                reason = "no_permission"
            elif isinstance(error, FileNotFoundError):
                reason = "missing_file"  # Removed while the folder was searched.
            path = self._shown(Path(error.filename))
            denied.append(
                Arrival(path, rejection=(reason, f"folder cannot be opened: {error.strerror or error}"))
            )

        return note

    def _skipped(self, folder: Path, chain: Sequence[Path]) -> tuple[RejectionReason, str] | None:
        """Return why a folder is not searched, None if it is."""
        if layout.hidden_part(folder.name) is not None:
            return "hidden", "a hidden folder, or one of a system or tool"
        if reading.is_too_deep(f"{folder.relative_to(self.root).as_posix()}/"):
            return "unsafe_path", f"a folder {reading.TOO_DEEP}"
        if folder.is_symlink() and (rejection := self._link_rejection(folder, chain)) is not None:
            return rejection
        try:
            is_workspace = (folder / DATABASE_NAME).exists()
        except OSError:  # No permission; os.walk reports it.
            is_workspace = False
        return ("hidden", "a Peakid workspace") if is_workspace else None

    def _link_rejection(self, link: Path, chain: Sequence[Path]) -> tuple[RejectionReason, str] | None:
        target, place = _target(link), _target(link.parent)
        if place.is_relative_to(target) or target in chain or len(chain) >= MAX_LINKS:
            return "unsafe_path", "a circular link"
        is_inside = target.is_relative_to(_target(self.root))
        is_within = self.links.within is not None and target.is_relative_to(_target(self.links.within))
        follows_inside = self.links.to_folders or self.links.within is not None
        if is_within or (is_inside and follows_inside):
            return None
        self.left.append(target)
        self.n_inside += is_inside
        return "unsafe_path", "a link to a folder" if is_inside else "a link to a folder that leaves the root"

    def _file(self, file: Path) -> Arrival:
        path = self._shown(file)
        if layout.hidden_part(file.name) is not None:
            return Arrival(path, rejection=("hidden", "a hidden file or a system file"))
        also = () if self.links.within is None else (self.links.within,)
        rejection = reading.rejection(self.root, file.relative_to(self.root).as_posix(), also=also)
        target = _target(file) if rejection and rejection[0] == "unsafe_path" else None
        if target is not None and not target.is_relative_to(_target(self.root)) and target.exists():
            self.left.append(target.parent)
        return Arrival(path, read=None if rejection else reading.reader(file), rejection=rejection)

    def _shown(self, path: Path) -> str:
        return clean_text.clean_path(path.relative_to(self.root).as_posix())


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _common(targets: Sequence[Path]) -> Path | None:
    """Return the folder around all targets, None if that is as wide as a disk or a home folder."""
    common = Path(os.path.commonpath(targets))
    is_wide = len(common.parts) < 3 or Path.home().is_relative_to(common)
    return None if is_wide or clean_text.clean_path(str(common)) != str(common) else common

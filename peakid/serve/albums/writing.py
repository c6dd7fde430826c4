"""Write albums into a folder, again after a change of the rules, and take them back."""

import contextlib
import csv
import errno
import io
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from peakid import files, paths, progress_text
from peakid.errors import BadInput, DiskError
from peakid.records import Report, no_report
from peakid.serve.albums import journal
from peakid.serve.albums.journal import Journal, Made, Mode
from peakid.serve.albums.plan import AlbumPlan

TABLE = "albums.csv"
MAX_NAME_BYTES = 255  # ext4, APFS, NTFS
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class Sorted:
    """What sorting did.

    Attributes:
        n_made: Files made now; `n_kept` were there already, and `n_removed` were of an earlier sorting.
        left: Files of an earlier sorting that were changed since, and stay.
    """

    n_made: int
    n_kept: int
    n_removed: int
    left: tuple[str, ...] = ()


def check(folder: Path, out: Path, mode: Mode) -> Journal | None:
    """Return the journal of an earlier sorting into `out`.

    Raises:
        BadInput: If `out` holds other files, is the folder of the photos or around it, or photos were moved
            there before.
    """
    if folder == out or folder.is_relative_to(out):
        raise BadInput(f"The albums cannot go to {out}: the photos are in it.", "Choose another folder.")
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file.", "Choose a folder for the albums.")
    earlier = journal.read(out)
    if earlier is None and out.is_dir() and not all(journal.is_own(each.name) for each in out.iterdir()):
        raise BadInput(f"{out} is not empty.", "Choose a new folder, or one into which photos were sorted.")
    if earlier is not None and "move" in (earlier.mode, mode):
        raise BadInput(
            f"Photos were sorted into {out} before, and moved photos cannot be sorted twice.",
            "Take them back first.",
        )
    if earlier is not None and earlier.source != folder:
        raise BadInput(f"Photos of {earlier.source} were sorted into {out} before.", "Choose another folder.")
    return earlier


def checked_journal(out: Path) -> Journal:
    """Return the journal of the albums in a folder.

    Raises:
        BadInput: If nothing was sorted into it, or the journal is damaged.
    """
    found = journal.read(out)
    if found is None:
        raise BadInput(f"No photos were sorted into {out}.", "Choose the folder of the albums.")
    return found


def write(
    plan: AlbumPlan, folder: Path, out: Path, *, mode: Mode = "copy", report: Report = no_report
) -> Sorted:
    """Put each photo into its album below `out`, and write `albums.csv` there.

    A second call with another plan changes what differs. Files that a person changed since stay.

    Args:
        folder: The folder that the paths of the plan are relative to.

    Raises:
        BadInput: As `check`; also if the disk cannot hold links, or a photo is missing.
        DiskError: If the disk is full or cannot be written; what was written stays, and can be completed or
            taken back.
    """
    check(folder, out, mode)
    wanted = {} if mode == "csv" else _targets(plan)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with journal.exclusive(out):
            earlier = check(folder, out, mode)  # Another process may have sorted meanwhile.
            _sweep(out)
            return _written(folder, out, mode, wanted, earlier, _table(plan, wanted), report)
    except OSError as error:
        raise _explained(error, out, mode) from error


def undo(out: Path, *, report: Report = no_report) -> Sorted:
    """Take back what was sorted into a folder: made files are removed, moved photos return.

    A file that was changed since stays, and so does a moved photo whose place is taken.

    Raises:
        BadInput: If nothing was sorted into it.
        DiskError: If the disk cannot be written.
    """
    checked_journal(out)
    try:
        with journal.exclusive(out):
            _sweep(out)
            return _undone(out, report)
    except OSError as error:
        raise _explained(error, out, "copy") from error


def _undone(out: Path, report: Report) -> Sorted:
    earlier = journal.read(out)
    left: list[str] = []
    made_before = earlier.made if earlier else ()
    for n, made in enumerate(made_before, start=1):
        if earlier and not _taken_back(out, earlier, made):
            left.append(made.path)
        counted = progress_text.counted(n, len(made_before), "photos")
        report("Taking photos back", n, len(made_before), counted)
    _remove_empty(out, made_before)
    if not left:
        for name in (TABLE, journal.KEPT_NAME, journal.NAME, journal.LOCK_NAME):
            (out / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            out.rmdir()
    return Sorted(0, 0, len(made_before) - len(left), tuple(left))


def _sweep(out: Path) -> None:
    """Remove what killed processes left half-written in the albums."""
    files.sweep([out, *(each for each in out.rglob("*") if each.is_dir() and not each.is_symlink())])


def _written(
    folder: Path,
    out: Path,
    mode: Mode,
    wanted: Mapping[str, str],
    earlier: Journal | None,
    table: bytes,
    report: Report,
) -> Sorted:
    kept, left, n_removed = _carried_over(folder, out, mode, wanted, earlier)
    n_made = 0
    # First the list: a folder with any other file and without it is somebody else's.
    with journal.begin(out, folder, mode, [*kept.values(), *left]) as opened:
        files.write_bytes(out / TABLE, table)
        for n, (target, source) in enumerate(wanted.items(), start=1):
            if target not in kept:
                file = paths.inside(folder, source)
                facts = file.stat()
                journal.note(opened, Made(target, source, facts.st_size, facts.st_mtime_ns))
                _make(file, paths.inside(out, target), mode)
                n_made += 1
            report("Writing albums", n, len(wanted), progress_text.counted(n, len(wanted), "photos"))
    _remove_empty(out, earlier.made if earlier else ())
    return Sorted(n_made, len(kept), n_removed, tuple(each.path for each in left))


def _carried_over(
    folder: Path, out: Path, mode: Mode, wanted: Mapping[str, str], earlier: Journal | None
) -> tuple[dict[str, Made], list[Made], int]:
    """Remove what an earlier sorting made and the plan does not want; return what stays."""
    kept: dict[str, Made] = {}
    left: list[Made] = []
    n_removed = 0
    for made in earlier.made if earlier else ():
        file = paths.inside(out, made.path)
        is_same = earlier is not None and journal.is_unchanged(file, made, earlier)
        is_wanted = earlier is not None and earlier.mode == mode and wanted.get(made.path) == made.source
        if is_wanted and is_same and _is_same_photo(folder, made):
            kept[made.path] = made
        elif is_same:
            file.unlink()
            n_removed += 1
        elif os.path.lexists(file) and made.path not in wanted:
            left.append(made)
    return kept, left, n_removed


def _is_same_photo(folder: Path, made: Made) -> bool:
    try:
        facts = paths.inside(folder, made.source).stat()
    except OSError:
        return False
    return (facts.st_size, facts.st_mtime_ns) == (made.n_bytes, made.modified_ns)


def _make(source: Path, target: Path, mode: Mode) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "a file of a person is in its place", str(target))
    if mode == "hardlink":
        os.link(source, target)
    elif mode == "symlink":
        target.symlink_to(source)
    else:
        _copy(source, target)
        if mode == "move":
            source.unlink()  # After its copy is whole, also on another disk.


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times, whole or not at all, under a name that is short meanwhile."""
    part = target.with_name(f".photo.{os.getpid()}-{threading.get_ident()}.part")
    try:
        files.copy(source, part)
        part.replace(target)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            error.filename = str(target)  # It names the photo, which may be on another disk.
        raise


def _taken_back(out: Path, earlier: Journal, made: Made) -> bool:
    """Take one file back; False if it has to stay."""
    file = paths.inside(out, made.path)
    if not os.path.lexists(file):
        return True
    if not journal.is_unchanged(file, made, earlier):
        return False
    if earlier.mode == "move":
        home = paths.inside(earlier.source, made.source)
        if os.path.lexists(home):
            # The sorting was stopped between the copy and the removal: both are the same photo.
            if not journal.is_unchanged(home, made, earlier):
                return False
        else:
            home.parent.mkdir(parents=True, exist_ok=True)
            _copy(file, home)
    file.unlink()
    return True


def _targets(plan: AlbumPlan) -> dict[str, str]:
    """Return the path of each photo by its path in the albums; files of one name get a number."""
    found: dict[str, str] = {}
    used: set[str] = set()
    next_number: Counter[str] = Counter()
    for each in plan.placements:
        name = PurePosixPath(each.path)
        first = target = f"{each.album}/{name.name}"
        while target.casefold() in used:  # Some file systems do not tell apart names that differ in case.
            next_number[first] += 1
            target = f"{each.album}/{_numbered(name, next_number[first] + 1)}"
        used.add(target.casefold())
        found[target] = each.path
    return found


def _numbered(name: PurePosixPath, number: int) -> str:
    """Return `stem (2).jpg`, with a stem that is cut where the name would be too long for a disk."""
    ending = f" ({number}){name.suffix}"
    return name.stem.encode()[: MAX_NAME_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _table(plan: AlbumPlan, targets: Mapping[str, str]) -> bytes:
    target_of = {source: target for target, source in targets.items()}
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["path", "album", "file", "label", "confidence", "twin_of"])
    for each in plan.placements:
        facts = [each.label, f"{each.confidence:.4f}", each.twin_of]
        table.writerow([each.path, each.album, target_of.get(each.path, ""), *facts])
    return out.getvalue().encode("utf-8")


def _remove_empty(out: Path, made: tuple[Made, ...]) -> None:
    """Remove the folders of albums that have become empty."""
    albums = {parent for each in made for parent in PurePosixPath(each.path).parents if parent.name}
    for album in sorted(albums, key=lambda each: -len(each.parts)):
        with contextlib.suppress(OSError):
            paths.inside(out, album.as_posix()).rmdir()


def _explained(error: OSError, out: Path, mode: Mode) -> BadInput | DiskError | OSError:
    if isinstance(error, FileExistsError):
        return BadInput(f"{error.filename} is there already, and sorting did not make it.", "Move it away.")
    if mode in ("hardlink", "symlink") and error.errno in _NO_LINKS:
        return BadInput(f"The disk of {out} cannot hold these links: {error.strerror}.", "Use copies.")
    if isinstance(error, FileNotFoundError):
        return BadInput(f"The photo {error.filename} is missing.", "Sort the folder again.")
    return files.explained(error, out) or error

"""The list of the files that sorting made in a folder, from which they can be taken back.

Each line is written before its file, so that a file is never there without its line. A line that was cut by a
full disk is the last one, and its file was not made.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TextIO, get_args

from peakid import files, paths
from peakid.errors import BadInput

NAME = "peakid-albums.jsonl"
LOCK_NAME = ".peakid-albums.lock"
KEPT_NAME = ".peakid-predictions.npz"  # Of `kept`: predictions for the next sorting.
VERSION = 1

Mode = Literal[
    "copy",
    "hardlink",  # The file has two names on one disk; a change of one changes the other.
    "symlink",   # The album holds a link to the photo.
    "csv",       # Only albums.csv is written.
    "move",      # The photos leave their folder.
]  # fmt: skip
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Made:
    """One file in an album.

    Attributes:
        path: Relative to the folder of the albums.
        source: Relative to the folder of the photos.
        n_bytes, modified_ns: Of the photo when it was sorted.
    """

    path: str
    source: str
    n_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Journal:
    """What was sorted into a folder. `source` is the absolute path of the folder of the photos."""

    source: Path
    mode: Mode
    made: tuple[Made, ...]


@contextlib.contextmanager
def exclusive(out: Path) -> Generator[None]:
    """Let one process at a time change the albums of a folder; the kernel frees it however a process ends.

    Raises:
        BadInput: If another process changes them.
        OSError: If the folder cannot be written.
    """
    lock = os.open(out / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            remedy = "Wait until it has ended."
            raise BadInput(f"Another process sorts photos into {out}.", remedy) from error
        yield
    finally:
        os.close(lock)


def is_own(name: str) -> bool:
    """Return whether a file in the folder of the albums was made by a sorting that did not get further."""
    return name in (LOCK_NAME, KEPT_NAME) or (name.startswith(".") and name.endswith(".part"))


def read(out: Path) -> Journal | None:
    """Return the journal of a folder; None where nothing was sorted into it.

    Raises:
        BadInput: If it cannot be read, or names a file outside the folder.
    """
    file = out / NAME
    try:
        with file.open(encoding="utf-8") as lines:
            head = json.loads(lines.readline())
            made = list(_lines(lines))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(file) from error
    if not isinstance(head, dict) or head.get("version") != VERSION or head.get("mode") not in MODES:
        raise _damaged(file)
    if not all(paths.is_inside(each.path) and paths.is_inside(each.source) for each in made):
        raise _damaged(file)
    return Journal(Path(str(head["source"])), head["mode"], tuple(made))


def begin(out: Path, source: Path, mode: Mode, kept: Iterable[Made]) -> TextIO:
    """Write a journal with the files that stay, and return it open for the ones to come."""
    with files.replacing(out / NAME) as part, part.open("w", encoding="utf-8") as new:
        new.write(json.dumps({"version": VERSION, "source": str(source), "mode": mode}) + "\n")
        new.writelines(_line(each) for each in kept)
    return (out / NAME).open("a", encoding="utf-8")


def note(journal: TextIO, made: Made) -> None:
    """Write one file into the journal before it is made."""
    journal.write(_line(made))
    journal.flush()


def is_unchanged(file: Path, made: Made, sorted_before: Journal) -> bool:
    """Return whether a file is still what sorting made: the photo, or the link to it."""
    try:
        if sorted_before.mode == "symlink":
            return file.is_symlink() and file.readlink() == paths.inside(sorted_before.source, made.source)
        found = file.lstat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (made.n_bytes, made.modified_ns)


def _line(made: Made) -> str:
    return json.dumps(asdict(made), ensure_ascii=False) + "\n"


def _lines(lines: TextIO) -> Iterator[Made]:
    for line in lines:
        if not line.endswith("\n"):
            return  # It was cut: its file was not made.
        fields = json.loads(line)
        facts = int(fields["n_bytes"]), int(fields["modified_ns"])
        yield Made(str(fields["path"]), str(fields["source"]), *facts)


def _damaged(file: Path) -> BadInput:
    remedy = "Choose another folder for the albums."
    return BadInput(f"{file} is not a list of sorted photos, or is damaged.", remedy)

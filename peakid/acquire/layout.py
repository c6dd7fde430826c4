"""What a path says: which class an image lies in, which split, and which files belong to the operating system."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from peakid.records import Split

SPLIT_NAMES: Mapping[str, Split | None] = {
    "train": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "seg_train": "train",
    "seg_valid": "valid",
    "seg_val": "valid",
    "seg_test": "test",
    "seg_pred": None,  # The pictures of the Intel scenes that nobody labelled.
}
UNLABELLED_NAMES = frozenset({"seg_pred"})
SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"})
_ORDINAL = re.compile(r"^\d+[._-]\s*(?=\S)")


@dataclass(frozen=True)
class Place:
    """What the folders around a file say of it."""

    label: str | None
    split: Split | None


OUTSIDE = Place(None, None)


@dataclass
class _Folder:
    name: str = ""
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)  # Paths relative to the root.

    def all_files(self) -> Iterable[str]:
        yield from self.files
        for folder in self.folders.values():
            yield from folder.all_files()


def places(paths: Collection[str]) -> dict[str, Place]:
    """Read label and split of every file from the folders it lies in.

    Read are `<class>/...`, split folders (`train|valid|val|validation|test`, `seg_train|seg_val|seg_test|seg_pred`) of
    class folders, a folder nested in one of its own name, and one folder wrapped around it all. A file outside any
    class folder is unlabelled. Whatever lies deeper below a class folder belongs to the class. Ordinals before the
    names (`00.Haleakala`) go where every class has one and the names stay different.

    Args:
        paths: Relative, with `/`, of files that are not hidden.
    """
    top = _unwrapped(_tree(paths))
    sections = _sections(top)
    names = _shown_names({name for _, folder in sections for name in folder.folders})
    found: dict[str, Place] = {}
    for split, section in sections:
        found |= {path: Place(None, split) for path in section.files}
        for name, folder in section.folders.items():
            found |= {path: Place(names[name], split) for path in folder.all_files()}
    return {path: found.get(path, OUTSIDE) for path in paths}


def split_named(name: str) -> Split | None:
    """Answer the split that a folder or a table's cell names, None where it names none."""
    return SPLIT_NAMES.get(name.strip().lower())


def hidden_part(path: str) -> str | None:
    """Answer a path up to its first part that is hidden or the operating system's, None where all is open."""
    parts = PurePosixPath(path).parts
    for n, part in enumerate(parts, start=1):
        if (part.startswith(".") and part not in (".", "..")) or part.lower() in SYSTEM_NAMES:
            return "/".join(parts[:n])
    return None


def _tree(paths: Iterable[str]) -> _Folder:
    top = _Folder()
    for path in paths:
        folder = top
        for name in PurePosixPath(path).parts[:-1]:
            folder = folder.folders.setdefault(name, _Folder(name))
        folder.files.append(path)
    return top


def _unwrapped(top: _Folder) -> _Folder:
    """Step into the one folder around everything, which an archive of a data set often has."""
    while len(top.folders) == 1:
        (inner,) = top.folders.values()
        if _is_split(inner) or not _holds_classes(inner):
            break
        top = inner
    return top


def _holds_classes(folder: _Folder) -> bool:
    if any(_is_split(inner) for inner in folder.folders.values()):
        return True
    return len(folder.folders) > 1 or (len(folder.folders) == 1 and not folder.files)


def _sections(top: _Folder) -> Sequence[tuple[Split | None, _Folder]]:
    """Answer the folders that hold class folders, each with its split."""
    splits = [folder for folder in top.folders.values() if _is_split(folder)]
    # A class may be called "train" as well: photos of trains lie in it directly, beside other classes.
    if not splits or (len(splits) < len(top.folders) and not any(folder.folders for folder in splits)):
        return [(None, top)]
    beside = _Folder(
        "", {name: folder for name, folder in top.folders.items() if not _is_split(folder)}, top.files
    )
    return [(None, beside), *((SPLIT_NAMES[folder.name.lower()], _section(folder)) for folder in splits)]


def _section(folder: _Folder) -> _Folder:
    while list(folder.folders) == [folder.name]:
        folder = folder.folders[folder.name]
    if folder.name.lower() in UNLABELLED_NAMES:
        return _Folder(folder.name, {}, list(folder.all_files()))
    return folder


def _is_split(folder: _Folder) -> bool:
    return folder.name.lower() in SPLIT_NAMES


def _shown_names(names: set[str]) -> dict[str, str]:
    shown = {name: _ORDINAL.sub("", name) for name in names}
    has_all = all(shown[name] != name for name in names)
    return shown if has_all and len(set(shown.values())) == len(names) else {name: name for name in names}

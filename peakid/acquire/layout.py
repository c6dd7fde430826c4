"""Read class and split from the folders of a path, and recognise hidden and system files."""

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
    "seg_pred": None,  # The unlabelled images of the Intel scenes.
}
UNLABELLED_NAMES = frozenset({"seg_pred"})
SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"})
_ORDINAL = re.compile(r"^\d+[._-]\s*(?=\S)")


@dataclass(frozen=True)
class Place:
    """Class and split of a file, according to its folders."""

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
    """Read label and split of every file from its folders.

    Supported are class folders (`<class>/...`), split folders with class folders
    (`train|valid|val|validation|test`, `seg_train|seg_val|seg_test|seg_pred`), a folder in another one of the
    same name, and one folder around everything. A file outside any class folder is unlabelled. All files in
    subfolders of a class folder belong to the class. Ordinals (`00.Haleakala`) are removed if every class
    name has one and the names stay different.

    Args:
        paths: Relative paths, with `/`, of files that are not hidden.
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
    """Return the split for the name of a folder or the cell of a table, None if it is not a split."""
    return SPLIT_NAMES.get(name.strip().lower())


def hidden_part(path: str) -> str | None:
    """Return a path up to its first hidden or system part, None if it has no such part."""
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
    """Return the folder inside the single folder around everything, which archives often have."""
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
    """Return the folders that contain class folders, each with its split."""
    splits = [folder for folder in top.folders.values() if _is_split(folder)]
    # "train" may also be a class: then it contains photos, and other classes are next to it.
    if not splits or (len(splits) < len(top.folders) and not any(folder.folders for folder in splits)):
        return [(None, top)]
    others = {name: folder for name, folder in top.folders.items() if not _is_split(folder)}
    return [
        (None, _Folder("", others, top.files)),
        *((SPLIT_NAMES[folder.name.lower()], _section(folder)) for folder in splits),
    ]


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

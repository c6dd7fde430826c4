"""Read class and split from the folders of a path, and recognise hidden and system files."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from peakid import clean_text
from peakid.acquire import folder_names
from peakid.import_records import ImportNote
from peakid.records import Split

MAX_DEPTH = 8  # Folders with split folders inside each other; more occur only in made-up trees.
SHOWN_NAMES = 5
# Never the suffix of an image: such a file does not make its folder a class.
OTHER_SUFFIXES = frozenset(
    {
        *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".yaml"),
        *(".yml", ".toml", ".html", ".htm", ".pdf", ".py", ".ipynb", ".sh", ".zip", ".tar", ".gz"),
        *(".7z", ".rar", ".mp4", ".mov", ".avi", ".mkv", ".mp3", ".wav", ".npy", ".npz", ".pt"),
        *(".pth", ".onnx", ".h5", ".pkl", ".parquet", ".arrow", ".db", ".ini", ".log", ".doc"),
        *(".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".xmp", ".cache", ".lock", ".mat"),
        *(".data-url"),
    }
)


@dataclass(frozen=True)
class Place:
    """Class and split of a file, according to its folders."""

    label: str | None
    split: Split | None


OUTSIDE = Place(None, None)


@dataclass(frozen=True)
class Layout:
    """The place of every file, and what a person should know about how the folders were read."""

    places: Mapping[str, Place]
    notes: tuple[ImportNote, ...] = ()


@dataclass
class _Folder:
    name: str = ""
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)  # Paths relative to the root.

    def all_files(self) -> Iterator[str]:
        waiting: list[_Folder] = [self]  # Not recursive: an archive may nest thousands of folders.
        while waiting:
            folder = waiting.pop()
            yield from folder.files
            waiting.extend(folder.folders.values())

    def may_hold_images(self) -> bool:
        return any(PurePosixPath(path).suffix.lower() not in OTHER_SUFFIXES for path in self.all_files())


@dataclass(frozen=True)
class _Section:
    """Class folders that share a split. `unlabelled` are paths of files without a class."""

    split: Split | None
    classes: Mapping[str, _Folder] = field(default_factory=dict)
    unlabelled: Sequence[str] = ()


def places(paths: Collection[str]) -> Mapping[str, Place]:
    """Read label and split of every file from its folders; see `read`."""
    return read(paths).places


def read(paths: Collection[str]) -> Layout:
    """Read label and split of every file from its folders, and say what is not obvious about it.

    Supported are class folders (`<class>/...`), split folders with class folders (see
    `folder_names.splits_of`), split folders inside class folders, folders that hold split folders of their
    own, a folder in another one of the same name, and one folder around everything. All files in subfolders
    of a class folder belong to the class. Unlabelled are files outside any class folder, in a folder whose
    name says so (`_unlabeled`), and in a container that is the only folder (`data`, `DCIM/100CANON`).
    Ordinals (`00.Haleakala`) are removed if the classes count in order. Names are cleaned (`clean_text`), so
    that composed and decomposed letters give one class.

    Args:
        paths: Relative paths, with `/`, of files that are not hidden.
    """
    notes: list[ImportNote] = []
    sections = [_without_unlabelled(each, notes) for each in _sections(_unwrapped(_tree(paths)), notes)]
    classes = {name for each in sections if _has_choice(each) for name in _candidates(each)}
    sections = [_opened(each, classes, notes) for each in sections]
    shown = folder_names.without_ordinals({name for section in sections for name in section.classes})
    if any(shown[name] != name for name in shown):
        notes.append(_ordinals_note(shown))
    found: dict[str, Place] = {}
    for section in sections:
        found |= {path: Place(None, section.split) for path in section.unlabelled}
        for name, folder in section.classes.items():
            found |= {path: Place(shown[name], section.split) for path in folder.all_files()}
    return Layout({path: found.get(path, OUTSIDE) for path in paths}, _merged(notes))


def split_named(name: str) -> Split | None:
    """Return the split for the name of a folder or the cell of a table, None if it is not a split."""
    return folder_names.split_of(name)


def hidden_part(path: str) -> str | None:
    """Return a path up to its first hidden or system part, None if it has no such part."""
    parts = PurePosixPath(path).parts
    for n, part in enumerate(parts, start=1):
        if folder_names.is_system(part):
            return "/".join(parts[:n])
    return None


def _tree(paths: Iterable[str]) -> _Folder:
    top = _Folder()
    for path in paths:
        folder = top
        for part in PurePosixPath(path).parts[:-1]:
            name = clean_text.clean_class_name(part) or part
            folder = folder.folders.setdefault(name, _Folder(name))
        folder.files.append(path)
    return top


def _unwrapped(top: _Folder) -> _Folder:
    """Return the folder inside the single folder around everything, which archives often have."""
    while len(top.folders) == 1:
        (inner,) = top.folders.values()
        if _is_split(inner, top) or not _holds_classes(inner):
            break
        top = inner
    return top


def _holds_classes(folder: _Folder) -> bool:
    if folder_names.splits_of(folder.folders):
        return True
    return len(folder.folders) > 1 or (len(folder.folders) == 1 and not folder.files)


def _is_split(folder: _Folder, parent: _Folder) -> bool:
    return folder.name in folder_names.splits_of(parent.folders)


def _split_folders(top: _Folder) -> dict[str, Split]:
    """Return the split folders directly inside a folder, by name."""
    splits = folder_names.splits_of(top.folders)
    others = [name for name in top.folders if name not in splits and not folder_names.is_unlabelled(name)]
    # "train" may also be a class: then it contains photos, and other classes are next to it.
    is_class = not any(top.folders[name].folders for name in splits) and any(
        top.folders[name].may_hold_images() for name in others
    )
    return {} if is_class else splits


def _sections(top: _Folder, notes: list[ImportNote], depth: int = 0) -> list[_Section]:
    """Return the class folders of a folder, by split."""
    splits = _split_folders(top)
    notes += _split_word_notes(splits)
    others = {name: folder for name, folder in top.folders.items() if name not in splits}
    found = [_section(top.folders[name], split) for name, split in splits.items()]
    with_splits = {name: _unwrapped(folder) for name, folder in others.items()}
    with_splits = {name: folder for name, folder in with_splits.items() if _has_own_splits(folder)}
    if not splits and not any(_has_classes_in_splits(folder) for folder in with_splits.values()):
        found += _splits_inside_classes(with_splits, notes)
    elif with_splits:
        found += _looked_into(with_splits, notes, depth)
    rest = {name: folder for name, folder in others.items() if name not in with_splits}
    return [*found, _section(_Folder(top.name, rest, top.files), None)]


def _has_own_splits(folder: _Folder) -> bool:
    """Return whether a folder beside others has split folders: several, or one with class folders."""
    splits = _split_folders(folder)
    return len(set(splits.values())) > 1 or (bool(splits) and _has_classes_in_splits(folder))


def _has_classes_in_splits(folder: _Folder) -> bool:
    return any(folder.folders[name].folders for name in _split_folders(folder))


def _looked_into(folders: Mapping[str, _Folder], notes: list[ImportNote], depth: int) -> list[_Section]:
    is_read = depth < MAX_DEPTH
    how = "Their classes and splits are read." if is_read else "Their images are unlabelled."
    notes.append(ImportNote("inner_splits", f"Folders that hold split folders: {_quoted(folders)}. {how}"))
    if is_read:
        return [section for folder in folders.values() for section in _sections(folder, notes, depth + 1)]
    return [_Section(None, {}, list(folder.all_files())) for folder in folders.values()]


def _splits_inside_classes(folders: Mapping[str, _Folder], notes: list[ImportNote]) -> list[_Section]:
    """Return the sections of class folders that have their split folders inside."""
    found = []
    for name, folder in folders.items():
        splits = _split_folders(folder)
        rest = {each: inner for each, inner in folder.folders.items() if each not in splits}
        found += [_Section(split, {name: folder.folders[each]}) for each, split in splits.items()]
        found.append(_Section(None, {name: _Folder(name, rest, folder.files)}))
    if folders:
        says = f"Class folders with split folders inside: {_quoted(folders)}."
        notes.append(ImportNote("split_inside_class", says))
    return found


def _section(folder: _Folder, split: Split | None) -> _Section:
    while list(folder.folders) == [folder.name]:
        folder = folder.folders[folder.name]
    return _Section(split, folder.folders, folder.files)


def _candidates(section: _Section) -> dict[str, _Folder]:
    """Return the folders of a section that may hold images."""
    return {name: folder for name, folder in section.classes.items() if folder.may_hold_images()}


def _has_choice(section: _Section) -> bool:
    """Return whether a section has several folders of which not all are a camera's: they are classes."""
    names = _candidates(section)
    return len(names) > 1 and not all(map(folder_names.is_camera_folder, names))


def _without_unlabelled(section: _Section, notes: list[ImportNote]) -> _Section:
    named = {name: each for name, each in section.classes.items() if folder_names.is_unlabelled(name)}
    if not named:
        return section
    says = f"Folders whose name says that their images have no label: {_quoted(named)}."
    notes.append(ImportNote("unlabelled_folder", says))
    classes = {name: folder for name, folder in section.classes.items() if name not in named}
    files = [path for folder in named.values() for path in folder.all_files()]
    return replace(section, classes=classes, unlabelled=[*section.unlabelled, *files])


def _opened(section: _Section, classes: Collection[str], notes: list[ImportNote]) -> _Section:
    """Open the only folder of a section while it is a container, such as `images`: it is not a class.

    Args:
        classes: Class folders of sections with several; a container among them is a class here, too.
    """
    while candidates := _candidates(section):
        is_camera = all(folder_names.is_camera_folder(name) for name in candidates)
        is_single = len(candidates) == 1 and all(map(folder_names.is_container, candidates))
        if not (is_single or is_camera) or not candidates.keys().isdisjoint(classes):
            break
        says = f"Folders that are not classes, because of their names: {_quoted(candidates)}."
        remedy = "Put the images of a class into a folder with its name, or label them in the review."
        notes.append(ImportNote("container", says, remedy))
        others = [each for name, each in section.classes.items() if name not in candidates]
        files = [path for folder in candidates.values() for path in folder.files]
        files += [path for folder in others for path in folder.all_files()]
        inner = _joined(folder.folders for folder in candidates.values())
        section = replace(section, classes=inner, unlabelled=[*section.unlabelled, *files])
    return section


def _joined(parts: Iterable[Mapping[str, _Folder]]) -> dict[str, _Folder]:
    """Return the folders of several folders; those of the same name become one."""
    found: dict[str, _Folder] = {}
    for folders in parts:
        for name, folder in folders.items():
            if name in found:
                folder = _Folder(name, {}, [*found[name].all_files(), *folder.all_files()])
            found[name] = folder
    return found


def _split_word_notes(splits: Mapping[str, Split]) -> list[ImportNote]:
    guessed = {
        name: split for name, split in splits.items() if folder_names.splits_of([name]) != {name: split}
    }
    if not guessed:
        return []
    pairs = ", ".join(f"{name!r} as {split}" for name, split in sorted(guessed.items()))
    return [ImportNote("split_word", f"Folders read as splits because of the folders beside them: {pairs}.")]


def _ordinals_note(shown: Mapping[str, str]) -> ImportNote:
    pairs = [f"{name!r} is the class {shown[name]!r}" for name in sorted(shown)[:SHOWN_NAMES]]
    more = [f"and {len(shown) - SHOWN_NAMES:,} more"] if len(shown) > SHOWN_NAMES else []
    return ImportNote("ordinals", f"The class folders are numbered: {', '.join([*pairs, *more])}.")


def _quoted(names: Collection[str]) -> str:
    shown = [repr(name) for name in sorted(names)[:SHOWN_NAMES]]
    more = [f"and {len(names) - SHOWN_NAMES:,} more"] if len(names) > SHOWN_NAMES else []
    return ", ".join([*shown, *more])


def _merged(notes: Iterable[ImportNote]) -> tuple[ImportNote, ...]:
    return tuple(dict.fromkeys(notes))  # The same folder in every split is said once.

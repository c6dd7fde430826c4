"""Decide what an import says it read: classes, splits, what is skipped and what is doubtful. No database."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from peakid import clean_text
from peakid.acquire import layout
from peakid.acquire.arrival import Arrival
from peakid.import_records import ImportNote, ImportReading, LabelSource
from peakid.records import Split
from peakid.remedies import action

MAX_HIDDEN_NAMES = 20
MAX_SIMILAR = 8  # Groups of similar classes that are told one by one.
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
_CYRILLIC_AND_GREEK = "авекмнорстухіјѕαβεικνορτυχγ"
_LOOK_LIKE_LATIN = "abekmhopctyxijsabeikvoptuxy"
_LOOK_ALIKES = str.maketrans(_CYRILLIC_AND_GREEK, _LOOK_LIKE_LATIN)
_PUNCTUATION = re.compile(r"(?<!\d)[\s_.\-]+|[\s_.\-]+(?!\d)")  # Kept between digits: 1.5 is not 15.


def of(
    arrivals: Iterable[Arrival],
    *,
    notes: Sequence[ImportNote] = (),
    known_classes: Collection[str] = (),
    is_imported: bool = False,
) -> ImportReading:
    """Return what an import reads from its arrivals.

    Args:
        notes: What the source noticed, such as links that it did not follow.
        known_classes: Classes that exist already; a new one may differ from them only in case.
        is_imported: The arrivals are final: a rejection is set on all that were rejected. Otherwise a file
            with a suffix that no image has is counted as skipped.
    """
    checked = [_cleaned(arrival, is_imported=is_imported) for arrival in arrivals]
    taken = [arrival for arrival in checked if arrival.rejection is None]
    classes = Counter(arrival.label for arrival in taken if arrival.label is not None)
    splits = Counter(arrival.split for arrival in taken if arrival.split is not None)
    similar = _similar_classes(taken, known_classes, is_imported=is_imported)
    is_said = bool(classes) or not taken or any(note.kind == "container" for note in notes)
    every_note = [*notes, *similar, *([] if is_said else [_nothing_labelled(len(taken))])]
    hidden = [arrival.path for arrival in checked if arrival.rejection and arrival.rejection[0] == "hidden"]
    return ImportReading(
        n_files=len(taken),
        classes={name: classes[name] for name in sorted(classes)},
        n_unlabelled=len(taken) - classes.total(),
        splits={split: splits[split] for split in SPLITS if splits[split]},
        n_without_split=len(taken) - splits.total(),
        label_source=_label_source(taken),
        skipped=_by_frequency(arrival.rejection[0] for arrival in checked if arrival.rejection),
        hidden=dict(list(_by_frequency(map(_hidden_name, hidden)).items())[:MAX_HIDDEN_NAMES]),
        doubtful=tuple(note for note in every_note if note.is_doubtful),
        notes=tuple(note for note in every_note if not note.is_doubtful),
    )


def similarity_key(class_name: str) -> str:
    """Return what class names have in common that a person would take for the same name.

    It leaves out case, blanks, underscores, hyphens and dots, and Cyrillic and Greek letters that look Latin.
    """
    folded = unicodedata.normalize("NFKC", class_name).casefold().translate(_LOOK_ALIKES)
    return _PUNCTUATION.sub("", folded) or folded


def _cleaned(arrival: Arrival, *, is_imported: bool) -> Arrival:
    label = clean_text.clean_class_name(arrival.label) if arrival.label is not None else None
    suffix = PurePosixPath(arrival.path).suffix.lower()
    if arrival.rejection is None and not is_imported and suffix in layout.OTHER_SUFFIXES:
        return replace(arrival, label=label, rejection=("not_an_image", "by its suffix"))
    return replace(arrival, label=label)


def _label_source(taken: Iterable[Arrival]) -> LabelSource:
    sources = {arrival.is_from_table for arrival in taken if arrival.label is not None}
    if len(sources) == 1:
        return "table" if True in sources else "folders"
    return "folders and table" if sources else "none"


def _by_frequency(values: Iterable[str]) -> dict[str, int]:
    counts = Counter(values)
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _hidden_name(path: str) -> str:
    name = PurePosixPath(path).name
    return "._*" if name.startswith("._") else name  # Resource forks have the names of their files.


def _similar_classes(
    taken: Iterable[Arrival], known_classes: Collection[str], *, is_imported: bool
) -> list[ImportNote]:
    """Return a note for classes that a person would take for one, with the merge of the smaller ones."""
    counts: dict[str, Counter[Split | None]] = {}
    for arrival in taken:
        if arrival.label is not None:
            counts.setdefault(arrival.label, Counter())[arrival.split] += 1
    groups: dict[str, list[str]] = {}
    for name in sorted({*counts, *known_classes}):
        groups.setdefault(similarity_key(name), []).append(name)
    similar = [names for names in groups.values() if len(names) > 1 and any(name in counts for name in names)]
    notes = [
        _similar_note(names, counts, known_classes, is_imported=is_imported)
        for names in similar[:MAX_SIMILAR]
    ]
    if more := similar[MAX_SIMILAR:]:
        others = ", ".join(f"{names[0]!r} and {names[1]!r}" for names in more[:MAX_SIMILAR])
        message = f"{len(more):,} more groups of classes have nearly the same name, such as {others}."
        remedy = "Merge those that are one class."
        notes.append(
            ImportNote("similar_classes", message, remedy, (action("list_classes"),), is_doubtful=True)
        )
    return notes


def _similar_note(
    names: Sequence[str],
    counts: Mapping[str, Counter[Split | None]],
    known_classes: Collection[str],
    *,
    is_imported: bool,
) -> ImportNote:
    # The class that exists, or the one with the most files.
    into = max(names, key=lambda name: (name in known_classes, counts.get(name, Counter()).total()))
    described = ", ".join(f"{name!r} ({_where(counts.get(name))})" for name in names)
    merges = [action("merge_classes", class_name=name, into=into) for name in names if name != into]
    return ImportNote(
        "similar_classes",
        f"Classes that differ only in {_difference(names)}: {described}.",
        f"If they are one class, merge them into {into!r}." + ("" if is_imported else " Import them first."),
        tuple(merges) if is_imported else (),
        is_doubtful=True,
    )


def _where(counts: Counter[Split | None] | None) -> str:
    if counts is None:
        return "imported earlier"
    parts = [f"{counts[split]:,} in {split}" for split in SPLITS if counts[split]]
    if not parts:
        return "1 file" if counts.total() == 1 else f"{counts.total():,} files"
    return ", ".join([*parts, *([f"{counts[None]:,} without a split"] if counts[None] else [])])


def _difference(names: Sequence[str]) -> str:
    if len({name.casefold() for name in names}) == 1:
        return "case"
    plain = {_PUNCTUATION.sub("", unicodedata.normalize("NFKC", name).casefold()) for name in names}
    return "case, blanks or punctuation" if len(plain) == 1 else "letters that look alike"


def _nothing_labelled(n_files: int) -> ImportNote:
    return ImportNote(
        "nothing_labelled",
        f"None of the {n_files:,} files has a class: no folder and no table gives one.",
        "Label them in the review, or put the images of each class into a folder with its name.",
    )

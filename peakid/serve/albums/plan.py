"""Which album each photo goes to: by its probabilities, with near-twins and similar classes together."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from peakid import near_names
from peakid.curate.duplicates import hash_search, pair_graph
from peakid.errors import BadInput
from peakid.serve.albums.photos import PredictedFolder

OTHER = "other"
TWIN_DISTANCE = 24  # Of phash and dhash together, of 128 bits: no two different photos were closer.
EXACT_UP_TO = 20_000  # Above it, twins are searched with an index, which needs one of the hashes to be close.
MAX_NAME_BYTES = 120
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@dataclass(frozen=True)
class AlbumRules:
    """How photos are sorted.

    Attributes:
        threshold: Probability in 0..1 below which a photo goes to the album `other`.
        groups: Classes that share an album, by the name of the album.
        is_nested: Inside the album of a group, each class has an album of its own.
        keeps_twins: Near-twins go to one album.
        others_unfamiliar: Photos that look like nothing the model learned go to the album `other`.
        placed: The class that a person gave a photo, by its path: it goes to the album of that class whatever
            the model says, and near-twins without a class of their own go with it. OTHER means the album
            `other`, where the model has no class of that name. Other names are ignored: another model may
            have been used.
    """

    threshold: float = 0.0
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_nested: bool = False
    keeps_twins: bool = True
    others_unfamiliar: bool = False
    placed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Placement:
    """Where one photo goes.

    Attributes:
        path: Relative to the folder of the photos.
        album: A folder name, or two with `/` between them.
        label: The most probable class, `confidence` its probability in 0..1.
        twin_of: The first photo of its group of near-twins; '' if it has none.
        placed: The class that a person gave it or its near-twin; '' if the model decides.
    """

    path: str
    album: str
    label: str
    confidence: float
    twin_of: str = ""
    placed: str = ""


@dataclass(frozen=True)
class AlbumPlan:
    """The album of every photo that can be read, in the order of their paths."""

    placements: tuple[Placement, ...]

    def counts(self) -> dict[str, int]:
        """Return the number of photos by album, the largest first."""
        found = Counter(each.album for each in self.placements)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def n_twins(self) -> int:
        """Photos that have a near-twin."""
        return sum(bool(each.twin_of) for each in self.placements)


def check(class_names: Sequence[str], rules: AlbumRules) -> None:
    """Refuse rules that do not fit the classes of a model, before any photo is predicted.

    Raises:
        BadInput: If a group names a class that the model does not know, or two groups share one.
    """
    _places(class_names, rules)


def make(found: PredictedFolder, rules: AlbumRules) -> AlbumPlan:
    """Return the album of every photo.

    A group of near-twins goes to the album of its mean probabilities. The probability of a group of classes
    is the sum of theirs.

    Raises:
        BadInput: If a group names a class that the model does not know, or two groups share one.
    """
    places = _places(found.class_names, rules)
    twins = _twins(found) if rules.keeps_twins else np.arange(len(found.paths))
    means = _means(found.probabilities, twins)
    is_other = _unfamiliar(found, rules, twins)
    labels = found.probabilities.argmax(axis=1) if len(found.paths) else np.zeros(0, dtype=int)
    first = {int(twin): found.paths[n] for n, twin in reversed(list(enumerate(twins)))}
    sizes = np.bincount(twins, minlength=1) if len(twins) else np.zeros(1, dtype=int)
    placed = _placed(found, rules, twins)
    albums = places.albums(means, rules)
    return AlbumPlan(
        tuple(
            Placement(
                path,
                _album(places, rules, placed[n], albums[n], is_other=bool(is_other[n])),
                found.class_names[labels[n]],
                float(found.probabilities[n, labels[n]]),
                first[int(twins[n])] if sizes[twins[n]] > 1 else "",
                placed[n],
            )
            for n, path in enumerate(found.paths)
        )
    )


def _placed(found: PredictedFolder, rules: AlbumRules, twins: np.ndarray) -> list[str]:
    """Return the class that a person gave each photo, or the first near-twin of it that has one; else ''."""
    known = {*found.class_names, OTHER}
    own = [rules.placed.get(path, "") for path in found.paths]
    own = [name if name in known else "" for name in own]
    of_group: dict[int, str] = {}
    for name, twin in zip(own, twins.tolist(), strict=True):
        if name:
            of_group.setdefault(twin, name)
    return [name or of_group.get(twin, "") for name, twin in zip(own, twins.tolist(), strict=True)]


def folder_names(names: Sequence[str]) -> dict[str, str]:
    """Return for each name of a class or group a folder name that every file system takes, all different."""
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        plain = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", name)).strip(" .") or "_"
        plain = f"{plain}_" if _RESERVED.fullmatch(plain) else plain
        plain = plain.encode()[:MAX_NAME_BYTES].decode(errors="ignore").rstrip(" .")
        chosen, n = plain, 2
        while chosen.casefold() in used:  # Two names may differ in case or in a removed character only.
            chosen, n = f"{plain} ({n})", n + 1
        used.add(chosen.casefold())
        found[name] = chosen
    return found


@dataclass(frozen=True)
class _Places:
    """`columns` are the classes of each album, by its folder name; `inner` the folder name of each class."""

    columns: Mapping[str, tuple[int, ...]]
    inner: Sequence[str]
    class_names: Sequence[str]

    def of_class(self, class_name: str, rules: AlbumRules) -> str:
        """Return the album of a class; `other` where it is none."""
        for album, columns in self.columns.items():
            for column in columns:
                if self.class_names[column] == class_name:
                    return f"{album}/{self.inner[column]}" if rules.is_nested and len(columns) > 1 else album
        return OTHER

    def albums(self, probabilities: np.ndarray, rules: AlbumRules) -> list[str]:
        """Return the album of each row of probabilities, of shape (N, K)."""
        names = list(self.columns)
        sums = np.stack([probabilities[:, list(each)].sum(axis=1) for each in self.columns.values()], axis=1)
        best = sums.argmax(axis=1)  # (N,)
        found = [names[column] for column in best.tolist()]
        for row in np.flatnonzero(sums.max(axis=1) < rules.threshold).tolist():
            found[row] = OTHER
        if rules.is_nested:
            found = [self._nested(name, probabilities[row], rules) for row, name in enumerate(found)]
        return found

    def _nested(self, album: str, probabilities: np.ndarray, rules: AlbumRules) -> str:
        columns = self.columns.get(album, ())
        if len(columns) < 2:
            return album
        first = max(columns, key=lambda column: probabilities[column])
        return f"{album}/{self.inner[first]}" if probabilities[first] >= rules.threshold else album


def _album(places: _Places, rules: AlbumRules, placed: str, predicted: str, *, is_other: bool) -> str:
    """Return the album of a photo: what a person said comes first, then what the model never learned."""
    if placed:
        return places.of_class(placed, rules)
    return OTHER if is_other else predicted


def _places(class_names: Sequence[str], rules: AlbumRules) -> _Places:
    column = {name: n for n, name in enumerate(class_names)}
    taken: dict[str, str] = {}
    for group, members in rules.groups.items():
        for name in members:
            if name not in column:
                known = f"The classes are {', '.join(class_names[:20])}."
                raise BadInput(
                    f"The model has no class {name!r}, which the album {group!r} names.",
                    near_names.remedy(name, class_names, known),
                )
            if name in taken:
                raise BadInput(
                    f"The class {name!r} is in the albums {taken[name]!r} and {group!r}.", "Name it once."
                )
            taken[name] = group
    albums = {group: tuple(column[name] for name in members) for group, members in rules.groups.items()}
    albums |= {name: (n,) for name, n in column.items() if name not in taken}
    folders = folder_names([OTHER, *(name for name in albums if name != OTHER)])
    inner = folder_names(class_names)
    return _Places(
        {folders[name]: each for name, each in albums.items()},
        [inner[name] for name in class_names],
        class_names,
    )


def _unfamiliar(found: PredictedFolder, rules: AlbumRules, twins: np.ndarray) -> np.ndarray:
    """Return which photos go to `other` because the model learned nothing like them, bool (N,).

    A group of near-twins does if most of it does.
    """
    if not rules.others_unfamiliar or not len(found.is_unfamiliar):
        return np.zeros(len(found.paths), dtype=bool)
    return _means(found.is_unfamiliar[:, None], twins)[:, 0] > 0.5


def _twins(found: PredictedFolder) -> np.ndarray:
    """Return the number of the group of near-twins of each photo, int64 of shape (N,)."""
    rows = np.flatnonzero(found.has_detail)
    hashes = found.hashes[rows]
    if len(rows) <= EXACT_UP_TO:
        left, right, _ = hash_search.compare(hashes, hashes, radius=TWIN_DISTANCE)
    else:
        left, right, _ = hash_search.Index(hashes[:, 0]).pairs()
        sums = np.bitwise_count(hashes[left] ^ hashes[right]).sum(axis=1, dtype=np.int64)
        left, right = left[sums <= TWIN_DISTANCE], right[sums <= TWIN_DISTANCE]
    different = left != right
    pairs = zip(rows[left[different]].tolist(), rows[right[different]].tolist(), strict=True)
    groups = np.arange(len(found.paths))
    for members in pair_graph.connected(pairs):
        groups[members] = members[0]
    return groups


def _means(probabilities: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the mean probabilities of the group of each photo, float64 of shape (N, K)."""
    sums = np.zeros((len(groups), probabilities.shape[1]))
    np.add.at(sums, groups, probabilities)
    counts = np.bincount(groups, minlength=len(groups)) if len(groups) else np.zeros(0)
    return (sums / np.maximum(counts, 1)[:, None])[groups]

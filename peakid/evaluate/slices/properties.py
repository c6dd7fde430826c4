"""Read the properties of the images of a split that slices are made of, and say which ones are missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import get_args

import numpy as np

from peakid import near_names
from peakid.embed import stored
from peakid.errors import BadInput, NoEmbeddings
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.slices import binning, clusters, property
from peakid.evaluate.slices.property import Property, PropertyKey
from peakid.remedies import Action, action
from peakid.store.workspace import Workspace

KEYS: tuple[PropertyKey, ...] = get_args(PropertyKey)
TITLES: dict[PropertyKey, str] = {
    "source": "Source",
    "year": "Year taken",
    "size": "Size",
    "sharpness": "Sharpness",
    "brightness": "Brightness",
    "reviewer": "Reviewer",
    "reviewed": "Reviewed",
    "cluster": "Cluster",
    "tag": "Tag",
    "class": "Class",
}
ALIASES: dict[str, PropertyKey] = {"blur": "sharpness"}
NOT_REVIEWED, NO_TAG, NO_EMBEDDING = "not reviewed", "no tag", "no embedding"


@dataclass(frozen=True)
class Missing:
    """A property that makes no slices: why, what to do about it, and the same as data."""

    key: PropertyKey
    title: str
    reason: str
    remedy: str = ""
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class _Facts:
    """What the database has about the images, by column, in the order of `ScoredImages`."""

    workspace: Workspace
    images: ScoredImages
    columns: dict[str, Sequence]

    def numbers(self, column: str) -> np.ndarray:
        values = self.columns[column]
        return np.array([np.nan if each is None else each for each in values], dtype=np.float64)


def checked_keys(keys: Sequence[str]) -> list[PropertyKey]:
    """Return the keys as properties that exist.

    Raises:
        BadInput: If there is no such property.
    """
    wanted = [ALIASES.get(key, key) for key in keys]
    for key in wanted:
        if key not in KEYS:
            raise BadInput(
                f"There is no property {key!r}.",
                near_names.remedy(key, KEYS, f"Use one or more of: {', '.join(KEYS)}."),
            )
    return [each for each in KEYS if each in wanted]


def load(
    workspace: Workspace, images: ScoredImages, keys: Sequence[PropertyKey] = KEYS
) -> tuple[list[Property], list[Missing]]:
    """Return the properties of the images, and those that have no value or the same one everywhere.

    Args:
        keys: Which properties; their order is kept.
    """
    facts = _read(workspace, images)
    found, missing = [], []
    for key in keys:
        each = _MAKERS[key](facts)
        if isinstance(each, Missing):
            missing.append(each)
        elif len(each.values) < 2:
            value = each.values[0] if each.values else property.UNKNOWN
            same = f"All images have the same value: {value}."
            missing.append(Missing(key, TITLES[key], TOO_ALIKE if value == binning.ONE_BIN else same))
        else:
            found.append(each)
    return found, missing


def _read(workspace: Workspace, images: ScoredImages) -> _Facts:
    cursor = workspace.connection().cursor()
    cursor.row_factory = None  # A million plain tuples are read twice as fast as rows with names.
    rows = cursor.execute(
        "SELECT p.image_id, i.width_px, i.height_px, m.brightness, m.sharpness, m.taken_at,"
        " CASE WHEN s.is_reviewed THEN s.actor END, (SELECT o.source || '/' || COALESCE(o.root_id, '')"
        " FROM origin o WHERE o.image_id = p.image_id ORDER BY o.id LIMIT 1)"
        " FROM prediction p JOIN image i ON i.id = p.image_id JOIN image_state s ON s.image_id = p.image_id"
        " LEFT JOIN image_measure m ON m.image_id = p.image_id"
        " WHERE p.run_id = ? AND p.split = ? ORDER BY p.image_id",
        (images.run_id, images.split),
    ).fetchall()
    known = set(images.image_ids.tolist())
    columns = zip(*(row for row in rows if row[0] in known), strict=True) if known else ((),) * len(_COLUMNS)
    return _Facts(workspace, images, dict(zip(_COLUMNS, columns, strict=True)))


TOO_ALIKE = "All images are alike in it."
_COLUMNS = ("id", "width", "height", "brightness", "sharpness", "taken_at", "reviewer", "origin")


def _source(found: _Facts) -> Property:
    roots = {str(row["id"]): row["path"] for row in found.workspace.query("SELECT id, path FROM root")}
    names: dict[str | None, str] = {None: ""}
    origins = found.columns["origin"]
    for origin in {*origins} - {None}:
        source, _, root = origin.partition("/")
        names[origin] = f"{source}: {PurePath(roots[root]).name}" if root in roots else source
    return property.of_words("source", TITLES["source"], [names[each] for each in origins])


def _year(found: _Facts) -> Property | Missing:
    texts = [(each or "")[:4] for each in found.columns["taken_at"]]
    years = np.array([float(each) if each.isdecimal() else np.nan for each in texts])
    if not np.isfinite(years).any():
        return Missing("year", TITLES["year"], "No image of this split has a date in its EXIF data.")
    return property.of_years("year", TITLES["year"], years)


def _size(found: _Facts) -> Property:
    sides = np.sqrt(found.numbers("width") * found.numbers("height"))
    return property.of_numbers("size", TITLES["size"], sides, " px")


def _sharpness(found: _Facts) -> Property | Missing:
    return _measure(found, "sharpness")


def _brightness(found: _Facts) -> Property | Missing:
    return _measure(found, "brightness")


def _measure(found: _Facts, key: PropertyKey) -> Property | Missing:
    numbers = found.numbers(key)
    if not np.isfinite(numbers).any():
        return Missing(
            key,
            TITLES[key],
            "The images were not measured yet.",
            "Scan them for duplicates and image issues first.",
            (action("scan"),),
        )
    return property.of_numbers(key, TITLES[key], numbers)


def _reviewer(found: _Facts) -> Property:
    names = [each.partition(":")[2] if each else NOT_REVIEWED for each in found.columns["reviewer"]]
    return property.of_words("reviewer", TITLES["reviewer"], names)


def _reviewed(found: _Facts) -> Property:
    names = ["reviewed" if each else NOT_REVIEWED for each in found.columns["reviewer"]]
    return property.of_words("reviewed", TITLES["reviewed"], names)


def _class(found: _Facts) -> Property:
    images = found.images
    members = np.array([images.given == n for n in range(len(images.class_names))])
    kept = [n for n in range(len(members)) if members[n].any()]
    values = tuple(images.class_names[n] for n in kept)
    return Property("class", TITLES["class"], values, members[kept].reshape(-1, len(images)))


def _tag(found: _Facts) -> Property | Missing:
    images = found.images
    rows = found.workspace.query(
        "SELECT t.tag, t.image_id FROM image_tag t JOIN prediction p ON p.image_id = t.image_id"
        " WHERE p.run_id = ? AND p.split = ?",
        (images.run_id, images.split),
    )
    place = {int(image_id): n for n, image_id in enumerate(images.image_ids)}
    members: dict[str, np.ndarray] = {}
    for row in rows:
        if row["image_id"] in place:
            members.setdefault(row["tag"], np.zeros(len(images), dtype=bool))[place[row["image_id"]]] = True
    if not members:
        return Missing("tag", TITLES["tag"], "No image of this split has a tag.")
    frequent = sorted(members, key=lambda tag: (-int(members[tag].sum()), tag))[: property.MOST_VALUES]
    none = ~np.any([*members.values()], axis=0)
    return Property(
        "tag",
        TITLES["tag"],
        (*frequent, *([NO_TAG] if none.any() else [])),
        np.array([*(members[tag] for tag in frequent), *([none] if none.any() else [])]),
    )


def _cluster(found: _Facts) -> Property | Missing:
    images = found.images
    try:
        known = stored.find(found.workspace)
    except NoEmbeddings as error:
        return Missing("cluster", TITLES["cluster"], error.message, error.remedy, error.actions)
    embedded = stored.load(found.workspace, known.set_id, images.image_ids.tolist())
    if len(embedded.image_ids) < clusters.LEAST_IMAGES:
        reason = f"{len(embedded.image_ids):,} images of this split have an embedding"
        return Missing(
            "cluster",
            TITLES["cluster"],
            f"{reason}; clusters need {clusters.LEAST_IMAGES}.",
            "",
            (action("embed"),),
        )
    places = np.searchsorted(images.image_ids, embedded.image_ids)
    codes = np.full(len(images), -1)
    codes[places] = clusters.assign(np.asarray(embedded.features))
    numbers = range(int(codes.max()) + 1)
    members = [codes == n for n in numbers]
    names = [f"{n + 1}: mostly {_most_frequent_class(images, members[n])}" for n in numbers]
    if (codes < 0).any():
        names, members = [*names, NO_EMBEDDING], [*members, codes < 0]
    return Property("cluster", TITLES["cluster"], tuple(names), np.array(members))


def _most_frequent_class(images: ScoredImages, member: np.ndarray) -> str:
    return images.class_names[int(np.bincount(images.given[member]).argmax())]


_MAKERS: dict[PropertyKey, Callable[[_Facts], Property | Missing]] = {
    "source": _source,
    "year": _year,
    "size": _size,
    "sharpness": _sharpness,
    "brightness": _brightness,
    "reviewer": _reviewer,
    "reviewed": _reviewed,
    "cluster": _cluster,
    "tag": _tag,
    "class": _class,
}

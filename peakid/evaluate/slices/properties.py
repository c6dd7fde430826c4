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
from peakid.evaluate.slices import clusters, property
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
class _Rows:
    """The columns of the images, in the order of `ScoredImages`."""

    workspace: Workspace
    images: ScoredImages
    rows: Sequence

    def numbers(self, column: str) -> np.ndarray:
        values = (row[column] for row in self.rows)
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
    rows = _Rows(workspace, images, _read(workspace, images))
    found, missing = [], []
    for key in keys:
        each = _MAKERS[key](rows)
        if isinstance(each, Missing):
            missing.append(each)
        elif len(each.values) < 2:
            value = each.values[0] if each.values else property.UNKNOWN
            missing.append(Missing(key, TITLES[key], f"All images have the same value: {value}."))
        else:
            found.append(each)
    return found, missing


def _read(workspace: Workspace, images: ScoredImages) -> list:
    rows = workspace.query(
        "SELECT p.image_id, i.width_px, i.height_px, m.brightness, m.sharpness, m.taken_at, s.is_reviewed,"
        " s.actor, (SELECT o.source || '/' || COALESCE(o.root_id, '') FROM origin o"
        " WHERE o.image_id = p.image_id ORDER BY o.id LIMIT 1) AS origin"
        " FROM prediction p JOIN image i ON i.id = p.image_id JOIN image_state s ON s.image_id = p.image_id"
        " LEFT JOIN image_measure m ON m.image_id = p.image_id"
        " WHERE p.run_id = ? AND p.split = ? ORDER BY p.image_id",
        (images.run_id, images.split),
    )
    known = set(images.image_ids.tolist())
    return [row for row in rows if row["image_id"] in known]


def _source(found: _Rows) -> Property:
    roots = {str(row["id"]): row["path"] for row in found.workspace.query("SELECT id, path FROM root")}
    names: dict[str | None, str] = {None: ""}
    for origin in {row["origin"] for row in found.rows} - {None}:
        source, _, root = origin.partition("/")
        names[origin] = f"{source}: {PurePath(roots[root]).name}" if root in roots else source
    return property.of_words("source", TITLES["source"], [names[row["origin"]] for row in found.rows])


def _year(found: _Rows) -> Property | Missing:
    texts = [(row["taken_at"] or "")[:4] for row in found.rows]
    years = np.array([float(each) if each.isdecimal() else np.nan for each in texts])
    if not np.isfinite(years).any():
        return Missing("year", TITLES["year"], "No image of this split has a date in its EXIF data.")
    return property.of_years("year", TITLES["year"], years)


def _size(found: _Rows) -> Property:
    sides = np.sqrt(found.numbers("width_px") * found.numbers("height_px"))
    return property.of_numbers("size", TITLES["size"], sides, " px")


def _sharpness(found: _Rows) -> Property | Missing:
    return _measure(found, "sharpness")


def _brightness(found: _Rows) -> Property | Missing:
    return _measure(found, "brightness")


def _measure(found: _Rows, key: PropertyKey) -> Property | Missing:
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


def _reviewer(found: _Rows) -> Property:
    names = [
        row["actor"].partition(":")[2] or row["actor"]
        if row["is_reviewed"] and row["actor"]
        else NOT_REVIEWED
        for row in found.rows
    ]
    return property.of_words("reviewer", TITLES["reviewer"], names)


def _reviewed(found: _Rows) -> Property:
    names = ["reviewed" if row["is_reviewed"] else NOT_REVIEWED for row in found.rows]
    return property.of_words("reviewed", TITLES["reviewed"], names)


def _class(found: _Rows) -> Property:
    images = found.images
    members = np.array([images.given == n for n in range(len(images.class_names))])
    kept = [n for n in range(len(members)) if members[n].any()]
    values = tuple(images.class_names[n] for n in kept)
    return Property("class", TITLES["class"], values, members[kept].reshape(-1, len(images)))


def _tag(found: _Rows) -> Property | Missing:
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


def _cluster(found: _Rows) -> Property | Missing:
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


_MAKERS: dict[PropertyKey, Callable[[_Rows], Property | Missing]] = {
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

"""What a collection has so far: candidates by class, its newest images, and the licences of its images."""

from dataclasses import dataclass

from peakid import licences
from peakid.store.collecting import searches
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class ClassProgress:
    """The candidates of one class.

    Attributes:
        label: None = candidates without a class.
        n_wanted: What its searches ask for together; 0 where only lists named its candidates.
        n_found: Candidates in all, which are `n_images`, `n_rejected` and `n_waiting` together.
    """

    label: str | None
    n_wanted: int
    n_found: int
    n_images: int
    n_rejected: int
    n_waiting: int


@dataclass(frozen=True)
class LicenceCount:
    """`name` is that of a licence as `licences.named` writes it, '' where none is known; `code` its code."""

    name: str
    code: str
    n_images: int


def by_class(workspace: Workspace, collection_id: int) -> list[ClassProgress]:
    """Count candidates by class: those that are searched for in their order, then the others by name."""
    wanted: dict[str | None, int] = {}
    for each in searches.of_collection(workspace, collection_id):
        wanted[each.label] = wanted.get(each.label, 0) + each.n_wanted
    counts: dict[str | None, dict[str, int]] = {label: {} for label in wanted}
    for row in workspace.query(
        "SELECT label, state, COUNT(*) AS n FROM candidate WHERE collection_id = ?"
        " GROUP BY label, state ORDER BY label",
        (collection_id,),
    ):
        counts.setdefault(row["label"], {})[row["state"]] = row["n"]
    return [
        ClassProgress(
            label,
            wanted.get(label, 0),
            sum(found.values()),
            found.get("image", 0),
            found.get("rejected", 0),
            found.get("waiting", 0),
        )
        for label, found in counts.items()
    ]


def newest_images(workspace: Workspace, collection_id: int, *, limit: int = 12) -> list[tuple[str, str]]:
    """Return digest and class ('' = none) of the images that came last, newest first."""
    rows = workspace.query(  # CROSS JOIN: the newest images are read first, and reading ends early.
        "SELECT i.digest, c.label FROM image i CROSS JOIN candidate c ON c.image_id = i.id"
        " WHERE c.image_id IS NOT NULL AND c.collection_id = ? ORDER BY i.id DESC, c.id LIMIT ?",
        (collection_id, 2 * limit),
    )
    found: dict[str, str] = {}
    for row in rows:  # One that several classes have is shown once.
        found.setdefault(row["digest"], row["label"] or "")
    return list(found.items())[:limit]


def by_licence(workspace: Workspace, collection_id: int) -> list[LicenceCount]:
    """Count the images of a collection by licence, the most frequent first, those without one last.

    An image that was found at several places counts with the first of them that names a known licence.
    """
    rows = workspace.query(
        "SELECT image_id, licence FROM candidate WHERE collection_id = ? AND state = 'image' ORDER BY id",
        (collection_id,),
    )
    of_image: dict[int, licences.Licence] = {}
    parsed: dict[str | None, licences.Licence] = {}
    for row in rows:
        licence = parsed.setdefault(row["licence"], licences.parse(row["licence"]))
        kept = of_image.get(row["image_id"])
        if kept is None or (not kept.code and licence.code):
            of_image[row["image_id"]] = licence
    counts: dict[tuple[str, str], int] = {}
    for each in of_image.values():
        key = (each.name if each.code else "", each.code)
        counts[key] = counts.get(key, 0) + 1
    found = [LicenceCount(name, code, n) for (name, code), n in counts.items()]
    return sorted(found, key=lambda each: (not each.code, -each.n_images, each.name))


def n_to_find(workspace: Workspace, collection_id: int) -> int:
    """Return how many candidates the searches that go on may still add."""
    row = workspace.one(
        "SELECT COALESCE(SUM(MAX(0, MIN(n_wanted, COALESCE(n_available, n_wanted)) - n_found)), 0) AS n"
        " FROM search WHERE collection_id = ? AND is_ended = 0 AND problem = ''",
        (collection_id,),
    )
    return 0 if row is None else int(row["n"])


def is_searching(workspace: Workspace, collection_id: int) -> bool:
    """Return whether a search of the collection can go on: it has not ended."""
    row = workspace.one(
        "SELECT 1 FROM search WHERE collection_id = ? AND is_ended = 0 LIMIT 1", (collection_id,)
    )
    return row is not None

"""Whom images are owed to: title, author, licence and page, as far as their sources name them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from peakid import licences
from peakid.licences import Licence
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class CreditLine:
    """The credit of one image. Texts are '' where nothing is known.

    Of several origins, those with a known licence come first, then the oldest.

    Attributes:
        url: Of the picture itself.
        source: The service or kind of place it came from, such as `flickr`, `urls` or `folder`.
    """

    digest: str
    title: str = ""
    author: str = ""
    licence: Licence = Licence()  # noqa: RUF009  # It is frozen.
    page_url: str = ""
    url: str = ""
    source: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anything says whose it is."""
        return bool(self.author or self.licence.text or self.licence.code or self.page_url)


def of_snapshot(workspace: Workspace, snapshot_id: int) -> list[CreditLine]:
    """Return the credit of every image of a snapshot, in the order of digests."""
    rows = workspace.query("SELECT image_id FROM snapshot_item WHERE snapshot_id = ?", (snapshot_id,))
    return of_images(workspace, [row["image_id"] for row in rows])


def of_digests(workspace: Workspace, digests: Iterable[str]) -> list[CreditLine]:
    """Return the credit of images, in the order of digests."""
    rows = workspace.query(
        "SELECT id FROM image WHERE digest IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(set(digests))),),
    )
    return of_images(workspace, [row["id"] for row in rows])


def of_images(workspace: Workspace, image_ids: Sequence[int]) -> list[CreditLine]:
    """Return the credit of images, in the order of digests."""
    rows = workspace.query(
        "SELECT i.digest, o.page_url, o.licence, o.author, o.path, o.source, c.title,"
        " COALESCE(c.source, o.source) AS service"
        " FROM image i LEFT JOIN origin o ON o.image_id = i.id"
        " LEFT JOIN candidate c ON c.image_id = i.id AND c.url = o.path AND o.source = 'web'"
        " WHERE i.id IN (SELECT value FROM json_each(?)) ORDER BY i.digest, o.id, c.id",
        (json.dumps(list(image_ids)),),
    )
    found: dict[str, CreditLine] = {}
    for row in rows:
        is_web = row["source"] == "web" and row["path"].startswith(("http://", "https://"))
        line = CreditLine(
            row["digest"],
            row["title"] or "",
            row["author"] or "",
            licences.parse(row["licence"]),
            row["page_url"] or "",
            row["path"] if is_web else "",
            row["service"] or "",
        )
        best = found.get(line.digest)
        if best is None or _rank(line) > _rank(best):
            found[line.digest] = line
    return list(found.values())


def licence_of_images(workspace: Workspace, image_ids: Sequence[int]) -> dict[int, tuple[Licence, ...]]:
    """Return the licences that the origins of images name; an image without one has an empty one."""
    rows = workspace.query(
        "SELECT image_id, licence FROM origin WHERE licence IS NOT NULL"
        " AND image_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(image_ids)),),
    )
    found: dict[int, tuple[Licence, ...]] = {}
    for row in rows:
        found[row["image_id"]] = (*found.get(row["image_id"], ()), licences.parse(row["licence"]))
    return {each: found.get(each, (Licence(),)) for each in image_ids}


def names_licences(workspace: Workspace) -> bool:
    """Return whether any image has a licence that its source names."""
    return workspace.one("SELECT 1 FROM origin WHERE licence IS NOT NULL LIMIT 1") is not None


def n_by_licence(lines: Iterable[CreditLine]) -> dict[str, int]:
    """Return the number of images by licence, the most frequent first and '' = unknown last."""
    counted = Counter(line.licence.name for line in lines)
    return dict(sorted(counted.items(), key=lambda each: (not each[0], -each[1], each[0])))


def _rank(line: CreditLine) -> tuple[bool, bool]:
    return bool(line.licence.code), line.is_known

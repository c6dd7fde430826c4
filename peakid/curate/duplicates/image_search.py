"""Find the images of the workspace that are the same as a given picture, or look the same."""

from dataclasses import dataclass, replace

import numpy as np
from imagehash import ImageHash

from peakid.curate.duplicates import aligned, hashed_images, pair_search
from peakid.imaging import gate, hashes, inspection
from peakid.records import DuplicateKind
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Match:
    """An image that is the same as the given picture. `distance` in bits of 128; `orientation` 0: upright."""

    digest: str
    path: str
    label: str | None
    verdict: str
    kind: DuplicateKind
    distance: int
    orientation: int


def search(workspace: Workspace, data: bytes) -> list[Match]:
    """Return the image with the same bytes, then those that look the same, the nearest first.

    Raises:
        UnreadableImage: If the bytes are not an image.
    """
    given = gate.call(inspection.inspect, data)
    known = hashed_images.read(workspace)
    turned = hashes.unpack([given.orientations])
    extended = _with(known.hashes, turned[0, 0], hashes.unpack([given.parts], n_hashes=hashes.N_PARTS))
    grey = inspection.grey_thumbnail(given.thumbnail)
    stored, n = hashed_images.picture_reader(workspace, known.ids), len(known.ids)

    def picture(row: int, orientation: int) -> aligned.ComparedPicture | None:
        is_given = row == n
        if is_given:
            return aligned.ComparedPicture(hashes.turned(grey, orientation))
        return stored(row, orientation)

    matches = [
        _match(
            workspace,
            hashed_images.digest(workspace, known.ids[pair.earlier]),
            "near",
            pair.distance,
            pair.orientation,
        )
        for pair in extended.pairs(n, n + 1, turned, picture)
    ]
    if _is_known(workspace, given.digest):
        matches = [replace(each, kind="copy") if each.digest == given.digest else each for each in matches]
        if not any(each.kind == "copy" for each in matches):  # Hashes of a blank picture match nothing.
            matches.append(_match(workspace, given.digest, "copy", 0, 0))
    return sorted(matches, key=lambda each: (each.kind != "copy", each.distance, each.digest))


def search_hashes(
    workspace: Workspace, *, phash: ImageHash, dhash: ImageHash, max_bits: int = pair_search.NEAR
) -> list[Match]:
    """Return the images whose hashes are near the given ones, the nearest first.

    The picture itself is not needed; `peakid.imaging.hashes` and the package `imagehash` give its hashes.
    Without it, no thumbnails are compared: only upright pictures are found, and a few may be others.

    Args:
        phash: 64 bits, from `hashes.phash` or `imagehash.phash`.
        dhash: 64 bits, from `hashes.dhash` or `imagehash.dhash`.
        max_bits: Largest sum of the two Hamming distances. With 24, no two different pictures of 5.6 million
            pairs were near.
    """
    known = hashed_images.read(workspace)
    found = hashes.distances(phash, known.hashes.upright[:, 0]).astype(int)
    found += hashes.distances(dhash, known.hashes.upright[:, 1])
    near = np.flatnonzero(found <= max_bits)
    digests = [hashed_images.digest(workspace, known.ids[row]) for row in near]
    matches = [
        _match(workspace, digest, "near", int(found[row]), 0)
        for row, digest in zip(near, digests, strict=True)
    ]
    return sorted(matches, key=lambda each: (each.distance, each.digest))


def _is_known(workspace: Workspace, digest: str) -> bool:
    there = "SELECT 1 FROM image i JOIN image_state s ON s.image_id = i.id WHERE i.digest = ?"
    return workspace.one(there, (digest,)) is not None


def _with(known: pair_search.HashSet, upright: np.ndarray, parts: np.ndarray) -> pair_search.HashSet:
    return pair_search.HashSet(
        np.concatenate([known.upright, upright[None]]),
        None if known.parts is None else np.concatenate([known.parts, parts]),
    )


def _match(workspace: Workspace, digest: str, kind: DuplicateKind, distance: int, orientation: int) -> Match:
    row = workspace.query(
        f"SELECT s.verdict, c.name AS label, {FIRST_PATH} AS path"
        " FROM image i JOIN image_state s ON s.image_id = i.id LEFT JOIN class c ON c.id = s.class_id"
        " WHERE i.digest = ?",
        (digest,),
    )[0]
    return Match(digest, row["path"], row["label"], row["verdict"], kind, distance, orientation)

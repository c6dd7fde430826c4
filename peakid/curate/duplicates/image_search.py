"""Given a picture, which images of the workspace are it, or look like it."""

import io
from dataclasses import dataclass, replace

import numpy as np
import PIL.Image

from peakid.curate.duplicates import aligned, find, pair_search
from peakid.imaging import decoder, hashes
from peakid.records import DuplicateKind
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Twin:
    """An image that is the picture asked for. `distance` in bits of 128; `orientation` 0 = upright as it is."""

    digest: str
    path: str
    label: str | None
    verdict: str
    kind: DuplicateKind
    distance: int
    orientation: int


def search(workspace: Workspace, data: bytes) -> list[Twin]:
    """Return the image with these very bytes, then those that look the same, the nearest first.

    Raises:
        UnreadableImage: If the bytes are no image.
    """
    look = decoder.inspect(data)  # It comes from outside.
    held = find.hashed_images(workspace)
    turned = hashes.unpack([look.orientations])
    table = _with(held.table, turned[0, 0], hashes.unpack([look.parts], n_hashes=hashes.N_PARTS))
    grey = PIL.Image.open(io.BytesIO(look.thumbnail)).convert("L")
    stored = find.viewer(workspace, held.digests)

    def view(row: int, orientation: int) -> aligned.View | None:
        return (
            aligned.View(hashes.turned(grey, orientation))
            if row == len(held.digests)
            else stored(row, orientation)
        )

    found = table.pairs(len(held.digests), len(held.digests) + 1, turned, view)
    twins = [
        _twin(workspace, held.digests[pair.earlier], "near", pair.distance, pair.orientation)
        for pair in found
    ]
    if look.digest in held.digests:
        twins = [replace(twin, kind="copy") if twin.digest == look.digest else twin for twin in twins]
        if not any(
            twin.kind == "copy" for twin in twins
        ):  # A blank picture: its hashes say nothing, its bytes do.
            twins.append(_twin(workspace, look.digest, "copy", 0, 0))
    return sorted(twins, key=lambda twin: (twin.kind != "copy", twin.distance, twin.digest))


def _with(table: pair_search.Table, upright: np.ndarray, parts: np.ndarray) -> pair_search.Table:
    return pair_search.Table(
        np.concatenate([table.upright, upright[None]]),
        None if table.parts is None else np.concatenate([table.parts, parts]),
    )


def _twin(workspace: Workspace, digest: str, kind: DuplicateKind, distance: int, orientation: int) -> Twin:
    row = workspace.query(
        "SELECT s.verdict, c.name AS label, (SELECT o.path FROM origin o WHERE o.image_id = i.id ORDER BY o.id LIMIT 1) AS path"
        " FROM image i JOIN image_state s ON s.image_id = i.id LEFT JOIN class c ON c.id = s.class_id WHERE i.digest = ?",
        (digest,),
    )[0]
    return Twin(digest, row["path"] or "", row["label"], row["verdict"], kind, distance, orientation)

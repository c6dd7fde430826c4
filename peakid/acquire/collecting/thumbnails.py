"""Recognise photos by their thumbnails, so that what is known or gone is not fetched in full size."""

import functools

import anyio
import numpy as np

from peakid.acquire.fetching import placeholders
from peakid.acquire.fetching.client import Client, NotFetched
from peakid.errors import UnreadableImage, UrlRefused
from peakid.imaging import decoder, hashes
from peakid.imaging.records import Inspection
from peakid.records import RejectionReason
from peakid.store.collecting.collections import Candidate
from peakid.store.workspace import Workspace

MAX_BYTES = 2 * 2**20
MAX_BITS = 4  # Of 128 that may differ. The hashes of a photo and of its thumbnail are within 2 bits in 99 %.
# A check costs a request. It is worth it where it finds something: after the first ones, every tenth photo is
# checked, and all while a tenth of those checked are found.
N_FIRST, EVERY, LEAST_SHARE = 50, 10, 0.1


class ThumbnailCheck:
    """Compares thumbnails with the images of the same class that the workspace has."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self._workspace, self._client = workspace, client
        self._decoder = decoder.Decoder()
        self._after = 0
        self._hashes = np.empty((0, 2), np.uint64)
        self._labels: list[str] = []
        self._digests: list[str] = []
        self._n_seen = self.n_checked = self.n_found = 0

    def close(self) -> None:
        self._decoder.close()

    async def rejection(self, candidate: Candidate) -> tuple[RejectionReason, str] | None:
        """Return why a candidate need not be fetched, with a detail; None = fetch it, or nothing is known.

        A photo of another class is fetched: the two labels contradict each other, and a person decides.
        """
        if not candidate.thumbnail_url or candidate.thumbnail_url == candidate.url or not self._is_worth_it():
            return None
        self.n_checked += 1
        found = await self._recognised(candidate)
        self.n_found += found is not None
        return found

    def _is_worth_it(self) -> bool:
        self._n_seen += 1
        return (
            self.n_checked < N_FIRST
            or self.n_found >= LEAST_SHARE * self.n_checked
            or self._n_seen % EVERY == 0
        )

    async def _recognised(self, candidate: Candidate) -> tuple[RejectionReason, str] | None:
        try:
            response = await self._client.get(candidate.thumbnail_url, max_bytes=MAX_BYTES)
            if placeholders.is_known(response.url):
                return "placeholder", f"Its thumbnail leads to {response.url}."
            pending = self._decoder.submit(functools.partial(bytes, response.body))
            inspected: Inspection = await anyio.to_thread.run_sync(pending.result)
        except (NotFetched, UrlRefused, UnreadableImage):
            return None  # The photo itself may still be there.
        self._load()
        digest = self._alike(inspected, candidate.label)
        return ("near_duplicate", f"Its thumbnail looks like the image {digest}.") if digest else None

    def _load(self) -> None:
        """Read the images that came since the last time."""
        rows = self._workspace.query(
            "SELECT i.id, i.digest, i.phash, i.dhash, c.name FROM image i JOIN image_state s"
            " ON s.image_id = i.id JOIN class c ON c.id = s.class_id WHERE i.id > ? ORDER BY i.id",
            (self._after,),
        )
        if not rows:
            return
        self._after = rows[-1]["id"]
        new = hashes.unpack((bytes.fromhex(row["phash"] + row["dhash"]) for row in rows), n_hashes=1)
        self._hashes = np.concatenate([self._hashes, new[:, 0]])
        self._labels += [row["name"] for row in rows]
        self._digests += [row["digest"] for row in rows]

    def _alike(self, inspected: Inspection, label: str | None) -> str:
        """Return the digest of an image of the class that looks the same; '' = there is none."""
        wanted = hashes.unpack([bytes.fromhex(inspected.phash + inspected.dhash)], n_hashes=1)[0, 0]
        bits = np.bitwise_count(self._hashes ^ wanted).sum(axis=1)
        near = np.flatnonzero(bits <= MAX_BITS)
        return next((self._digests[n] for n in near if label is None or self._labels[n] == label), "")

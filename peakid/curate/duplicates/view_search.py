"""Propose copies that hashes miss: views find candidates, keypoints and an aligned comparison decide."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from peakid import progress_text
from peakid.curate.duplicates import find, proposals, view_candidates
from peakid.curate.duplicates.proposals import Proposal, Strength
from peakid.embed import stored
from peakid.errors import PeakidError
from peakid.imaging import inspection, overlay, views
from peakid.imaging.overlay import Overlay
from peakid.records import Report, no_report
from peakid.store import images
from peakid.store.workspace import Workspace

RULES = 1  # Another version of the views, the candidates or the limits below compares all images again.
# Limits chosen on half of the photos of bench/augmented.py; RESULTS.md has the figures of the other half. Two
# photos of one mountain from one place had 70 matches and an agreement of .73.
STRONG_MATCHES, STRONG_AGREEMENT = 12, 0.75
PROPOSED_MATCHES, PROPOSED_AGREEMENT = 8, 0.45
CHUNK = 64  # Images compared between two writes.
SECONDS_PER_IMAGE = 0.2  # With the embedding of the views, on one of two shared cores: bench/augmented.py.
N_CACHED = 1024  # Pictures with their keypoints, 150 KB each.


@dataclass(frozen=True)
class ViewReport:
    """What a search for copies by views found.

    Attributes:
        n_compared: Images that were compared with all others this time.
        n_pairs: Pairs whose keypoints were compared.
        n_strong, n_proposed: New pairs of each strength.
    """

    n_compared: int = 0
    n_pairs: int = 0
    n_strong: int = 0
    n_proposed: int = 0
    seconds: float = 0.0


def search(
    workspace: Workspace,
    set_id: int,
    *,
    report: Report = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> ViewReport:
    """Compare every image that was not compared yet by its views with all images, and store proposals.

    Images that share a group by their hashes are not compared: they are known. A stopped search continues
    where it stopped.

    Args:
        set_id: The set of views, with a row of every image that is compared.
    """
    started = time.monotonic()
    held = stored.load(workspace, set_id)
    ids = held.image_ids
    done = proposals.compared(workspace, set_id=set_id, rules=RULES)
    new = [row for row, image_id in enumerate(ids.tolist()) if image_id not in done]
    seen = held.features.reshape(len(ids), len(views.NAMES), -1)
    vectors = view_candidates.projected(seen, views.BASE) if new else np.zeros((0, 0, 0), np.float16)
    comparing = _Comparing(workspace, ids)
    counts = {"strong": 0, "proposed": 0}
    n_compared = 0
    for begin in range(0, len(new), CHUNK):
        if should_stop():
            break
        rows = new[begin : begin + CHUNK]
        found = comparing.proposals(vectors, rows)
        compared = [int(ids[row]) for row in rows]
        proposals.write(workspace, found, compared, set_id=set_id, rules=RULES)
        n_compared += len(rows)
        for each in found:
            counts[each.strength] += 1
        counted = progress_text.counted(n_compared, len(new), "images")
        report("Comparing views", n_compared, len(new), counted)
    return ViewReport(
        n_compared=n_compared,
        n_pairs=comparing.n_pairs,
        n_strong=counts["strong"],
        n_proposed=counts["proposed"],
        seconds=time.monotonic() - started,
    )


def strength_of(found: Overlay) -> Strength | None:
    """Return what an overlay of two pictures says; None where they are not proposed as copies."""
    if found.n_matches >= STRONG_MATCHES and found.agreement >= STRONG_AGREEMENT:
        return "strong"
    if found.n_matches >= PROPOSED_MATCHES and found.agreement >= PROPOSED_AGREEMENT:
        return "proposed"
    return None


class _Comparing:
    """Compares the pictures of candidates, each pair once."""

    def __init__(self, workspace: Workspace, ids: np.ndarray) -> None:
        self._workspace, self._ids = workspace, ids
        rows = workspace.query("SELECT id, digest FROM image")
        self._digests = {row["id"]: row["digest"] for row in rows}
        groups = find.groups(workspace)
        numbers = {key: n for n, key in enumerate(sorted(set(groups.values())))}
        keys = [groups.get(self._digests[image_id]) for image_id in ids.tolist()]
        # An image that was forgotten meanwhile is in no group.
        self._groups = np.array(
            [-1 - n if key is None else numbers[key] for n, key in enumerate(keys)], dtype=np.int64
        )
        self._seen: set[tuple[int, int]] = set()
        self._picture = functools.lru_cache(N_CACHED)(self._read)

    @property
    def n_pairs(self) -> int:
        return len(self._seen)

    def proposals(self, vectors: np.ndarray, rows: Sequence[int]) -> list[Proposal]:
        """Return the new proposals of some rows with any image."""
        found = []
        candidates = view_candidates.nearest(vectors, rows, base=views.BASE, groups=self._groups)
        for row, others, similarities in candidates:
            for other, similarity in zip(others.tolist(), similarities.tolist(), strict=True):
                pair = (min(row, other), max(row, other))  # Ids ascend with rows.
                if pair not in self._seen:
                    self._seen.add(pair)
                    proposal = self._proposal(*pair, similarity)
                    found += [] if proposal is None else [proposal]
        return found

    def _proposal(self, row: int, other: int, similarity: float) -> Proposal | None:
        a, b = self._picture(row), self._picture(other)
        laid = None if a is None or b is None else overlay.between(a, b)
        strength = None if laid is None else strength_of(laid)
        if laid is None or strength is None:
            return None
        return Proposal(
            pair=(int(self._ids[row]), int(self._ids[other])),
            strength=strength,
            similarity=similarity,
            n_matches=laid.n_matches,
            agreement=laid.agreement,
            overlap=laid.overlap,
            matrix=tuple(tuple(each) for each in laid.matrix.tolist()),
        )

    def _read(self, row: int) -> overlay.Picture | None:
        digest = self._digests[int(self._ids[row])]
        try:
            return overlay.Picture.of(inspection.grey_thumbnail(images.thumbnail(self._workspace, digest)))
        except PeakidError:  # The file was moved, or the thumbnail is damaged.
            return None

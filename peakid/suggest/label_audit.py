"""Read what was said about labels in audits and in ranked order, and say how many label errors remain."""

import numpy as np

from peakid.curate.queues import audits
from peakid.store.workspace import Workspace
from peakid.suggest import remaining
from peakid.suggest.remaining import NOT_JUDGED, Labels, Remaining

_LEAST_KNOWN = 0.9  # Share of the audit whose label quality must be known; else the model is not used.
_NO_MODEL = 0.5

_OF_NEWEST = "(SELECT id FROM snapshot ORDER BY frozen_at DESC, id DESC LIMIT 1)"
_IS_TEST = (
    "EXISTS (SELECT 1 FROM snapshot_item t WHERE t.image_id = s.image_id AND t.split = 'test'"
    f" AND t.snapshot_id = {_OF_NEWEST})"
)
_LEFT = (
    f"SELECT g.label_quality AS quality, {NOT_JUDGED} AS judgement, 0 AS is_audit,"
    f" {_IS_TEST} AS is_test FROM image_state s CROSS JOIN class c ON c.id = s.class_id"
    " LEFT JOIN suggestion g ON g.image_id = s.image_id AND g.given_class_id = s.class_id"
    " WHERE s.verdict = 'label' AND s.is_reviewed = 0 AND c.is_retired = 0"
)
# The first check of an image tells what the label was; its state tells what a person made of it in the end. A
# check that was undone, or ended in a flag, is not reviewed: the image is left, or its label is not known.
_CHECKED = (
    "SELECT k.label_quality AS quality,"
    " s.verdict <> 'label' OR s.class_id <> COALESCE(c.merged_into_id, c.id) AS judgement,"
    " k.queue GLOB 'audit:*' AS is_audit, 0 AS is_test"
    " FROM label_check k JOIN image_state s ON s.image_id = k.image_id"
    " JOIN class c ON c.id = k.given_class_id"
    " WHERE s.is_reviewed = 1 AND k.decision_id = (SELECT MIN(f.decision_id) FROM label_check f"
    " WHERE f.image_id = k.image_id)"
)


def read(workspace: Workspace, *, reviewer_error: float = 0.0) -> Remaining:
    """Return how many label errors remain among the labels that no person has reviewed.

    Args:
        reviewer_error: As in `remaining.estimate`.
    """
    return remaining.estimate(labels(workspace), reviewer_error=reviewer_error)


def labels(workspace: Workspace) -> Labels:
    """Return the labels that are left, those of audits, and those that were judged in ranked order."""
    rows = [*workspace.query(_LEFT), *workspace.query(_CHECKED)]
    # None becomes NaN. All columns at once: each pass over a hundred thousand rows takes a while.
    table = np.array([tuple(row) for row in rows], dtype=np.float64).reshape(-1, 4)
    is_audit = table[:, 2] == 1
    row = workspace.one(
        f"SELECT COUNT(*) AS n FROM snapshot_item WHERE split = 'test' AND snapshot_id = {_OF_NEWEST}"
    )
    return Labels(
        doubt=_doubt(table[:, 0], is_audit),
        judgement=table[:, 1].astype(np.int8),
        is_audit=is_audit,
        is_test=table[:, 3] == 1,
        n_test=row["n"] if row else 0,
    )


def sample_queue(workspace: Workspace, found: Remaining) -> str:
    """Return the queue of the random sample to judge next: the one so far and `n_to_audit` more labels."""
    row = workspace.query(
        "SELECT COUNT(DISTINCT k.image_id) AS n FROM label_check k"
        " JOIN image_state s ON s.image_id = k.image_id WHERE s.judged_in GLOB 'audit:labels:*'"
    )[0]
    return audits.labels_queue(row["n"] + found.n_to_audit)


def text(found: Remaining) -> str:
    """Return the estimate as sentences for people."""
    n_left = f"{found.n_left:,} label{'s' if found.n_left != 1 else ''}"
    if not found.n_left:
        return "A person has reviewed every label."
    if found.interval is None or found.expected_in_next is None:
        so_far = f" {found.n_audited} of them are judged." if found.n_audited else ""
        return (
            f"How many of {n_left} without review are wrong is not known yet: it takes a random sample of"
            f" {found.n_audited + found.n_to_audit}.{so_far}"
        )
    low, high = found.interval
    coming = found.expected_in_next
    errors = (
        f"About {found.n_expected:,} ({low:,} to {high:,}) label errors remain in {n_left} without review"
    )
    if not found.n_expected:
        errors = f"Perhaps no label error (0 to {high:,}) remains in {n_left} without review"
    sentences = [f"{errors}; the next {coming.n} looks should find {coming.found}."]
    if found.test_shift is not None:
        points = max(0.1, 100 * found.test_shift)
        sentences.append(f"Correcting them would move the test accuracy by less than {points:.1f} points.")
    if found.is_wide:
        sentences.append(f"A random sample of {found.n_audited} is too small to say it more exactly.")
    return " ".join(sentences)


def _doubt(quality: np.ndarray, is_audit: np.ndarray) -> np.ndarray:
    """Return the doubt about each label, the same for all where a part of the audit has no label quality."""
    is_known = ~np.isnan(quality)
    if not is_known.any() or (is_audit.any() and is_known[is_audit].mean() < _LEAST_KNOWN):
        return np.full(len(quality), _NO_MODEL)
    return 1 - np.where(is_known, quality, np.median(quality[is_known]))

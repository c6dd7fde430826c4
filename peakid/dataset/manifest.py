"""The manifest of a snapshot, from which its digest is computed: class names and one line for each image."""

import hashlib
from collections.abc import Iterable, Sequence

from peakid.records import SnapshotItem


def text(class_names: Sequence[str], items: Iterable[SnapshotItem]) -> str:
    """Return the manifest: sorted class names, then `digest label split group_key` by digest, tab-separated.

    Name, seed and time are left out, so that the same content frozen twice is one snapshot. Neither class
    names nor digests contain tabs or line breaks, so different snapshots have different manifests.
    """
    lines = [f"class\t{name}" for name in sorted(class_names)]
    lines += [
        f"image\t{item.digest}\t{item.label}\t{item.split}\t{item.group_key}"
        for item in sorted(items, key=lambda item: item.digest)
    ]
    return "\n".join(lines) + "\n"


def digest(class_names: Sequence[str], items: Iterable[SnapshotItem]) -> str:
    """Return the digest of a snapshot: SHA-256 of its manifest, 64 hex digits."""
    return hashlib.sha256(text(class_names, items).encode()).hexdigest()

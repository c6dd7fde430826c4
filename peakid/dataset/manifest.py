"""What a snapshot's digest is taken of: its class names and one line for every image."""

import hashlib
from collections.abc import Iterable, Sequence

from peakid.records import SnapshotItem


def text(class_names: Sequence[str], items: Iterable[SnapshotItem]) -> str:
    """Write the manifest: class names in order, then `digest label split group_key` by digest, parted by tabs.

    Name, seed and time stay outside, so that the same content frozen twice is one snapshot. Neither a class
    name nor a digest can hold a tab or a line break, so two different snapshots never give one text.
    """
    lines = [f"class\t{name}" for name in sorted(class_names)]
    lines += [
        f"image\t{item.digest}\t{item.label}\t{item.split}\t{item.group_key}"
        for item in sorted(items, key=lambda item: item.digest)
    ]
    return "\n".join(lines) + "\n"


def digest(class_names: Sequence[str], items: Iterable[SnapshotItem]) -> str:
    """Name a snapshot: SHA-256 of its manifest, 64 hex digits."""
    return hashlib.sha256(text(class_names, items).encode()).hexdigest()

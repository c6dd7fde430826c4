"""Results of shards as one file: arrays, with JSON beside them."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from peakid.serve.albums.photos import FileFacts, PredictedPhoto, Unreadable


def packed(facts: object, **arrays: np.ndarray) -> bytes:
    """Return arrays and JSON as one file."""
    out = io.BytesIO()
    text = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    np.savez(out, allow_pickle=False, facts=text, **arrays)
    return out.getvalue()


def unpacked(data: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    """Return what `packed` was given."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    return json.loads(arrays.pop("facts").tobytes()), arrays


def packed_photos(batches: Iterator[tuple[list[PredictedPhoto], list[Unreadable]]]) -> bytes:
    """Return predicted photos as one file, for a worker to send."""
    read: list[PredictedPhoto] = []
    unreadable: list[Unreadable] = []
    for some, failed in batches:
        read += some
        unreadable += failed
    facts = {
        "photos": [
            [
                each.path,
                each.facts.n_bytes,
                each.facts.modified_ns,
                each.has_detail,
                each.is_unfamiliar,
                len(each.thumbnail),
            ]
            for each in read
        ],
        "unreadable": [[each.path, each.reason] for each in unreadable],
    }
    return packed(
        facts,
        probabilities=np.array([each.probabilities for each in read], dtype=np.float32),
        hashes=np.array([each.hashes for each in read], dtype=np.uint64),
        thumbnails=np.frombuffer(b"".join(each.thumbnail for each in read), dtype=np.uint8),
    )


def unpacked_photos(data: bytes) -> tuple[list[PredictedPhoto], list[Unreadable]]:
    """Return what `packed_photos` was given."""
    facts, arrays = unpacked(data)
    thumbnails, at, found = arrays["thumbnails"].tobytes(), 0, []
    for row, (path, n_bytes, modified_ns, has_detail, is_unfamiliar, size) in enumerate(facts["photos"]):
        found.append(
            PredictedPhoto(
                path,
                FileFacts(n_bytes, modified_ns),
                arrays["probabilities"][row],
                arrays["hashes"][row],
                has_detail,
                is_unfamiliar,
                thumbnails[at : at + size],
            )
        )
        at += size
    return found, [Unreadable(*each) for each in facts["unreadable"]]

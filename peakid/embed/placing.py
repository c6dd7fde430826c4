"""Place all images of a set on a layout that was computed of a sample of them.

The principal components of the sample place every image. UMAP places only what it was fitted to: any other
image goes to the middle of the images of the sample that are nearest to it.
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from peakid import progress_text
from peakid.embed import layouts, neighbours, places, projection, stored
from peakid.embed.index import shard_files
from peakid.embed.layouts import Layout
from peakid.embed.places import Points
from peakid.records import Report, no_report
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from usearch.index import Index

PHASE = "Placing images"
N_NEAR = 5  # The median of their places: an image between two groups goes to one of them.
_BLOCK = 4_096  # Images placed at once: 21 MB as float32 at 1,280 dimensions.

Place = Callable[[np.ndarray], np.ndarray]
"""Embeddings of shape (n, C) -> float32 of shape (n, 2), in -1 to 1."""


def place_all(workspace: Workspace, layout: Layout, *, report: Report = no_report) -> Layout:
    """Give every image of a set a place; those of the sample keep theirs. Return the layout as it is then."""
    ids, rows = stored.rows(workspace, layout.set_id)
    vectors = stored.vectors(workspace, layout.set_id)
    sample = layouts.points(workspace, layout.layout_id)
    at = np.searchsorted(ids, sample.image_ids)
    there = at < len(ids)
    at, sample = at[there], sample.take(there)
    features = vectors[rows[at]]
    place = _by_components(features) if layout.method == "pca" else _by_neighbours(features, sample.xy)
    xy = np.empty((len(ids), 2), dtype=np.float32)
    for first in range(0, len(ids), _BLOCK):
        report(PHASE, first, len(ids), progress_text.counted(first, len(ids), "images"))
        xy[first : first + _BLOCK] = place(vectors[rows[first : first + _BLOCK]])
    xy[at] = sample.xy
    places.write(workspace, layout.layout_id, layout.made_at, Points(ids, xy))
    return layouts.show(workspace, layout.layout_id)


def _by_components(sample: np.ndarray) -> Place:
    fitted = projection.fit(sample, 2)
    scaling = projection.scaling(fitted.of(sample))
    return lambda features: scaling.of(fitted.of(features))


def _by_neighbours(sample: np.ndarray, xy: np.ndarray) -> Place:
    """Place images by the images of a sample, in fewer dimensions."""
    fitted = projection.fit(sample, projection.N_COMPONENTS)
    reduced = fitted.of(sample)
    n_near = min(N_NEAR, len(sample))
    find = _with_usearch(reduced, n_near) if shard_files.is_installed() else _comparing(reduced, n_near)
    return lambda features: np.median(xy[find(fitted.of(features))], axis=1)


def _with_usearch(reduced: np.ndarray, n_near: int) -> Place:
    index: Index = importlib.import_module("usearch.index").Index(
        ndim=reduced.shape[1], metric="l2sq", dtype="f16"
    )
    index.add(np.arange(len(reduced)), reduced)
    return lambda wanted: np.atleast_2d(index.search(wanted, n_near).keys).astype(np.int64)


def _comparing(reduced: np.ndarray, n_near: int) -> Place:
    return lambda wanted: neighbours.nearest(reduced, wanted, n_near).indices

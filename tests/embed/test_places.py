"""Places of more images than a map draws: by components or by neighbours, in sight, and forgotten."""

import numpy as np
import pytest

from peakid.embed import layouts, places, placing, projection, stored
from peakid.embed.index import shard_files
from peakid.embed.places import Points
from peakid.keep import forget
from tests import planted_embeddings


@pytest.fixture
def twelve(workspace, fill, monkeypatch):
    """Twelve images in two groups, of which a map draws six."""
    monkeypatch.setattr(layouts, "MOST_POINTS", 6)
    rng = np.random.default_rng(0)
    rows = [[1 if n % 2 else -1, 0, *rng.normal(scale=0.2, size=3)] for n in range(12)]
    return planted_embeddings.plant(workspace, dict(zip(fill(river=12), rows, strict=True)))


def test_every_image_gets_a_place_and_those_of_the_sample_keep_theirs(workspace, twelve):
    before = layouts.pca(workspace, twelve.set_id)
    assert (before.n_images, before.n_placed, before.n_without_place) == (6, 6, 6)
    after = placing.place_all(workspace, before)
    assert (after.n_images, after.n_placed, after.n_without_place) == (6, 12, 0)
    assert after.key != before.key
    sample, everywhere = layouts.points(workspace, after.layout_id), layouts.all_points(workspace, after)
    assert everywhere.image_ids.tolist() == list(range(1, 13))
    at = np.searchsorted(everywhere.image_ids, sample.image_ids)
    assert np.array_equal(everywhere.xy[at], sample.xy)
    # The groups are apart along the first component: the odd ids on one side.
    sides = np.sign(everywhere.xy[:, 0] - np.median(everywhere.xy[:, 0]))
    assert len(set(sides[::2])) == len(set(sides[1::2])) == 1
    assert sides[0] != sides[1]


@pytest.mark.parametrize("is_installed", [True, False])
def test_umap_places_the_others_beside_those_they_resemble(workspace, twelve, monkeypatch, is_installed):
    monkeypatch.setattr(shard_files, "is_installed", lambda: is_installed)
    monkeypatch.setattr(projection, "has_umap", lambda: True)
    monkeypatch.setattr(projection, "umap", lambda features, report: np.sign(features[:][:, :2]).astype("f4"))
    monkeypatch.setattr(placing, "N_NEAR", 1)
    found = layouts.all_points(
        workspace, placing.place_all(workspace, layouts.make(workspace, twelve.set_id, "umap"))
    )
    xs = found.xy[:, 0]
    assert (xs[::2] == xs[0]).all()
    assert (xs[1::2] == xs[1]).all()
    assert xs[0] != xs[1]


def test_in_sight_are_all_images_of_a_part_as_far_as_they_are_drawn(workspace, twelve):
    layout = placing.place_all(workspace, layouts.pca(workspace, twelve.set_id))
    whole, n = layouts.in_sight(workspace, layout)
    assert (len(whole.image_ids), n) == (6, 12)
    everywhere = layouts.all_points(workspace, layout)
    right = everywhere.image_ids[everywhere.xy[:, 0] > 0].tolist()
    part, n = layouts.in_sight(workspace, layout, (0, -1, 1, 1))
    assert (part.image_ids.tolist(), n) == (right, len(right))
    part, n = layouts.in_sight(workspace, layout, (-1, -1, 1, 1))
    assert (len(part.image_ids), n) == (6, 12)  # As many as are drawn at once.
    missing = next(each for each in range(1, 13) if each not in whole.image_ids)
    assert missing in layouts.in_sight(workspace, layout, shown=[missing])[0].image_ids


def test_of_a_part_the_same_images_are_drawn_as_of_the_whole():
    points = Points(np.arange(1, 1001), np.linspace(-1, 1, 2000, dtype=np.float32).reshape(-1, 2))
    whole = places.drawn(points, 100).image_ids.tolist()
    half = places.drawn(points.take(points.image_ids <= 500), 100).image_ids.tolist()
    assert len(whole) == len(half) == 100
    assert whole == sorted(whole)
    assert {each for each in whole if each <= 500} <= set(half)


def test_a_forgotten_image_has_no_place(workspace, twelve):
    layout = placing.place_all(workspace, layouts.pca(workspace, twelve.set_id))
    digest = workspace.one("SELECT digest FROM image WHERE id = 3")["digest"]
    forget.forget(workspace, digest, actor="human:anna")
    layout = layouts.show(workspace, layout.layout_id)
    assert 3 not in layouts.all_points(workspace, layout).image_ids
    assert 3 not in layouts.in_sight(workspace, layout, (-1, -1, 1, 1), shown=[3])[0].image_ids
    assert layout.n_without_place == 0


def test_places_of_an_earlier_layout_are_not_read_and_removed(workspace, twelve):
    layout = placing.place_all(workspace, layouts.pca(workspace, twelve.set_id))
    (file,) = (stored.folder(workspace) / "map").iterdir()
    again = layouts.make(workspace, twelve.set_id, "pca")
    assert (again.n_placed, again.layout_id) == (6, layout.layout_id)
    placing.place_all(workspace, again)
    (other,) = (stored.folder(workspace) / "map").iterdir()
    assert file != other

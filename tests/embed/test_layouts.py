"""Layouts: stored by set and method, made anew when images are added, without points of forgotten images."""

import numpy as np
import pytest

from peakid.embed import layouts, projection, stored
from peakid.errors import NotFound
from peakid.keep import forget
from tests import planted_embeddings


@pytest.fixture
def four(workspace, plant):
    """Images a-d, of which a and b are alike, and c and d."""
    digests = plant({"a": "dom", "b": "dom", "c": "eiger", "d": "eiger"})
    places = {"a": [1, 0, 0.1], "b": [1, 0.1, 0], "c": [-1, 0, 0.1], "d": [-1, 0.1, 0]}
    planted_embeddings.plant(workspace, {digests[name]: place for name, place in places.items()})
    return digests


def test_the_map_has_every_image_with_an_embedding_and_those_alike_are_beside_each_other(workspace, four):
    layout = layouts.pca(workspace, stored.find(workspace).set_id)
    found = layouts.points(workspace, layout.layout_id)
    assert (layout.n_images, layout.n_missing, layout.is_outdated) == (4, 0, False)
    assert found.image_ids.tolist() == [1, 2, 3, 4]
    x = found.xy[:, 0]
    assert abs(x[0] - x[1]) < 0.2 < abs(x[0] - x[2])
    assert found.xy.dtype == np.float32


def test_a_layout_is_stored_and_not_computed_twice(workspace, four, monkeypatch):
    set_id = stored.find(workspace).set_id
    first = layouts.pca(workspace, set_id)
    monkeypatch.setattr(projection, "pca", lambda *_: pytest.fail("computed again"))
    assert layouts.pca(workspace, set_id) == first


def test_the_map_is_made_anew_when_images_are_added(workspace, four, plant):
    set_id = stored.find(workspace).set_id
    before = layouts.pca(workspace, set_id)
    digest = plant({"e": "dom"})["e"]
    planted_embeddings.plant(workspace, {digest: [0, 0, 1]})
    outdated = layouts.find(workspace, set_id, "pca")
    assert (outdated.n_missing, outdated.is_outdated) == (1, True)
    after = layouts.pca(workspace, set_id)
    assert (after.n_images, after.layout_id) == (5, before.layout_id)
    assert after.key != before.key


def test_embeddings_that_were_computed_anew_give_another_map(workspace, four):
    set_id = stored.find(workspace).set_id
    layouts.pca(workspace, set_id)
    workspace.connection().execute("UPDATE embedding_set SET file = 'other.f16'")
    assert layouts.find(workspace, set_id, "pca").is_outdated


def test_a_forgotten_image_has_no_point(workspace, four):
    set_id = stored.find(workspace).set_id
    key = layouts.pca(workspace, set_id).key
    forget.forget(workspace, four["b"], actor="human:anna")
    layout = layouts.find(workspace, set_id, "pca")
    assert layouts.points(workspace, layout.layout_id).image_ids.tolist() == [1, 3, 4]
    assert not layout.is_outdated
    assert layout.key != key


def test_of_too_many_images_a_random_sample_is_on_the_map(workspace, four, monkeypatch):
    monkeypatch.setattr(layouts, "MOST_POINTS", 3)
    layout = layouts.pca(workspace, stored.find(workspace).set_id)
    assert (layout.n_images, layout.n_embedded, layout.is_outdated) == (3, 4, False)


def test_a_box_finds_the_images_inside_it(workspace, four):
    points = layouts.Points(np.array([3, 5, 9]), np.array([[0, 0], [0.5, 0.5], [1, -1]], np.float32))
    assert layouts.inside(points, (0, -1, 1, 0)) == [3, 9]
    assert layouts.inside(points, (-1, -1, 1, 1)) == [3, 5, 9]
    assert layouts.inside(points, (-1, -1, -0.5, 1)) == []


def test_an_unknown_layout_is_not_found(workspace):
    with pytest.raises(NotFound):
        layouts.show(workspace, 7)


def test_many_points_are_read_in_one_piece_until_one_comes_or_goes(workspace, four, monkeypatch):
    monkeypatch.setattr(layouts, "_LEAST_PACKED", 4)
    layout_id = layouts.pca(workspace, stored.find(workspace).set_id).layout_id
    from_rows = layouts._rows(workspace.connection(), layout_id)
    monkeypatch.setattr(layouts, "_rows", lambda *_: pytest.fail("read row by row"))
    packed = layouts.points(workspace, layout_id)
    monkeypatch.undo()
    assert np.array_equal(packed.image_ids, from_rows.image_ids)
    assert np.array_equal(packed.xy, from_rows.xy)
    forget.forget(workspace, four["b"], actor="human:anna")
    assert workspace.one("SELECT 1 FROM map_packed") is None
    assert layouts.points(workspace, layout_id).image_ids.tolist() == [1, 3, 4]
    monkeypatch.setattr(layouts, "_LEAST_PACKED", 3)
    assert layouts.points(workspace, layout_id).image_ids.tolist() == [1, 3, 4]
    assert workspace.one("SELECT 1 FROM map_packed")
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO map_point VALUES (2, ?, 0, 0)", (layout_id,))
    assert layouts.points(workspace, layout_id).image_ids.tolist() == [1, 2, 3, 4]


def test_points_that_cannot_be_packed_are_read_from_their_rows(workspace, four, monkeypatch):
    layout_id = layouts.pca(workspace, stored.find(workspace).set_id).layout_id
    monkeypatch.setattr(layouts, "_LEAST_PACKED", 1)
    connection = workspace.connection()
    size = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {size}")  # As on a full disk.
    monkeypatch.setattr(layouts.places, "packed", lambda _: bytes(10**6))
    assert layouts.points(workspace, layout_id).image_ids.tolist() == [1, 2, 3, 4]
    assert workspace.one("SELECT 1 FROM map_packed") is None


def test_a_layout_of_a_workspace_that_is_only_read_is_not_packed(workspace, four, monkeypatch):
    layout_id = layouts.pca(workspace, stored.find(workspace).set_id).layout_id
    monkeypatch.setattr(layouts, "_LEAST_PACKED", 1)
    monkeypatch.setattr(workspace, "is_read_only", True)
    assert len(layouts.points(workspace, layout_id).image_ids) == 4
    assert workspace.one("SELECT 1 FROM map_packed") is None

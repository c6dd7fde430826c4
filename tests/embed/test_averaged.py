"""Sets of means over several views: what they are beside, and when the live head uses them."""

import numpy as np
import pytest

from peakid.embed import averaged, stored
from peakid.errors import BadInput

KEY = {"size_px": 160, "weights_sha256": "ab", "n_dimensions": 2}


def plain(workspace, n, *, backbone="lite", value=1.0):
    return _given(workspace, stored.create(workspace, backbone, **KEY), n, value)


def means(workspace, n, *, backbone="lite", n_views=2, value=2.0):
    return _given(
        workspace,
        stored.create(workspace, averaged.name(backbone, n_views), n_views=n_views, **KEY),
        n,
        value,
    )


def _given(workspace, made, n, value):
    ids = [image_id for image_id, _ in stored.missing(workspace, made.set_id)][:n]
    stored.add(workspace, made.set_id, ids, np.full((len(ids), 2), value))
    return stored.show(workspace, made.set_id)


def test_the_means_of_each_number_of_views_are_a_set_of_their_own(workspace, fill):
    fill(river=3)
    one, two, four = plain(workspace, 3), means(workspace, 3), means(workspace, 1, n_views=4)
    assert len({one.set_id, two.set_id, four.set_id}) == 3
    assert [each.n_views for each in averaged.beside(workspace, one)] == [4, 2]
    assert {averaged.backbone_of(each) for each in (one, two, four)} == {"lite"}
    assert [each.set_id for each in stored.sets(workspace)] == [one.set_id]  # Searches use it, as before.
    with pytest.raises(BadInput, match="have 2 dimensions, not 3"):
        stored.create(workspace, averaged.name("lite", 2), n_views=2, **(KEY | {"n_dimensions": 3}))


def test_the_head_uses_means_once_they_are_of_all_images(workspace, fill):
    fill(river=3)
    one = plain(workspace, 3)
    assert averaged.of_head(workspace, one) == one
    means(workspace, 2)
    assert averaged.of_head(workspace, one) == one
    two = means(workspace, 1)
    assert averaged.of_head(workspace, one).set_id == two.set_id
    fill(sea=1)  # Its embedding comes first, and its means later.
    one = plain(workspace, 1)
    assert averaged.of_head(workspace, one) == one
    means(workspace, 1)
    assert averaged.of_head(workspace, one).set_id == two.set_id


def test_an_image_whose_file_was_lost_meanwhile_does_not_keep_the_head_from_the_means(workspace, fill):
    fill(river=3)
    one, two = plain(workspace, 3), means(workspace, 2)
    assert averaged.of_head(workspace, one) == one
    ((image_id, _),) = stored.missing(workspace, two.set_id)
    stored.note_unread(workspace, {image_id: "The bytes are missing."})
    assert averaged.of_head(workspace, one).set_id == two.set_id


def test_using_the_embeddings_of_one_view_again_sets_the_means_aside(workspace, fill, monkeypatch):
    fill(river=2)
    one, two = plain(workspace, 2), means(workspace, 2)
    times = (f"2100-01-01T00:00:0{n}.000Z" for n in range(9))
    monkeypatch.setattr(stored, "now", lambda: next(times))
    assert averaged.of_head(workspace, stored.use(workspace, one.set_id)).set_id == one.set_id
    stored.use(workspace, two.set_id)
    assert averaged.of_head(workspace, one).set_id == two.set_id


def test_means_of_another_backbone_or_of_other_weights_are_not_used(workspace, fill):
    fill(river=2)
    one = plain(workspace, 2)
    means(workspace, 2, backbone="other")
    other = stored.create(workspace, averaged.name("lite", 2), n_views=2, **(KEY | {"weights_sha256": "cd"}))
    _given(workspace, other, 2, 1.0)
    assert averaged.beside(workspace, one) == []
    assert averaged.of_head(workspace, one) == one


def test_means_without_their_file_are_not_used(workspace, fill):
    fill(river=2)
    one, two = plain(workspace, 2), means(workspace, 2)
    stored.file_of(workspace, two.set_id).unlink()
    assert averaged.of_head(workspace, one) == one
    assert len(stored.missing(workspace, two.set_id)) == 2  # They are computed again.


def test_the_means_of_a_forgotten_image_are_overwritten(workspace, fill):
    digests = fill(river=2)
    plain(workspace, 2)
    two = means(workspace, 2)
    stored.erase(workspace, digests[0])
    assert stored.vectors(workspace, two.set_id).tolist() == [[0, 0], [2, 2]]

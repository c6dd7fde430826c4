"""Images in the order of their similarity to a picture."""

import numpy as np
import pytest

from peakid.curate import decisions
from peakid.curate.decisions import Choice
from peakid.curate.queues import review_queue
from peakid.embed import similar, stored
from peakid.errors import NoEmbeddings, NotFound
from peakid.keep import forget
from tests import planted_embeddings


@pytest.fixture
def digests(workspace, fill):
    found = fill(river=4, sea=2)
    vectors = [[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [-1, 0], [0.96, 0.28]]
    planted_embeddings.plant(workspace, dict(zip(found, vectors, strict=True)))
    return found


def in_order(workspace, digest):
    return similar.list_similar(workspace, similar.to_image(workspace, digest))


def test_the_most_similar_image_is_first_and_the_image_itself_is_left_out(workspace, digests):
    found = in_order(workspace, digests[0])
    assert [each.digest for each in found] == [digests[n] for n in (5, 1, 2, 3, 4)]
    assert [each.similarity for each in found] == pytest.approx([0.96, 0.8, 0.6, 0, -1], abs=1e-3)
    assert (found[0].label, found[0].path) == ("sea", "sea/001.jpg")


def test_the_queue_has_the_same_order_and_says_to_what_an_image_is_similar(workspace, digests):
    queue = f"similar:{digests[0]}"
    found = review_queue.page(workspace, queue)
    assert [item.digest for item in found] == [digests[n] for n in (5, 1, 2, 3, 4)]
    assert found[0].reason == "similarity 0.96 to 000.jpg"
    rest = review_queue.page(workspace, queue, after=found[1].cursor)
    assert [item.digest for item in rest] == [digests[n] for n in (2, 3, 4)]
    assert review_queue.count(workspace, queue) == 5


def test_an_image_judged_elsewhere_stays_in_the_queue_until_it_is_judged_there(workspace, digests):
    queue = f"similar:{digests[0]}"
    for basis, n_left in ({"queue": "worth"}, 5), ({"queue": queue}, 4):
        decisions.decide(
            workspace, [Choice(digests[5], "label", label="river", basis=basis)], actor="human:a"
        )
        assert review_queue.count(workspace, queue) == n_left


def test_a_list_is_renewed_when_images_were_embedded_since(workspace, digests, fill):
    first = similar.to_image(workspace, digests[0])
    assert similar.to_image(workspace, digests[0]) == first
    (new,) = fill(mountain=1)
    planted_embeddings.plant(workspace, {new: [1, 0]})
    assert in_order(workspace, digests[0])[0].digest == new


def test_a_picture_from_elsewhere_has_a_queue_too(workspace, digests):
    chosen = stored.find(workspace)
    list_id = similar.to_features(workspace, "f" * 64, "100 %.jpg", np.array([0, 2.0]), chosen)
    assert [each.digest for each in similar.list_similar(workspace, list_id, limit=1)] == [digests[3]]
    (item, *_) = review_queue.page(workspace, f"similar:{'f' * 64}")
    assert item.reason == "similarity 1.00 to 100 %.jpg"


def test_an_unknown_picture_has_no_queue(workspace, digests):
    for rest in ("0" * 64, "abc", "../x"):
        with pytest.raises(NotFound):
            review_queue.page(workspace, f"similar:{rest}")


def test_an_image_without_an_embedding_says_so(workspace, digests, fill):
    (new,) = fill(mountain=1)
    with pytest.raises(NoEmbeddings, match=r"mountain/000\.jpg has no embedding yet"):
        similar.to_image(workspace, new)


def test_only_the_newest_lists_are_kept(workspace, digests, monkeypatch):
    monkeypatch.setattr(similar, "MOST_LISTS", 2)
    for each in digests[:3]:
        similar.to_image(workspace, each)
    rows = workspace.query("SELECT digest FROM ranked_list ORDER BY id")
    assert [row["digest"] for row in rows] == digests[1:3]
    assert workspace.one("SELECT COUNT(DISTINCT list_id) FROM ranked_item")[0] == 2


def test_a_forgotten_image_leaves_every_list_and_takes_its_own(workspace, digests):
    similar.to_image(workspace, digests[0])
    other = similar.to_image(workspace, digests[1])
    forget.forget(workspace, digests[0], actor="human:a")
    assert digests[0] not in [each.digest for each in similar.list_similar(workspace, other)]
    assert [row["digest"] for row in workspace.query("SELECT digest FROM ranked_list")] == [digests[1]]
    assert workspace.one("SELECT COUNT(DISTINCT list_id) FROM ranked_item")[0] == 1

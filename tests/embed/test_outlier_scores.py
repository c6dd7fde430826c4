"""Outlier scores of a workspace follow its embeddings and labels."""

import numpy as np
import pytest

from peakid.curate import decisions
from peakid.curate.decisions import Choice
from peakid.curate.queues import review_queue
from peakid.embed import outlier_scores
from peakid.errors import NoEmbeddings, NotFound
from tests import planted_embeddings


@pytest.fixture
def digests(workspace, fill):
    """20 images of each class; the last of the sea is like nothing, the one before it is like a river."""
    found = fill(river=20, sea=20)
    random = np.random.default_rng(0)
    vectors = [[1, 0, 0] if n < 20 or n == 38 else [0, 0, 1] if n == 39 else [0, 1, 0] for n in range(40)]
    noisy = np.array(vectors) + random.normal(0, 0.03, (40, 3))
    planted_embeddings.plant(workspace, dict(zip(found, noisy.tolist(), strict=True)))
    return found


def test_the_strangest_image_is_first_with_what_it_was_compared_with(workspace, digests):
    assert outlier_scores.is_outdated(workspace)
    assert outlier_scores.refresh(workspace)
    assert not outlier_scores.is_outdated(workspace)
    found = outlier_scores.list_outliers(workspace, limit=3)
    assert (found[0].digest, found[0].label, found[0].is_outlier) == (digests[39], "sea", True)
    assert found[0].outlier_score < 0.2
    assert found[0].why.startswith("nearest is ")
    assert len(found) == 3
    assert len(outlier_scores.list_outliers(workspace)) == 40


def test_within_a_class_an_image_of_another_class_is_strange(workspace, digests):
    outlier_scores.refresh(workspace)
    found = outlier_scores.list_outliers(workspace, class_name="sea")
    assert len(found) == 20
    assert {each.digest for each in found[:2]} == {digests[38], digests[39]}
    wrong = next(each for each in found if each.digest == digests[38])
    assert "nearest is river at 0.9" in wrong.why or "nearest is river at 1.0" in wrong.why
    with pytest.raises(NotFound, match="no class 'see'") as error:
        outlier_scores.list_outliers(workspace, class_name="see")
    assert "'sea'" in error.value.remedy


def test_the_queue_gives_the_reason_and_a_judged_image_leaves_it(workspace, digests):
    outlier_scores.refresh(workspace)
    found = review_queue.page(workspace, "outliers")
    assert len(found) == 4  # A tenth of the images.
    assert found[0].digest == digests[39]
    assert found[0].reason.startswith("unlike every class: nearest is ")
    choice = Choice(digests[39], "exclude", reason="another subject", basis={"queue": "outliers"})
    decisions.decide(workspace, [choice], actor="human:a")
    assert digests[39] not in [item.digest for item in review_queue.page(workspace, "outliers")]


def test_the_queue_of_a_class_names_the_class_that_an_image_resembles(workspace, digests):
    outlier_scores.refresh(workspace)
    reasons = {item.digest: item.reason for item in review_queue.page(workspace, "outliers:sea")}
    assert reasons[digests[38]].startswith("unlike its class: ")
    assert "to the nearest sea; nearest is river at " in reasons[digests[38]]
    with pytest.raises(NotFound):
        review_queue.page(workspace, "outliers:see")


def test_an_image_that_looks_like_no_other_is_in_a_queue_of_its_own(workspace, digests):
    outlier_scores.refresh(workspace)
    (item,) = review_queue.page(workspace, "alone")
    assert item.digest == digests[39]
    assert item.reason.startswith("looks like nothing here: similarity ")


def test_scores_are_computed_again_only_after_a_change(workspace, digests):
    assert outlier_scores.refresh(workspace)
    assert not outlier_scores.refresh(workspace)
    decisions.decide(workspace, [Choice(digests[38], "label", label="river")], actor="human:a")
    assert outlier_scores.refresh(workspace)
    (corrected,) = [e for e in outlier_scores.list_outliers(workspace) if e.digest == digests[38]]
    assert corrected.label == "river"
    assert corrected.outlier_score > 0.9


def test_excluded_images_are_neither_scored_nor_compared_with(workspace, digests):
    excluded = [Choice(each, "exclude", reason="poor quality") for each in digests[20:38]]
    decisions.decide(workspace, excluded, actor="human:a")
    outlier_scores.refresh(workspace)
    assert {e.digest for e in outlier_scores.list_outliers(workspace)} == {*digests[:20], *digests[38:]}


def test_without_embeddings_there_is_nothing_to_compute(workspace, fill):
    fill(river=2)
    assert not outlier_scores.is_outdated(workspace)
    with pytest.raises(NoEmbeddings):
        outlier_scores.refresh(workspace)
    assert review_queue.page(workspace, "outliers") == []

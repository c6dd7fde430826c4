"""ImageNet classes of the images, from stored embeddings and the classifier of the backbone."""

import numpy as np
import pytest

from peakid.curate.queues import review_queue
from peakid.embed import relevance
from peakid.errors import BadInput, NoEmbeddings
from tests import planted_embeddings

ALP, VALLEY, ESPRESSO = (relevance.names().names.index(name) for name in ("alp", "valley", "espresso"))


@pytest.fixture
def digests(workspace, fill):
    """Two photos of alps, one of a valley, one of a cup, as a classifier of three dimensions sees them."""
    found = fill(mountain=4)
    vectors = [[9, 0, 0], [8, 1, 0], [0, 9, 0], [0, 0, 9]]
    chosen = planted_embeddings.plant(workspace, dict(zip(found, vectors, strict=True)))
    weight = np.zeros((1000, 3), np.float32)
    weight[ALP, 0] = weight[VALLEY, 1] = weight[ESPRESSO, 2] = 2
    relevance.save_classifier(workspace, chosen, weight, np.zeros(1000, np.float32))
    return found


def test_the_names_are_those_of_imagenet():
    assert len(set(relevance.names().names)) == relevance.N_CLASSES
    assert (ALP, relevance.names().names[0], relevance.names().names[999]) == (970, "tench", "toilet tissue")


def test_what_the_images_show_is_counted(workspace, digests):
    assert relevance.refresh(workspace)
    assert [(each.name, each.n_images) for each in relevance.seen(workspace)] == [
        ("alp", 2),
        ("espresso", 1),
        ("valley", 1),
    ]
    assert relevance.list_images(workspace) == []  # Nothing was chosen to be kept.
    assert review_queue.page(workspace, "irrelevant") == []


def test_the_image_that_shows_none_of_the_kept_classes_is_irrelevant(workspace, digests):
    relevance.refresh(workspace, keep=["alp", "Valley "])
    assert relevance.kept(workspace) == ("alp", "valley")
    found = relevance.list_images(workspace)
    assert [each.digest for each in found if each.is_irrelevant] == [digests[3]]
    assert found[0].imagenet_class == "espresso"
    # e^18 against 999 others with e^0.
    assert found[0].probability == pytest.approx(1 / (1 + 999 * np.exp(-18)), abs=1e-3)
    (item,) = review_queue.page(workspace, "irrelevant")
    assert item.digest == digests[3]
    assert item.reason == "ImageNet: espresso 99.9 %; kept classes together 0.1 %"


def test_other_classes_are_kept_without_naming_the_images_again(workspace, digests):
    relevance.refresh(workspace, keep=["alp", "valley"])
    assert not relevance.refresh(workspace)
    assert not relevance.refresh(workspace, keep=["valley", "alp"][::-1])
    assert relevance.refresh(workspace, keep=["espresso"])
    assert {e.digest for e in relevance.list_images(workspace) if e.is_irrelevant} == set(digests[:3])
    assert [each.name for each in relevance.seen(workspace) if each.is_kept] == ["espresso"]


def test_a_mistyped_class_is_answered_with_the_one_that_was_meant(workspace, digests):
    with pytest.raises(BadInput, match="no class 'vally'") as error:
        relevance.refresh(workspace, keep=["alp", "vally"])
    assert "'valley'" in error.value.remedy


def test_without_its_classifier_an_error_says_so(workspace, fill):
    (digest,) = fill(mountain=1)
    planted_embeddings.plant(workspace, {digest: [1, 0, 0]}, backbone="imported")
    with pytest.raises(NoEmbeddings, match="What imported sees"):
        relevance.refresh(workspace)

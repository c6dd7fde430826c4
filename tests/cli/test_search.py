"""The commands that search by meaning keep their JSON."""

import numpy as np
import pytest

from peakid.embed import relevance, stored
from tests import planted_embeddings

ALP = relevance.names().names.index("alp")
ESPRESSO = relevance.names().names.index("espresso")


@pytest.fixture
def digests(workspace, fill):
    """Twelve photos of each class in similar directions, except the last one."""
    found = fill(river=12, sea=12)
    vectors = [[np.cos(n / 100), np.sin(n / 100), 0] for n in range(23)]
    planted_embeddings.plant(workspace, dict(zip(found, [*vectors, [0, 0, 1]], strict=True)))
    return found


def test_similar_images_are_listed_by_digest_or_its_start(peakid, digests):
    found = peakid("similar", digests[0][:10], "--limit", 3, "--json").json
    assert [each["digest"] for each in found] == digests[1:4]
    assert found[0].keys() == {"digest", "path", "label", "similarity"}
    assert found[0]["similarity"] == pytest.approx(1, abs=1e-3)
    queue = peakid("queue", f"similar:{digests[0]}", "--limit", 3, "--json").json
    assert [each["digest"] for each in queue] == digests[1:4]
    assert digests[1][:12] in peakid("similar", digests[0]).out


def test_outliers_are_listed_strangest_first_also_within_a_class(peakid, digests):
    found = peakid("outliers", "--json").json
    assert len(found) == 24
    assert found[0]["digest"] == digests[23]
    assert {"digest", "path", "label", "outlier_score"} <= found[0].keys()
    assert (found[0]["outlier_score"], found[0]["is_outlier"]) == (0, True)
    assert len(peakid("outliers", "--class", "sea", "--limit", 5, "--json").json) == 5
    assert "Did you mean 'sea'?" in peakid("outliers", "--class", "see").err


def test_irrelevant_images_are_those_without_a_class_to_keep(peakid, workspace, digests):
    weight = np.zeros((1000, 3), np.float32)
    weight[ALP, :2], weight[ESPRESSO, 2] = 20, 20
    relevance.save_classifier(workspace, stored.find(workspace), weight, np.zeros(1000, np.float32))
    shown = peakid("relevance", "--json").json
    assert shown["kept"] == shown["images"] == []
    assert [(each["name"], each["n_images"]) for each in shown["seen"]] == [("alp", 23), ("espresso", 1)]
    kept = peakid("relevance", "--keep", "alp,cliff", "--json").json
    assert kept["kept"] == ["alp", "cliff"]
    assert [each["digest"] for each in kept["images"] if each["is_irrelevant"]] == [digests[23]]
    assert "espresso" in peakid("relevance").out
    assert "Did you mean 'cliff'" in peakid("relevance", "--keep", "clif").err


def test_without_embeddings_the_commands_say_how_to_compute_them(peakid, workspace, fill):
    (digest,) = fill(sea=1)
    for command in ("similar", digest), ("outliers",), ("relevance",):
        answer = peakid(*command)
        assert answer.code == 1
        assert "peakid" in answer.err
        assert " embed" in answer.err


def test_properties_that_predict_the_label_are_told(peakid, workspace, fill):
    fill(river=15, sea=15)
    found = peakid("shortcuts", "--json").json
    assert {"property", "is_shortcut", "accuracy", "majority", "p_value", "text"} <= found[0].keys()
    assert peakid("shortcuts").code == 0

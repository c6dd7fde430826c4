"""The menu "Find" of the Review page, and the test for shortcuts on the page of the classes."""

import numpy as np
import pytest

from peakid.embed import relevance
from peakid.jobs import queue
from tests import planted_embeddings


@pytest.fixture
def embedded(workspace, fill):
    """Twelve images of each class in similar directions, but the last one."""
    digests = fill(river=12, sea=12)
    vectors = [[np.cos(n / 100), np.sin(n / 100), 0] for n in range(23)]
    chosen = planted_embeddings.plant(workspace, dict(zip(digests, [*vectors, [0, 0, 1]], strict=True)))
    return digests, chosen


def test_without_embeddings_the_menu_leads_to_them(open_page, workspace, fill):
    fill(river=2)
    app = open_page("review", queue="all")
    assert "No image has one yet" in " ".join(each.value for each in app.markdown)
    assert app.button(key="find:embed").label == "Compute the embeddings"


def test_outliers_of_all_classes_or_of_one_are_opened(open_page, embedded):
    app = open_page("review", queue="all")
    app.button(key="find:outliers").click().run()
    assert app.query_params["queue"] == "outliers"
    assert app.button(key="find:outliers").label == "Outliers 5"
    app.selectbox(key="find:class").select("sea").run()
    assert app.query_params["queue"] == "outliers:sea"
    assert not app.exception


def test_the_classes_to_keep_are_chosen_from_what_the_images_show(open_page, workspace, embedded):
    digests, chosen = embedded
    app = open_page("review", queue="all")
    assert [each.key for each in app.button if each.key == "find:names"]  # Nothing was named yet.
    weight = np.zeros((1000, 3), np.float32)
    alp, espresso = (relevance.names().names.index(name) for name in ("alp", "espresso"))
    weight[alp, :2], weight[espresso, 2] = 20, 20
    relevance.save_classifier(workspace, chosen, weight, np.zeros(1000, np.float32))
    relevance.refresh(workspace)
    app = app.run()
    assert app.multiselect(key="find:kept").options[:3] == ["alp 23", "espresso 1", "tench"]
    app.multiselect(key="find:kept").select("alp").run()
    app.button(key="find:irrelevant").click().run()
    assert app.query_params["queue"] == "irrelevant"
    assert [each.digest for each in relevance.list_images(workspace) if each.is_irrelevant] == [digests[23]]


def test_naming_the_images_is_a_job(open_page, workspace, embedded, no_worker):
    app = open_page("review", queue="all")
    app.button(key="find:names").click().run()
    assert [job.kind for job in queue.list_active(workspace)] == ["name-images"]


def test_plain_properties_are_tested_on_the_page_of_the_classes(open_page, workspace, fill):
    fill(river=15, sea=15)
    app = open_page("classes")
    app.button(key="test shortcuts").click().run()
    assert not app.exception
    assert app.expander[-1].label == "All tested properties"
    assert "properties tells the class of 30 images" in " ".join(each.value for each in app.success)

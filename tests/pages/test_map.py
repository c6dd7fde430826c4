"""The map page without a browser: what it says where there is nothing to draw, and the address."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from peakid.embed import layouts, placing, projection, stored
from peakid.jobs import queue
from peakid.keep import forget
from peakid.store.workspace import Workspace
from tests import planted_embeddings


@pytest.fixture
def embedded(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> dict[str, str]:
    digests = plant({"a": "dom", "b": "dom", "c": "eiger", "d": None})
    vectors = {digest: [1.0, n / 3, -n / 3] for n, digest in enumerate(digests.values())}
    planted_embeddings.plant(workspace, vectors)
    return digests


def test_without_images_the_map_leads_to_the_import(
    open_page: Callable[..., AppTest], text_of: Callable[[AppTest], str]
) -> None:
    app = open_page("map")
    assert "There are no images yet" in text_of(app)
    assert any(each.label == "Import images" for each in app.button)


def test_without_embeddings_the_map_says_what_it_needs(
    open_page: Callable[..., AppTest],
    plant: Callable[..., dict[str, str]],
    text_of: Callable[[AppTest], str],
) -> None:
    plant({"a": "dom"})
    app = open_page("map")
    assert not app.exception
    assert "The map shows every image as a point" in text_of(app)
    assert "Embeddings: 0 of 1 image" in text_of(app)
    assert not app.error


def test_the_map_offers_the_colours_that_the_images_have(
    open_page: Callable[..., AppTest], embedded: dict[str, str], workspace: Workspace
) -> None:
    app = open_page("map", colour="beauty", image="x")
    assert not app.exception
    assert "colour=beauty in the address is ignored" in app.info[0].value.replace("\\", "")
    assert app.segmented_control(key="address:colour").options == [":blue[Label]", "Issue", "Source"]
    assert layouts.find(workspace, stored.find(workspace).set_id, "pca").n_images == 4


def test_a_umap_layout_is_offered_and_submitted_once(
    open_page: Callable[..., AppTest],
    embedded: dict[str, str],
    workspace: Workspace,
    no_worker: None,
    monkeypatch: pytest.MonkeyPatch,
    text_of: Callable[[AppTest], str],
) -> None:
    monkeypatch.setattr(projection, "has_umap", lambda: False)
    app = open_page("map", layout="umap")
    app.button(key="umap").click().run()
    assert "umap-learn" in text_of(app)
    assert queue.list_jobs(workspace) == []
    monkeypatch.setattr(projection, "has_umap", lambda: True)
    app.button(key="umap").click().run()
    assert [job.kind for job in queue.list_jobs(workspace)] == ["map"]
    assert not [each for each in app.button if each.key == "umap"]  # It runs already.


def test_an_outdated_umap_layout_says_how_many_images_came_after_it(
    open_page: Callable[..., AppTest],
    embedded: dict[str, str],
    workspace: Workspace,
    plant: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    text_of: Callable[[AppTest], str],
) -> None:
    monkeypatch.setattr(projection, "umap", lambda features, report: projection.pca(features))
    layouts.make(workspace, stored.find(workspace).set_id, "umap")
    assert "came after" not in text_of(open_page("map", layout="umap"))
    digest = plant({"e": "dom"})["e"]
    assert "1 image has no embedding yet and is not on the map" in text_of(open_page("map", layout="umap"))
    planted_embeddings.plant(workspace, {digest: [0, 0, 1]})
    app = open_page("map", layout="umap")
    assert "1 image came after this layout" in text_of(app)
    assert app.button(key="umap").label == "Update the layout"
    forget.forget(workspace, digest, actor="human:anna")
    assert "came after" not in text_of(open_page("map", layout="umap"))


def test_the_counts_are_folded_until_they_are_asked_for(
    open_page: Callable[..., AppTest], embedded: dict[str, str]
) -> None:
    app = open_page("review", queue="all")
    assert not app.exception
    app.button(key="counts:button").click().run()
    assert not app.exception
    assert app.query_params["counts"] == "yes"
    assert app.button(key="counts:button").label == "Hide counts"


def test_the_selection_of_a_link_that_is_gone_is_said(
    open_page: Callable[..., AppTest], embedded: dict[str, str]
) -> None:
    app = open_page("review", queue="selection:9")
    assert not app.exception
    assert "there is no such queue" in app.info[0].value


@pytest.mark.usefixtures("as_idle")
def test_of_more_images_than_are_drawn_the_others_can_be_placed(
    workspace: Workspace,
    embedded: dict[str, str],
    open_page: Callable[..., AppTest],
    text_of: Callable[[AppTest], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layouts, "MOST_POINTS", 3)
    app = open_page("map")
    assert "3 images of 4, drawn at random" in text_of(app)
    next(each for each in app.button if each.label == "Place 1 others").click().run()
    (job,) = queue.list_active(workspace, "cpu")
    assert (job.kind, job.arguments.method) == ("map", "pca")
    placing.place_all(workspace, layouts.pca(workspace, job.arguments.set_id))
    queue.cancel(workspace, job.job_id)
    assert "Zoom in to see the others" in text_of(open_page("map"))

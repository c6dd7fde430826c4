"""The routes of the map: binary points and categories that fit together, and one image in words."""

import json

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from peakid.curate import decisions
from peakid.embed import layouts, placing
from peakid.keep import forget
from peakid.records import Choice
from peakid.web.server import routes
from tests import planted_embeddings


@pytest.fixture
def client(workspace):
    return TestClient(Starlette(routes=routes.build(lambda _request: workspace)))


@pytest.fixture
def digests(workspace, plant):
    return plant({"a": "dom", "b": "<b>eiger</b>", "c": None})


@pytest.fixture
def layout(workspace, digests):
    vectors = {digest: [1.0, n, -n] for n, digest in enumerate(digests.values())}
    return layouts.pca(workspace, planted_embeddings.plant(workspace, vectors).set_id)


def points(client, layout):
    body = client.get(f"/map/points/{layout.layout_id}/{layout.key}").content
    n = int(np.frombuffer(body, "<u4", 1)[0])
    assert len(body) == 8 + 12 * n
    return np.frombuffer(body, "<u4", n, 8).tolist(), np.frombuffer(body, "<f4", 2 * n, 8 + 4 * n)


def colours(client, layout, colour_by):
    body = client.get(f"/map/colours/{layout.layout_id}/{colour_by}/x").content
    length = int(np.frombuffer(body, "<u4", 1)[0])
    assert length % 4 == 0
    return json.loads(body[4 : 4 + length]), np.frombuffer(body, "<u2", -1, 4 + length).tolist()


def test_points_and_categories_are_in_the_same_order(client, layout):
    ids, xy = points(client, layout)
    document, codes = colours(client, layout, "label")
    assert ids == [1, 2, 3]
    assert np.abs(xy).max() == 1
    names = [each["name"] for each in document["categories"]]
    assert [names[code] for code in codes] == ["dom", "<b>eiger</b>", "no label"]
    assert [each["n"] for each in document["categories"]] == [1, 1, 1, 0]
    assert all(each["colour"].startswith("#") and len(each["colour"]) == 7 for each in document["categories"])


def test_a_forgotten_image_is_in_neither(client, workspace, digests, layout):
    forget.forget(workspace, digests["b"], actor="human:anna")
    ids, _ = points(client, layout)
    _, codes = colours(client, layout, "source")
    assert ids == [1, 3]
    assert len(codes) == 2


def test_an_image_is_told_in_words(client, workspace, digests, layout):
    assert client.get("/map/about/2").json() == {
        "digest": digests["b"],
        "name": "<b>eiger</b>/b.jpg",
        "label": "<b>eiger</b>, not confirmed",
    }
    decisions.decide(workspace, [Choice(digests["b"], "exclude", reason="blurred")], actor="human:anna")
    assert client.get("/map/about/2").json()["label"] == "excluded: blurred (<b>eiger</b>)"
    assert client.get("/map/about/3").json()["label"] == "no label"


@pytest.mark.parametrize(
    "path",
    [
        *("points/9/x", "points/x/x", "points/²/x"),
        *("colours/1/beauty/x", "colours/9/label/x", "about/77", "about/-1"),
    ],
)
def test_what_does_not_exist_is_404_in_words(client, layout, path):
    response = client.get(f"/map/{path}")
    assert response.status_code == 404
    assert response.headers["cache-control"] == "no-store"
    assert response.text


def test_of_a_part_of_the_map_all_images_that_were_placed_are_sent(client, workspace, layout, monkeypatch):
    monkeypatch.setattr(layouts, "MOST_POINTS", 2)
    sample = layouts.make(workspace, layout.set_id, "pca")
    placed = placing.place_all(workspace, sample)

    def read(question):
        body = client.get(f"/map/points/{placed.layout_id}/x{question}").content
        n, n_there = np.frombuffer(body, "<u4", 2).tolist()
        body_of_colours = client.get(f"/map/colours/{placed.layout_id}/label/x{question}").content
        length = int(np.frombuffer(body_of_colours, "<u4", 1)[0])
        codes = np.frombuffer(body_of_colours, "<u2", -1, 4 + length)
        assert len(codes) == n
        return np.frombuffer(body, "<u4", n, 8).tolist(), n_there

    drawn, n_there = read("")
    assert (len(drawn), n_there) == (2, 3)
    (hidden,) = {1, 2, 3} - set(drawn)
    x, y = layouts.all_points(workspace, placed).xy[hidden - 1].tolist()
    assert read(f"?within={x - 0.01},{y - 0.01},{x + 0.01},{y + 0.01}") == ([hidden], 1)
    assert read(f"?with={hidden}")[0] == [1, 2, 3]
    assert read("?within=1,2&with=x") == (drawn, 3)  # What cannot be read asks for nothing.

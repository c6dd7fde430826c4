"""The command map: the layout as JSON and as a table, a part of it as a queue."""

import pytest
from PIL import Image

from peakid.curate import classes
from peakid.embed import layouts, stored
from peakid.suggest import map_picture
from tests import planted_embeddings


@pytest.fixture
def embedded(workspace, plant):
    digests = plant({"a": "dom", "b": "dom", "c": "eiger"})
    places = {"a": [1.0, 0.2], "b": [1.0, 0.1], "c": [-1.0, 0.1]}
    planted_embeddings.plant(workspace, {digests[name]: place for name, place in places.items()})
    return digests


def test_the_map_lays_out_all_images(peakid, embedded, tmp_path):
    out = tmp_path / "map.csv"
    answer = peakid("map", "--out", out, "--json").json
    assert {name: answer[name] for name in ("method", "n_images", "n_embedded", "backbone", "queue")} == {
        "method": "pca",
        "n_images": 3,
        "n_embedded": 3,
        "backbone": "planted",
        "queue": None,
    }
    assert [(each["name"], each["n"]) for each in answer["categories"]] == [("dom", 2), ("eiger", 1)]
    assert len(out.read_text().splitlines()) == 4
    assert "exists already" in peakid("map", "--out", out).err


def test_a_box_of_the_map_becomes_a_queue(peakid, embedded):
    answer = peakid("map", "--box", 0, -1, 1, 1, "--json").json
    other = peakid("map", "--box", -1, -1, 0, 1, "--json").json
    queues = [peakid("queue", each["queue"], "--json").json for each in (answer, other)]
    assert sorted(len(queue) for queue in queues) == [1, 2]
    assert "No image is in the box" in peakid("map", "--box", 0.1, 5, 0.2, 6).err


def test_without_embeddings_the_command_says_what_to_do(peakid, workspace, plant):
    plant({"a": "dom"})
    refused = peakid("map", "--json")
    assert refused.code == 1
    assert "No image has an embedding" in refused.err


def test_umap_is_a_job(peakid, embedded, as_idle, monkeypatch):
    monkeypatch.setattr("peakid.embed.projection.has_umap", lambda: True)
    assert peakid("map", "--method", "umap", "--json").json == {"job_id": 1, "state": "queued"}
    assert peakid("map", "--method", "umap", "--json").json == {"job_id": 1, "state": "queued"}
    monkeypatch.setattr("peakid.embed.projection.has_umap", lambda: False)
    assert "umap-learn" in peakid("map", "--method", "umap").err


def test_the_map_is_drawn_as_a_picture_in_the_colours_of_the_classes(peakid, workspace, embedded, tmp_path):
    classes.describe(workspace, "eiger", colour="#123456")
    answer = peakid("map", "--png", tmp_path / "map.png", "--json").json
    assert answer["png"] == str(tmp_path / "map.png")
    layout = layouts.pca(workspace, stored.find(workspace).set_id)
    points = layouts.points(workspace, layout.layout_id)
    with Image.open(tmp_path / "map.png") as picture:
        colours = []
        for x, y in points.xy.tolist():
            half = map_picture.SIDE_PX / 2
            scale = half - map_picture.MARGIN_PX
            colours.append(picture.getpixel((round(half + x * scale), round(half - y * scale))))
        legend = picture.crop((map_picture.SIDE_PX, 0, *picture.size)).getcolors(10_000)
    assert colours == [(0x00, 0x72, 0xB2)] * 2 + [(0x12, 0x34, 0x56)]
    assert {(0x00, 0x72, 0xB2), (0x12, 0x34, 0x56)} <= {colour for _, colour in legend}
    assert "exists already" in peakid("map", "--png", tmp_path / "map.png").err
    assert "does not end in .png" in peakid("map", "--png", tmp_path / "map.jpg").err


@pytest.mark.usefixtures("as_idle")
def test_all_images_are_placed_by_a_job_where_a_map_draws_a_sample(peakid, embedded, monkeypatch):
    monkeypatch.setattr(layouts, "MOST_POINTS", 2)
    assert peakid("map", "--json").json["n_placed"] == 2
    assert peakid("map", "--all", "--json").json["state"] == "queued"

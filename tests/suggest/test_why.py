"""What speaks for and against a label, and what a test image does not show."""

import pytest

from peakid.curate import decisions
from peakid.embed import near_classes, neighbours, stored
from peakid.embed.index import build
from peakid.errors import NotFound
from peakid.records import Choice
from peakid.suggest import why
from peakid.suggest.live import Live

ANNA = "human:anna"


def test_the_nearest_images_of_both_classes_are_shown_the_most_similar_first(workspace, flipped):
    digests, truth = flipped
    Live(workspace).refresh()
    found = why.explain(workspace, digests["dom 03"])  # Labelled eiger.
    assert [(each.class_name, each.role) for each in found.near] == [("dom", "suggested"), ("eiger", "label")]
    for each in found.near:
        similarities = [image.similarity for image in each.images]
        assert len(similarities) == near_classes.N_SHOWN
        assert similarities == sorted(similarities, reverse=True)
    dom, eiger = found.near
    assert dom.images[0].similarity > eiger.images[0].similarity
    names = {digest: name for name, digest in digests.items()}
    assert all(truth[names[image.digest]] == "dom" for image in dom.images)
    assert found.sentences == ("Its label comes from an imported folder; no person has confirmed it.",)


def test_the_index_finds_the_nearest_images_of_comparing_all(workspace, flipped, monkeypatch):
    digests, _ = flipped
    Live(workspace).refresh()
    expected = why.explain(workspace, digests["dom 03"])
    monkeypatch.setattr(build, "BRUTE_FORCE_UP_TO", 3)
    build.build(workspace, stored.find(workspace).set_id)
    monkeypatch.setattr(neighbours, "nearest", lambda *_, **__: pytest.fail("all were compared"))
    assert why.explain(workspace, digests["dom 03"]) == expected


def test_look_alikes_runs_and_origins_are_evidence(workspace, flipped):
    digests, _ = flipped
    Live(workspace).refresh()
    ids = {row["digest"]: row["id"] for row in workspace.query("SELECT id, digest FROM image")}
    pair = sorted((ids[digests["dom 03"]], ids[digests["dom 04"]]))
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, 'near', 1, 'now')", pair)
        connection.execute(
            "INSERT INTO origin (image_id, acquisition_id, source, path, label, created_at)"
            " VALUES (?, 1, 'folder', 'other', 'jungfrau', 'now')",
            (ids[digests["dom 03"]],),
        )
    found = why.explain(workspace, digests["dom 03"])
    assert found.sentences[:3] == (
        "A duplicate is labelled dom.",
        "It was imported as eiger.",
        "It was imported as jungfrau.",
    )
    assert digests["dom 04"] not in {image.digest for image in found.near[0].images}


def test_nothing_is_said_about_a_test_image_before_it_is_judged(workspace, flipped):
    digests, _ = flipped
    Live(workspace).refresh()
    with workspace.transaction() as connection:
        sql = "INSERT INTO split_assignment SELECT 0, id, 'test' FROM image WHERE digest = ?"
        connection.execute(sql, (digests["dom 03"],))
    assert why.explain(workspace, digests["dom 03"]) == why.Why(digests["dom 03"], True, (why.HIDDEN,))
    choice = Choice(digests["dom 03"], "label", "eiger", basis={"queue": "label-issues"})
    decisions.decide(workspace, [choice], actor=ANNA)
    assert len(why.explain(workspace, digests["dom 03"]).near) == 2


def test_an_image_without_an_embedding_has_the_other_evidence(workspace, plant):
    digests = plant({"a": "dom"})
    assert why.explain(workspace, digests["a"]).near == ()
    with pytest.raises(NotFound):
        why.explain(workspace, "0" * 64)

"""`peakid label-issues`: every scored label, the lowest quality first."""

import pytest

from peakid.suggest import issues


def test_every_label_is_listed_with_its_quality_the_wrong_ones_first(peakid, flipped):
    digests, _truth = flipped
    found = peakid("label-issues", "--json").json
    assert len(found) == 34
    assert [set(each) for each in found[:1]] == [
        {"digest", "path", "given_label", "suggested_label", "label_quality", "is_issue", "why"}
    ]
    assert {each["digest"] for each in found[:2]} == {digests["dom 03"], digests["eiger 05"]}
    assert [each["is_issue"] for each in found] == [True, True] + [False] * 32
    assert [each["label_quality"] for each in found] == sorted(each["label_quality"] for each in found)
    assert {each["suggested_label"] for each in found[:2]} == {"dom", "eiger"}
    assert peakid("label-issues", "--limit", 1, "--json").json == found[:1]
    shown = peakid("label-issues").out
    assert "looks like dom (" in shown
    assert digests["dom 03"][:12] in shown


def test_what_speaks_for_and_against_one_label_is_explained(peakid, flipped):
    digests, _ = flipped
    found = peakid("label-issues", "--explain", digests["dom 03"][:12], "--json").json
    assert [each["class_name"] for each in found["near"]] == ["dom", "eiger"]
    assert "no person has confirmed it" in peakid("label-issues", "--explain", digests["dom 03"][:12]).out


def test_the_suggestion_for_a_test_image_is_hidden_until_it_is_judged(peakid, flipped, workspace):
    digests, _ = flipped
    with workspace.transaction() as connection:
        sql = "INSERT INTO split_assignment SELECT 0, id, 'test' FROM image WHERE digest = ?"
        connection.execute(sql, (digests["dom 03"],))
    hidden = {each["digest"]: each for each in peakid("label-issues", "--json").json}[digests["dom 03"]]
    assert (hidden["suggested_label"], hidden["why"]) == (None, issues.HIDDEN)
    peakid("decide", digests["dom 03"], "label", "eiger")
    shown = {each["digest"]: each for each in peakid("label-issues", "--json").json}[digests["dom 03"]]
    assert shown["suggested_label"] == "dom"


def test_without_embeddings_the_error_says_what_to_do(peakid, workspace, plant):
    plant({"a": "dom"})
    answer = peakid("label-issues")
    assert answer.code == 1
    assert "No image has an embedding yet" in answer.err


def test_a_run_ranks_the_images_that_it_was_not_trained_on(peakid, frozen, add_run):
    run_id = add_run(frozen, n_wrong=2)
    found = peakid("label-issues", "--run", run_id, "--json").json
    items = peakid("snapshot", "show", "--json").json["items"]
    assert len(found) == sum(item["split"] != "train" for item in items)
    wrong = [each for each in found if each["is_issue"]]
    assert len(wrong) == 4
    assert found[:4] == wrong
    assert all(each["given_label"] == "river" for each in wrong)
    assert {each["suggested_label"] for each in wrong} == {"sea", None}  # None: hidden in test.
    assert wrong[0]["label_quality"] == pytest.approx(0.1)
    assert peakid("label-issues", "--run", 9).code == 1

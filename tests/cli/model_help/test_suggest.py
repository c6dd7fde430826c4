"""The commands for suggested labels, as a terminal runs them."""

import numpy as np
import pytest

from peakid.embed import stored


@pytest.fixture
def suggested(workspace, plant):
    """Thirty images of two classes, and three without a label: two like rivers, one in between."""
    names = {f"{label}{n:02}": label for label in ("river", "sea") for n in range(15)}
    digests = list(plant({**names, "a": None, "b": None, "between": None}).values())
    rng = np.random.default_rng(0)
    corner = np.eye(2, 8)
    vectors = [corner[int(label == "sea")] for label in names.values()]
    vectors += [corner[0], corner[0], corner.mean(axis=0)]
    made = stored.create(workspace, "lite", size_px=160, weights_sha256="", n_dimensions=8)
    ids = [row["id"] for row in workspace.query("SELECT id FROM image ORDER BY id")]
    stored.add(workspace, made.set_id, ids, np.array(vectors) + 0.02 * rng.normal(size=(33, 8)))
    return digests[-3:]


def test_suggestions_are_listed_the_most_likely_first(peakid, suggested):
    found = peakid("suggest", "--limit", 2, "--json").json
    assert {each["digest"] for each in found} == set(suggested[:2])
    assert found[0].keys() == {"digest", "path", "suggested_label", "confidence", "why"}
    assert found[0]["suggested_label"] == "river"
    assert found[0]["confidence"] > found[1]["confidence"] > 0.9
    assert found[0]["why"].startswith("looks like river (")
    assert "looks like river" in peakid("suggest").out


def test_suggestions_are_listed_by_how_useful_a_label_would_be(peakid, suggested):
    found = peakid("suggest", "--useful", "--json").json
    assert {each["digest"] for each in found} == set(suggested)
    assert found[0]["digest"] == suggested[2]  # The one in between.


def test_suggestions_are_accepted_above_a_threshold_undone_and_audited(peakid, suggested):
    plan = peakid("suggest", "accept", "--above", 0.9, "--dry-run", "--json").json
    assert (plan["threshold"], plan["n_images"], plan["n_test"]) == (0.9, 2, 0)
    assert 0 < plan["expected_error"] < 0.1
    step = peakid("suggest", "accept", "--above", 0.9, "--actor", "anna", "--json").json
    assert [each["actor"] for each in step["decisions"]] == ["model:head"] * 2

    (audit,) = peakid("suggest", "audits", "--json").json
    assert (audit["n_images"], audit["n_judged"], audit["interval"]) == (2, 0, None)
    peakid("decide", "queue", audit["queue"], "label", "river", "--yes", "--actor", "anna")
    (audit,) = peakid("suggest", "audits", "--json").json
    assert (audit["n_judged"], audit["n_wrong"], audit["error_rate"]) == (2, 0, 0)
    assert "Audit: 0 of 2 wrong (0 %, 0-0 %)" in peakid("suggest", "audits").out

    peakid("undo", "--step", step["step_id"], "--actor", "anna")
    assert peakid("suggest", "audits", "--json").json[0]["is_undone"]


def test_nothing_to_accept_is_one_line(peakid, suggested):
    refused = peakid("suggest", "accept", "--above", 1)
    assert refused.code == 1
    assert "No suggestion for an image without a label has a confidence of 1 or more." in refused.err


def test_how_many_label_errors_remain_takes_a_random_sample(peakid, plant):
    plant({f"{n:03}": "river" if n % 2 else "sea" for n in range(60)})
    found = peakid("label-issues", "--remaining", "--json").json
    assert (found["n_expected"], found["interval"], found["expected_in_next"]) == (None, None, None)
    assert (found["n_left"], found["audit_queue"]) == (60, "audit:labels:60")
    peakid("decide", "queue", "audit:labels:30", "keep", "--yes", "--actor", "anna")
    found = peakid("label-issues", "--remaining", "--json").json
    assert (found["n_audited"], found["n_wrong"], found["n_left"]) == (30, 0, 30)
    assert found["interval"][0] == 0
    assert found["expected_in_next"] == {"n": 30, "found": 0}
    text = peakid("label-issues", "--remaining").out
    assert "remains in 30 labels without review" in text
    assert "peakid queue audit:labels:60" in text

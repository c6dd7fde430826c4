"""The slices of a run in a workspace: what they are read from, and what is found in them."""

import numpy as np
import pytest

from peakid.curate import decisions, remarks
from peakid.dataset import snapshot
from peakid.errors import BadInput
from peakid.evaluate import scored_images
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.slices import property, slice_text, slicing
from peakid.records import Choice
from peakid.store import runs
from tests import planted_runs

ANNA = "human:anna"


def scored(given, predicted, *, groups=None) -> ScoredImages:
    """Return N images of two classes, predicted with .9."""
    n = len(given)
    return ScoredImages(
        run_id=1,
        split="valid",
        class_names=("dom", "eiger"),
        digests=tuple(f"{i:064}" for i in range(n)),
        image_ids=np.arange(1, n + 1),
        given=np.array(given, np.int32),
        newest=np.array(given, np.int32),
        is_reviewed=np.zeros(n, bool),
        also_shows=np.zeros(n, bool),
        groups=np.arange(n) if groups is None else np.array(groups),
        pred_probs=np.where(np.arange(2) == np.array(predicted)[:, None], 0.9, 0.1).astype(np.float32),
    )


@pytest.fixture
def run(workspace, plant):
    """A run on 40 images, of which half of the doms in train are taken for eigers."""
    plant({**{f"d{i:02}": "dom" for i in range(24)}, **{f"e{i:02}": "eiger" for i in range(16)}})
    frozen = snapshot.create(workspace, actor=ANNA)
    return runs.show(workspace, planted_runs.plant(workspace, frozen, {"dom": "eiger"}, per_class=8))


def values(report, key):
    [found] = [each for each in report.properties if each.key == key]
    return {each.value: each for each in found.slices}


def test_images_are_sliced_by_what_the_workspace_knows_about_them(workspace, run):
    images = scored_images.load(workspace, run, "train")
    n = len(images)
    with workspace.transaction() as connection:
        for place, image_id in enumerate(images.image_ids.tolist()):
            connection.execute(
                "INSERT INTO image_measure (image_id, brightness, highlight, shadow, contrast, sharpness,"
                " entropy_bits, colourfulness, readable_share, is_animated, taken_at)"
                " VALUES (?, ?, 0, 0, 0, 0.2, 0, 0, 1, 0, ?)",
                (image_id, place / n, "2019-07-01T00:00:00" if place % 2 else None),
            )
            side = 100 if place < 10 else 200
            connection.execute(
                "UPDATE image SET width_px = ?, height_px = ? WHERE id = ?", (side, side, image_id)
            )
    decisions.decide(workspace, [Choice(images.digests[0], "label", "dom")], actor=ANNA)
    remarks.tag(workspace, images.digests[:2], "fog", actor=ANNA)
    remarks.tag(workspace, images.digests[:1], "night", actor=ANNA)
    report = slicing.slices(workspace, images)
    counts = {each.key: {one.value: one.n_images for one in each.slices} for each in report.properties}
    assert counts["year"] == {"2019": n // 2, "unknown": n - n // 2}
    assert counts["size"] == {"below 200 px": 10, "200 px and more": n - 10}
    assert counts["reviewer"] == {"not reviewed": n - 1, "anna": 1}
    assert counts["reviewed"] == {"not reviewed": n - 1, "reviewed": 1}
    assert counts["tag"] == {"fog": 2, "night": 1, "no tag": n - 2}
    assert len(counts["brightness"]) == 2
    assert sum(counts["class"].values()) == n
    missing = {each.key: each for each in report.missing}
    assert "folder" in missing["source"].reason
    assert missing["sharpness"].reason == "All images are alike in it."
    assert [each.kind for each in missing["cluster"].actions] == ["embed"]


def test_embeddings_make_clusters(workspace, run, embed_as, plant):
    images = scored_images.load(workspace, run, "train")
    rows = workspace.query("SELECT digest, id FROM image ORDER BY id")
    names = {row["digest"]: row["digest"] for row in rows}
    truth = {digest: images.class_names[images.given[n]] for n, digest in enumerate(images.digests)}
    embed_as(names, truth)
    report = slicing.slices(workspace, images, by=["cluster"])
    [missing] = report.missing  # 28 images are too few for two clusters.
    assert "clusters need 50" in missing.reason


def test_an_unknown_property_is_named_with_the_known_ones(workspace, run):
    images = scored_images.load(workspace, run, "valid")
    with pytest.raises(BadInput, match=r"'sourc'.*Did you mean.*source"):
        slicing.slices(workspace, images, by=["sourc"])
    assert slicing.slices(workspace, images, by=["blur"]).missing[0].key == "sharpness"


def test_a_slice_has_its_score_what_its_classes_lead_to_expect_and_its_errors():
    # 30 doms, 3 wrong; 30 eigers, 15 wrong. The web has 10 doms (1 wrong) and 20 eigers (14 wrong).
    given = [0] * 30 + [1] * 30
    predicted = [1] * 3 + [0] * 27 + [0] * 15 + [1] * 15
    is_web = np.array([n in (0, *range(10, 19)) or 30 <= n < 44 or n >= 54 for n in range(60)])
    images = scored(given, predicted)
    found = property.of_words("source", "Source", np.where(is_web, "web", "disk").tolist())
    report = slicing.of(images, [found])
    web = values(report, "source")["web"]
    assert (web.n_images, web.n_errors) == (30, 15)
    assert web.accuracy == 0.5
    assert web.balanced_accuracy == pytest.approx((0.9 + 6 / 20) / 2)
    assert web.expected_accuracy == pytest.approx((10 * 0.9 + 20 * 0.5) / 30)
    # Within doms .9 against .9; within eigers .3 against .9. Weights 20/3 both.
    assert web.difference.value == pytest.approx(-0.3)
    assert web.crude_difference.value == pytest.approx(0.5 - 0.9)
    assert set(web.error_ids.tolist()) == {1, *range(31, 45)}
    assert report.worst == [web]
    text = slice_text.finding(web, report.n_tested)
    assert text.startswith("Source web: 15 of 30 images are wrong, 30 points (")
    assert "corrected for 2 slices" in text


def test_a_slice_of_a_hard_class_is_named_as_such():
    # Eigers are wrong in half of the cases wherever they come from; most are from the web.
    given = [0] * 100 + [1] * 100
    predicted = [int(n % 20 == 0) for n in range(100)] + [n % 2 for n in range(100)]
    is_web = [n < 10 for n in range(100)] + [n < 90 for n in range(100)]
    found = property.of_words("source", "Source", ["web" if each else "disk" for each in is_web])
    report = slicing.of(scored(given, predicted), [found])
    web = values(report, "source")["web"]
    assert not report.worst
    assert web.is_of_hard_classes
    assert "the classes are hard, not the slice" in slice_text.hard_classes(web)
    assert not values(report, "source")["disk"].is_of_hard_classes


def test_a_slice_that_is_hardly_below_the_rest_has_no_hard_classes():
    given = [0] * 100 + [1] * 100
    predicted = [int(n % 10 == 0) for n in range(100)] + [int(n % 9 != 0) for n in range(100)]
    found = property.of_words("source", "Source", ["web" if n % 3 else "disk" for n in range(200)])
    report = slicing.of(scored(given, predicted), [found])
    crude = [each.crude_difference.value for each in values(report, "source").values()]
    assert min(crude) < 0
    assert not any(each.is_of_hard_classes for each in values(report, "source").values())


def test_the_surest_errors_come_first():
    images = scored([0] * 12, [1] * 8 + [0] * 4)
    images.pred_probs[:8, 1] = [0.6, 0.9, 0.7, 0.8, 0.55, 0.95, 0.65, 0.75]
    images.pred_probs[:, 0] = 1 - images.pred_probs[:, 1]
    report = slicing.of(images, [property.of_words("source", "Source", ["web"] * 10 + ["disk"] * 2)])
    web = values(report, "source")["web"]
    assert web.error_ids.tolist() == [6, 2, 4, 8, 3, 7, 1, 5]
    assert web.examples == tuple(images.digests[n - 1] for n in (6, 2, 4, 8, 3, 7))


def test_near_duplicates_count_once_in_intervals_and_tests():
    # Ten times the same wrong image is one error, not ten.
    given, predicted = [0] * 60, [1] * 20 + [0] * 40
    groups = [0] * 20 + list(range(1, 41))
    found = property.of_words("source", "Source", ["web"] * 30 + ["disk"] * 30)
    repeated = slicing.of(scored(given, predicted, groups=groups), [found])
    apart = slicing.of(scored(given, predicted), [found])
    assert [each.value for each in apart.worst] == ["web"]
    assert not repeated.worst
    web = values(repeated, "source")["web"]
    assert (web.n_images, web.n_groups, web.n_errors) == (30, 11, 20)
    assert web.interval[1] - web.interval[0] > 0.4
    assert web.difference.n_inside == 11


def test_one_image_has_slices_and_no_finding():
    found = property.of_words("source", "Source", ["web"])
    report = slicing.of(scored([0], [1]), [found])
    assert (report.n_tested, report.worst) == (0, [])
    assert report.interval[0] == 0
    assert "No slice was tested" in slice_text.nothing_found(report)
    assert values(report, "source")["web"].difference is None


def test_classes_are_shown_and_not_searched():
    images = scored([0] * 30 + [1] * 30, [0] * 30 + [0] * 25 + [1] * 5)
    members = np.array([images.given == 0, images.given == 1])
    report = slicing.of(images, [property.Property("class", "Class", ("dom", "eiger"), members)])
    eiger = values(report, "class")["eiger"]
    assert (report.n_tested, eiger.p_value, eiger.difference) == (0, None, None)
    assert eiger.compared.value == pytest.approx(5 / 30 - 1)
    assert report.to_json()["properties"][0]["slices"][1]["accuracy"] == pytest.approx(5 / 30)

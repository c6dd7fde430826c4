"""Image issues: scores, counts, lists, thresholds and their queues."""

import json

import numpy as np
import pytest

from peakid.acquire import demo_import, folder
from peakid.curate import decisions, image_issues, issue_scan, scan
from peakid.curate.queues import review_queue
from peakid.errors import BadInput, NotFound
from peakid.records import Choice
from peakid.store.workspace import now

ANNA = "human:anna"
SOUND = {
    "brightness": 0.5,
    "highlight": 0.9,
    "shadow": 0.1,
    "contrast": 0.2,
    "sharpness": 0.5,
    "entropy_bits": 7.0,
    "colourfulness": 40.0,
    "readable_share": 1.0,
    "is_animated": 0,
    "width_px": 400,
    "height_px": 300,
}


@pytest.fixture
def measured(workspace, plant):
    """Add images by name with the measures of a good photo, except for those given."""

    def plant_measured(**changes):
        digests = plant(dict.fromkeys(changes, "dom"))
        with workspace.transaction() as connection:
            for name, digest in digests.items():
                row = {**SOUND, **changes[name]}
                width, height = row.pop("width_px"), row.pop("height_px")
                image_id = connection.execute("SELECT id FROM image WHERE digest = ?", (digest,)).fetchone()[
                    "id"
                ]
                connection.execute(
                    "UPDATE image SET width_px = ?, height_px = ?, scanned_at = ? WHERE id = ?",
                    (width, height, now(), image_id),
                )
                columns = {"image_id": image_id, **row}
                marks = ", ".join("?" * len(columns))
                connection.execute(
                    f"INSERT INTO image_measure ({', '.join(columns)}) VALUES ({marks})",
                    list(columns.values()),
                )
        issue_scan.scan(workspace)
        return digests

    return plant_measured


def found(workspace):
    return {
        (issue.kind, issue.path.split("/")[-1].removesuffix(".jpg"))
        for issue in image_issues.list_issues(workspace)
    }


def test_the_name_of_an_issue_is_the_one_that_its_reason_begins_with():
    for kind, rule in image_issues.RULES.items():
        assert rule.reason.startswith(image_issues.title(kind))


def test_the_ten_images_of_cleanvision_have_exactly_the_issues_it_says(workspace, real_data):
    folder.import_folder(workspace, real_data / "data" / "cleanvision_tests", actor=ANNA)
    report = scan.scan(workspace)
    named = [(issue.kind, issue.path) for issue in image_issues.list_issues(workspace)]
    assert sorted(named) == [
        ("blurry", "image_601.png"),
        ("dark", "image_417.png"),
        ("grayscale", "image_101.png"),
        ("light", "image_588.png"),
        ("low_information", "image_588.png"),
        ("low_information", "image_591.png"),
        ("odd_aspect", "image_604.png"),
        ("odd_size", "image_604.png"),
    ]
    assert {kind: n for kind, n in report.issues.items() if n} == {
        **dict.fromkeys(["blurry", "dark", "grayscale", "light", "odd_aspect", "odd_size"], 1),
        "low_information": 2,
    }
    assert (report.n_exact_groups, report.n_near_groups, report.n_groups) == (0, 1, 1)  # One with both kinds.


@pytest.mark.slow
def test_planted_faults_of_the_demo_are_found_with_few_false_alarms(workspace):
    demo_import.import_demo(workspace, n_images=200, seed=3, actor=ANNA)
    scan.scan(workspace)
    truth = json.loads((workspace.path / demo_import.DEMO_FOLDER / "truth.json").read_text())["files"]
    faults = {each["path"]: each["fault"] for each in truth if each["fault"] != "truncated"}
    for kind, fault in (("blurry", "blurred"), ("dark", "dark"), ("tiny", "tiny")):
        named = {issue.path for issue in image_issues.list_issues(workspace, kind=kind)}
        planted = {path for path, each in faults.items() if each == fault}
        assert planted
        assert planted <= named
    others = {path for path, each in faults.items() if each not in ("blurred", "dark", "tiny")}
    alarms = {issue.path for issue in image_issues.list_issues(workspace)} & others
    assert len(alarms) <= 0.02 * len(others)


@pytest.mark.parametrize(
    ("change", "kind", "score"),
    [
        ({"highlight": 0.1}, "dark", 0.1),
        ({"shadow": 0.98}, "light", 0.02),
        ({"sharpness": 0.05}, "blurry", 0.05),
        ({"entropy_bits": 0.8}, "low_information", 0.1),  # Of 8 bits.
        ({"contrast": 0.001}, "blank", 0.0128),  # 0.001 * 255 / 20 = 0.01275.
        ({"colourfulness": 0.5}, "grayscale", 0.005),
        ({"height_px": 100}, "odd_aspect", 0.25),
        ({"width_px": 64, "height_px": 48}, "tiny", 0.1875),
        ({"readable_share": 0.95}, "truncated", 0.95),
        ({"is_animated": 1}, "animated", 0.0),
    ],
)
def test_each_kind_has_its_score_and_a_good_photo_has_no_issue(workspace, measured, change, kind, score):
    measured(sound={}, bad=change)
    assert [(issue.kind, issue.score) for issue in image_issues.list_issues(workspace, kind=kind)] == [
        (kind, score)
    ]
    assert "sound" not in {name for _, name in found(workspace)}


def test_an_image_without_tones_is_not_also_grayscale(workspace, measured):
    measured(notice={"entropy_bits": 0.5, "colourfulness": 0.0})
    assert found(workspace) == {("low_information", "notice")}


def test_half_and_double_size_are_usual_and_a_tenth_is_odd():
    width = np.array([400] * 10 + [200, 800, 40, 4000])
    scores = issue_scan.size_scores(width, width * 3 // 4)
    assert scores[:10].tolist() == [1.0] * 10
    # All of one size: far begins at 3 * 1/3 = 1 octave, where the score is 0.5. log2(10) = 3.3 octaves are
    # over twice that.
    assert scores[10:].tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0])


def test_the_usual_size_follows_new_images(workspace, measured):
    measured(
        **{f"small{n}": {"width_px": 100, "height_px": 100} for n in range(3)},
        large={"width_px": 900, "height_px": 900},
    )
    assert ("odd_size", "large") in found(workspace)
    measured(**{f"big{n}": {"width_px": 900, "height_px": 900} for n in range(9)})
    assert ("odd_size", "large") not in found(workspace)
    assert ("odd_size", "small0") in found(workspace)


def test_a_threshold_takes_effect_at_once_and_is_stored(workspace, measured):
    measured(a={"highlight": 0.1}, b={"highlight": 0.3}, c={"highlight": 0.4})
    assert image_issues.counts(workspace)["dark"] == 2
    assert image_issues.counts(workspace, {"dark": 0.2})["dark"] == 1
    assert image_issues.counts(workspace)["dark"] == 2
    image_issues.set_threshold(workspace, "dark", 0.5, actor=ANNA)
    assert image_issues.counts(workspace)["dark"] == 3
    assert image_issues.counts_by_class(workspace, "dark") == {"dom": 3}
    assert review_queue.count(workspace, "issue:dark") == 3


def test_the_border_has_the_closest_images_on_either_side(workspace, measured):
    digests = measured(
        a={"highlight": 0.1}, b={"highlight": 0.3}, c={"highlight": 0.35}, d={"highlight": 0.4}
    )
    border = image_issues.border(workspace, "dark", limit=1)
    assert [issue.digest for issue in border.inside] == [digests["b"]]
    assert [issue.digest for issue in border.outside] == [digests["c"]]
    assert [issue.digest for issue in image_issues.border(workspace, "dark", 0.2).inside] == [digests["a"]]


@pytest.mark.parametrize(("kind", "value"), [("dark", -0.1), ("dark", 0.9), ("truncated", 0.5)])
def test_a_threshold_above_the_stored_scores_is_an_error(workspace, kind, value):
    with pytest.raises(BadInput):
        image_issues.set_threshold(workspace, kind, value, actor=ANNA)


def test_an_unknown_kind_is_an_error_that_lists_the_kinds(workspace):
    for ask in (image_issues.list_issues, image_issues.border):
        with pytest.raises(NotFound, match="Unknown image issue 'drak'"):
            ask(workspace, **({"kind": "drak"}))
    with pytest.raises(NotFound):
        review_queue.page(workspace, "issue:drak")


def test_the_queue_of_an_issue_begins_with_the_most_severe_and_pages_by_key(workspace, measured):
    digests = measured(
        a={"highlight": 0.3}, b={"highlight": 0.1}, c={"highlight": 0.2}, d={"highlight": 0.1}, e={}
    )
    first = review_queue.page(workspace, "issue:dark", limit=2)
    second = review_queue.page(workspace, "issue:dark", limit=9, after=first[-1].cursor)
    assert [item.digest for item in first + second] == [digests[name] for name in "bdca"]
    assert (first[0].score, first[0].reason) == (
        0.1,
        "dark: its brightest hundredth reaches 0.10 of white, below 0.32",
    )


def test_an_image_leaves_the_queue_when_judged_or_excluded_and_returns_after_undo(workspace, measured):
    digests = measured(a={"highlight": 0.1}, b={"highlight": 0.2}, c={"highlight": 0.3})
    waiting = lambda: [item.digest for item in review_queue.page(workspace, "issue:dark")]  # noqa: E731
    decisions.decide(
        workspace, [Choice(digests["a"], "label", "dom", basis={"queue": "issue:dark"})], actor=ANNA
    )
    decisions.decide(
        workspace, [Choice(digests["b"], "label", "dom", basis={"queue": "unreviewed"})], actor=ANNA
    )
    decisions.decide(workspace, [Choice(digests["c"], "exclude", reason="dark")], actor=ANNA)
    assert waiting() == [digests["b"]]
    assert review_queue.waiting(workspace, "issue:dark", list(digests.values())) == {digests["b"]}
    decisions.undo(workspace, actor=ANNA)
    assert waiting() == [digests["b"], digests["c"]]


def test_images_of_an_older_workspace_are_measured_by_the_next_scan_and_only_once(workspace, fill):
    digests = fill(river=3)
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM image_measure")
    assert issue_scan.scan(workspace) == 3
    assert image_issues.counts(workspace)["tiny"] == 3  # 48 x 36 pixels.
    assert issue_scan.scan(workspace) == 0
    assert {issue.digest for issue in image_issues.list_issues(workspace, kind="tiny")} == set(digests)


def test_counting_for_a_slider_uses_an_index(workspace):
    rows = workspace.query(
        "EXPLAIN QUERY PLAN SELECT COUNT(*) FROM image_issue_score WHERE kind = ? AND score < ?",
        ("dark", 0.3),
    )
    assert [row["detail"] for row in rows] == [
        "SEARCH image_issue_score USING PRIMARY KEY (kind=? AND score<?)"
    ]

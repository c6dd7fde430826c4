"""How pages write counts, times, decisions and names, and which next step they suggest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from peakid.curate.queues.review_queue import QueueCount
from peakid.records import Decision, RejectionReason, Run, Snapshot
from peakid.store.status import Status
from peakid.web import names, navigation, session, theme, words
from peakid.web.jobs import progress
from peakid.web.navigation import Progress

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EMPTY = Status(0, 0, 0, 0, 0, 0, 0, 0, 0, {})
ENOUGH = {"dom": 5, "eiger": 4}
SNAPSHOT = Snapshot(
    snapshot_id=3,
    digest="d" * 64,
    name="before cleaning",
    seed=0,
    class_names=["river", "sea"],
    n_images=40,
    n_groups=40,
    n_leaks=0,
    n_unreviewed=0,
    splits={"train": 27, "valid": 7, "test": 6},
    created_at="2026-05-01T12:00:00+00:00",
)
RUN = Run(
    run_id=4,
    job_id=None,
    snapshot_id=3,
    snapshot_digest="d" * 64,
    snapshot_name="before cleaning",
    state="done",
    recipe={"arch": "resnet18", "image_size_px": 160},
    class_names=["river", "sea"],
    seed=0,
    code_version="",
    libraries={},
    device="cpu",
    n_workers=0,
    starting_weights=None,
    best_epoch=2,
    metrics={"accuracy": 6 / 7},
    warnings=[],
    path="runs/4",
    created_at="2026-05-01T12:00:00+00:00",
    finished_at=None,
    seconds=None,
    n_test_looks=0,
)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=30), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=2), "29 Apr 2026"),
    ],
)
def test_a_time_is_written_as_how_long_ago_it_was(age: timedelta, text: str) -> None:
    assert words.ago((NOW - age).isoformat(), now=NOW) == text


def test_every_rejection_reason_has_a_text() -> None:
    assert set(words.REASONS) == set(get_args(RejectionReason))


def test_a_decision_is_described() -> None:
    decision = Decision(1, 1, "d", "a.jpg", "label", "dom", "", "human:anna", "", None)
    assert words.decision_text(decision) == "labelled dom"
    assert words.decision_text(replace(decision, undoes=3)) == "restored: labelled dom"
    assert (
        words.decision_text(replace(decision, verdict="exclude", reason="poor quality"))
        == "excluded: poor quality"
    )
    assert words.decision_text(replace(decision, verdict="flag")) == "flagged"


def test_a_duration_is_in_minutes_and_hours() -> None:
    assert progress.duration(40) == "40 s"
    assert progress.duration(5400) == "1 h 30 min"


def test_names_are_never_read_as_markup() -> None:
    assert session.plain("[x](javascript:1) *a* $b$") == r"\[x\]\(javascript\:1\) \*a\* \$b\$"


@pytest.mark.parametrize(
    ("counts", "n_unreviewed", "n_done_runs", "n_exports", "page"),
    [
        (EMPTY, 0, 0, 0, "collect"),
        (replace(EMPTY, n_images=9), 9, 0, 0, "review"),
        (replace(EMPTY, n_images=9, classes=ENOUGH), 9, 0, 0, "snapshots"),
        (replace(EMPTY, n_images=9, classes={"dom": 9, "eiger": 0}), 9, 0, 0, "review"),
        (replace(EMPTY, n_images=9), 0, 0, 0, "collect"),
        (replace(EMPTY, n_images=2, classes={"dom": 1, "eiger": 1}), 2, 0, 0, "review"),
        (replace(EMPTY, n_images=2, classes={"dom": 1, "eiger": 1}), 0, 0, 0, "collect"),
        (replace(EMPTY, n_images=9, classes=ENOUGH), 0, 0, 0, "snapshots"),
        (replace(EMPTY, n_images=9, n_snapshots=1, classes=ENOUGH), 4, 0, 0, "train"),
        (replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1), 4, 1, 0, "evaluate"),
        (replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1), 4, 1, 1, "review"),
        (replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1), 0, 1, 1, "collect"),
    ],
)
def test_the_next_step_leads_to_a_first_model_and_then_back_to_the_data(
    counts: Status, n_unreviewed: int, n_done_runs: int, n_exports: int, page: str
) -> None:
    done = Progress(n_unreviewed, n_done_runs, n_exports)
    assert navigation.next_step(counts, QueueCount("worth", 0), 1, done).page == page


def test_images_worth_the_time_come_before_other_unreviewed_ones() -> None:
    done = Progress(n_unreviewed=9, n_done_runs=0, n_exports=0)
    step = navigation.next_step(replace(EMPTY, n_images=9), QueueCount("worth", 1000, is_more=True), 34, done)
    assert step.sentence.startswith("1,000+ images are worth your time: doubtful or missing labels")
    assert step.sentence.endswith(" and poor images, over 34 min.")
    assert step.page == "review"


def test_the_next_step_counts_the_labels_that_nobody_has_confirmed_in_a_full_sentence() -> None:
    counts = replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1)
    steps = [navigation.next_step(counts, QueueCount("worth", 0), 1, Progress(n, 1, 1)) for n in (1, 2)]
    assert [step.sentence for step in steps] == [
        "1 label is not confirmed by a person yet.",
        "2 labels are not confirmed by a person yet.",
    ]


def test_a_class_keeps_its_colour_when_classes_are_added() -> None:
    assert list(theme.class_colours(["a", "b", "c"]).items())[:2] == list(
        theme.class_colours(["a", "b"]).items()
    )


def test_a_run_and_a_snapshot_have_one_name_everywhere() -> None:
    assert names.run_name(RUN) == names.run_name(4) == "Run 4"
    assert names.snapshot_name(SNAPSHOT) == names.snapshot_of(RUN) == "Snapshot 3 (before cleaning)"
    assert names.snapshot_name(replace(SNAPSHOT, name="")) == "Snapshot 3"
    assert names.recipe_summary(RUN.recipe) == "resnet18 at 160 px"
    assert names.run_option(RUN).startswith("Run 4 · resnet18 · 86 % on validation · ")
    assert names.run_option(replace(RUN, metrics={})).startswith("Run 4 · resnet18 · done · ")


def test_the_score_of_a_run_has_its_interval_and_n() -> None:
    # 6 of 7 right: .857; Wilson .487 to .974 (scipy: binomtest(6, 7).proportion_ci(method="wilson")).
    assert names.run_score(RUN, SNAPSHOT) == "86 % (49-97 %, n = 7)"
    assert names.run_score(RUN, None) == "86 %"
    assert names.run_score(replace(RUN, metrics={}), SNAPSHOT) == "-"
    # A cross-validated run is scored on every image: 34 of 40 right, Wilson .709 to .929.
    folded = replace(RUN, metrics={"accuracy": 0.85}, recipe={**RUN.recipe, "folds": 5})
    assert names.run_score(folded, SNAPSHOT) == "85 % (71-93 %, n = 40)"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("1. a", "1\\. a"),
        ("===", "\\=\\=\\="),
        ("a\nb\u202ec &amp;", "a b\\\\u202ec \\&amp;"),
        ("http://a", "http\\::color[]\\/\\/a"),
        ("www.a", "www:color[].a"),
        ("a@b", "a:color[]\\@b"),
        (":smile:", "\\::color[]smile\\:"),
        ("a -- b", "a \\-:color[]\\- b"),
        ("<->", "\\<:color[]\\-:color[]\\>"),
        ("a  b", "a \u00a0b"),
        ("\u05d0 2", "\u2068\u05d0\u2069 2"),
        ("Mont Blanc, 3", "Mont Blanc, 3"),
    ],
)
def test_a_name_is_one_line_without_markup(name: str, escaped: str) -> None:
    # What a browser makes of it: tests/browser/test_names.py.
    assert words.plain(name) == escaped

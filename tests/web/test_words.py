"""How pages say things."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from peakid.curate.queues.review_queue import QueueCount
from peakid.records import Decision, RejectionReason
from peakid.store.status import Status
from peakid.web import journey, session, theme, words
from peakid.web.jobs import progress

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EMPTY = Status(0, 0, 0, 0, 0, 0, 0, 0, 0, {})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=30), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=2), "29 Apr 2026"),
    ],
)
def test_a_time_is_said_as_a_person_would(before: timedelta, said: str) -> None:
    assert words.ago((NOW - before).isoformat(), now=NOW) == said


def test_every_rejection_reason_has_words() -> None:
    assert set(words.REASONS) == set(get_args(RejectionReason))


def test_a_decision_is_said_in_words() -> None:
    decision = Decision(1, 1, "d", "a.jpg", "label", "dom", "", "human:anna", "", None)
    assert words.told(decision) == "labelled dom"
    assert words.told(replace(decision, undoes=3)) == "back to labelled dom"
    assert words.told(replace(decision, verdict="exclude", reason="poor quality")) == "excluded: poor quality"
    assert words.told(replace(decision, verdict="flag")) == "flagged"


def test_progress_says_rate_and_time_left() -> None:
    # 120 in 4 s are 30 a second; the other 228 take 7.6 s.
    assert progress.line("reading", 120, 348, "", 4.0) == "reading: 120 of 348 · 30 a second · about 8 s left"
    assert progress.line("starting", 0, 0, "", 4.0) == "starting"
    assert progress.duration(5400) == "1 h 30 min"


def test_names_are_text_and_never_markup() -> None:
    assert session.plain("[x](javascript:1) *a* $b$") == r"\[x\]\(javascript\:1\) \*a\* \$b\$"


@pytest.mark.parametrize(
    ("counts", "n_unreviewed", "n_done_runs", "n_exports", "page"),
    [
        (EMPTY, 0, 0, 0, "collect"),
        (replace(EMPTY, n_images=9), 9, 0, 0, "review"),
        (replace(EMPTY, n_images=9), 0, 0, 0, "snapshots"),
        (replace(EMPTY, n_images=9, n_snapshots=1), 4, 0, 0, "train"),
        (replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1), 4, 1, 0, "evaluate"),
        (replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1), 4, 1, 1, "review"),
        (replace(EMPTY, n_images=9, n_snapshots=1, n_runs=1), 0, 1, 1, "collect"),
    ],
)
def test_the_next_step_leads_to_a_first_model_and_then_back_to_the_data(
    counts: Status, n_unreviewed: int, n_done_runs: int, n_exports: int, page: str
) -> None:
    facts = {"n_unreviewed": n_unreviewed, "n_done_runs": n_done_runs, "n_exports": n_exports}
    assert journey.next_step(counts, QueueCount("worth", 0), 1, **facts).page == page


def test_what_is_worth_the_time_comes_before_everything_unreviewed() -> None:
    facts = {"n_unreviewed": 9, "n_done_runs": 0, "n_exports": 0}
    step = journey.next_step(replace(EMPTY, n_images=9), QueueCount("worth", 1000, is_more=True), 34, **facts)
    assert (
        step.sentence == "1,000+ images are worth your time: labels in doubt and bad pictures, over 34 min."
    )
    assert step.page == "review"


def test_a_class_keeps_its_colour_when_classes_are_added() -> None:
    assert list(theme.class_colours(["a", "b", "c"]).items())[:2] == list(
        theme.class_colours(["a", "b"]).items()
    )

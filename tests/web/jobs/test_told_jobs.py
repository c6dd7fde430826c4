"""A browser is told once how a job ended, also after a reload, and no longer what it dismissed."""

import pytest

from peakid.jobs.job import Job
from peakid.web.jobs import told_jobs
from peakid.web.jobs.told_jobs import TOAST_S, Told

SINCE = "2026-01-01T00:00:00.000Z"


def ended(job_id: int) -> Job:
    texts = dict.fromkeys(("phase", "message", "error", "remedy"), "")
    return Job(
        job_id=job_id,
        kind="scan",
        lane="cpu",
        state="done",
        arguments=None,
        step=0,
        total=0,
        actions=(),
        result=None,
        pid=None,
        created_at=SINCE,
        started_at=SINCE,
        finished_at=SINCE,
        seconds=1.0,
        **texts,
    )


def ids(jobs: list[Job]) -> list[int]:
    return [job.job_id for job in jobs]


def test_a_toast_outlives_the_next_run_of_the_page_and_is_not_drawn_again_later() -> None:
    told = Told(SINCE)
    assert ids(told.toasts([ended(1)], 100.0)) == [1]
    assert ids(told.toasts([ended(1), ended(2)], 101.0)) == [1, 2]
    assert ids(told.toasts([ended(1), ended(2)], 100.0 + TOAST_S)) == [2]
    assert ids(told.toasts([ended(1), ended(2)], 500.0)) == []


def test_after_a_reload_nothing_is_told_again_and_nothing_dismissed_comes_back() -> None:
    told = Told(SINCE)
    told.toasts([ended(1), ended(2)], 100.0)
    told.dismissed.add(1)
    again = told_jobs.parse(told.value(), otherwise_since="2026-06-01T00:00:00.000Z")
    assert again.since == SINCE
    assert ids(again.toasts([ended(1), ended(2), ended(3)], 3.0)) == [3]
    assert ids(again.lines([ended(3), ended(2), ended(1)])) == [3, 2]


def test_a_resumed_job_is_told_again() -> None:
    told = Told(SINCE)
    told.toasts([ended(1)], 100.0)
    told.dismissed.add(1)
    told.forget([1])
    assert ids(told.toasts([ended(1)], 900.0)) == [1]
    assert ids(told.lines([ended(1)])) == [1]


def test_the_sidebar_has_lines_for_the_newest_jobs_only() -> None:
    jobs = [ended(job_id) for job_id in range(9, 0, -1)]
    assert ids(Told(SINCE).lines(jobs)) == [9, 8, 7]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday~~",
        f"{SINCE}~1;2~",
        f"{SINCE}~1",
        "~~",
        f"{SINCE}~{'9' * 500}~",
        f"x{SINCE}~~",
        "<script>",
    ],
)
def test_a_cookie_that_was_tampered_with_is_as_none(value: str) -> None:
    assert told_jobs.parse(value, otherwise_since=SINCE) == Told(SINCE)


def test_the_cookie_stays_small() -> None:
    told = Told(SINCE)
    told.toasts([ended(job_id) for job_id in range(100_000, 101_000)], 1.0)
    assert len(told.value()) < 400
    assert told_jobs.parse(told.value(), otherwise_since="").told.keys() == set(range(100_970, 101_000))

"""A line of progress has one rate, totals that fit, and no time of zero while work remains."""

import pytest

from peakid import progress_text
from peakid.progress_text import Pace


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def at(pace: Pace, clock: Clock, now_s: float, step: int, phase: str = "Reading images") -> str:
    clock.now_s = now_s
    return pace.timed(phase, step, 527, f"{step} of 527 images")


def test_rate_and_time_are_those_of_the_phase_and_not_of_the_whole_job(clock: Clock) -> None:
    pace = Pace(clock)
    assert at(pace, clock, 100, 227) == "227 of 527 images"  # These were decoded before.
    # 90 images in 2 s are 45 per second; the other 210 take 4.7 s.
    assert at(pace, clock, 102, 317) == "317 of 527 images, 45 per second, about 5 s left in this step"
    assert at(pace, clock, 200, 0, "Evaluating") == "0 of 527 images"
    # Counted from the start of this phase: 400 in 4 s.
    assert (
        at(pace, clock, 204, 400, "Evaluating")
        == "400 of 527 images, 100 per second, about 1 s left in this step"
    )


def test_the_end_of_a_phase_does_not_say_that_zero_seconds_are_left(clock: Clock) -> None:
    pace = Pace(clock)
    at(pace, clock, 100, 0)
    assert "about 1 s left" in at(pace, clock, 110, 526)  # .02 s, which would be rounded to 0.
    assert at(pace, clock, 110.02, 527) == "527 of 527 images, 53 per second"


def test_the_first_moments_give_no_rate(clock: Clock) -> None:
    pace = Pace(clock)
    at(pace, clock, 100, 0)
    assert at(pace, clock, 100.5, 60) == "60 of 527 images"


def test_the_same_phase_once_more_is_measured_anew(clock: Clock) -> None:
    pace = Pace(clock)
    at(pace, clock, 100, 0)
    at(pace, clock, 110, 500)
    at(pace, clock, 120, 0)
    assert at(pace, clock, 122, 20) == "20 of 527 images, 10 per second, about 51 s left in this step"


@pytest.mark.parametrize(
    "message",
    ["64 of 527 images, loss 0.5, 12 images/s, about 40 s left", "base_lr=0.1, training, epoch 2 of 6", ""],
)
def test_a_message_with_a_time_or_without_a_count_stays_as_it_is(clock: Clock, message: str) -> None:
    pace = Pace(clock)
    pace.timed("Training, epoch 1 of 6", 0, 527, "")
    clock.now_s += 10
    assert pace.timed("Training, epoch 2 of 6", 64, 527, message) == message


def test_an_epoch_is_no_new_phase() -> None:
    assert progress_text.kind_of("Training, epoch 2 of 6") == progress_text.kind_of("Training, epoch 3 of 6")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "about 1 s left"),
        (40, "about 40 s left"),
        (600, "about 10 min left"),
        (6000, "about 1 h 40 min left"),
    ],
)
def test_a_time_left_is_never_zero(seconds: float, text: str) -> None:
    assert progress_text.time_left(seconds) == text


def test_the_time_of_a_part_can_be_taken_out_of_a_message() -> None:
    message = "64 of 527 images, 45 per second, about 5 s left in this step, GPU 93 % busy"
    assert progress_text.without_time_left(message) == "64 of 527 images, 45 per second, GPU 93 % busy"
    assert progress_text.without_time_left("loss 0.512, about 5 s left") == "loss 0.512"


def test_a_line_is_the_phase_and_its_message() -> None:
    assert progress_text.line("Reading images", "64 of 527 images") == "Reading images: 64 of 527 images"
    assert progress_text.line("Loading libraries", "") == "Loading libraries"
    assert progress_text.line("", "") == ""

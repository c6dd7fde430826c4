"""Scores read the same on every page, in the terminal, in queues and in the browser."""

import sqlite3

import numpy as np
import pytest

from peakid import printable
from peakid.evaluate import score_text

# What is short of certain never reads 100 %, and what is above nothing never 0 %.
SHARES = {
    0.0: "0 %",
    1e-9: "0.1 %",
    0.0034: "0.3 %",
    0.005: "0.5 %",
    0.0051: "1 %",
    0.145: "14 %",  # 100 * 0.145 is 14.499999999999998.
    0.125: "13 %",  # Halves are rounded up, as in JavaScript and SQL.
    0.625: "63 %",
    0.9949: "99 %",
    0.995: "99.5 %",
    0.9995: "99.9 %",
    0.99999994: "99.9 %",  # The largest float32 below 1.
    1.0: "100 %",
}


@pytest.mark.parametrize(("share", "text"), SHARES.items())
def test_only_certainty_reads_100_percent_and_only_nothing_reads_0(share: float, text: str) -> None:
    assert score_text.percent(share) == printable.percent(share) == text
    (in_queue,) = (
        sqlite3.connect(":memory:").execute(f"SELECT {printable.percent_sql('?1')}", (share,)).fetchone()
    )
    assert in_queue == text


def test_the_ends_of_an_interval_and_shares_with_decimals_follow_the_same_rule() -> None:
    assert score_text.span((0.0004, 0.9996)) == "0.1-99.9 %"
    assert score_text.score(0.9996, (0.994, 1.0), 5000) == "99.9 % (99-100 %, n = 5,000)"
    assert printable.percent(0.0001, decimals=1) == "0.1 %"
    assert printable.percent(0.12345, decimals=1) == "12.3 %"


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, int])
def test_shares_of_arrays_read_as_plain_numbers(kind: type) -> None:
    assert printable.percent(kind(1)) == "100 %"
    assert printable.percent(np.float32(0.3), decimals=1) == "30.0 %"


def test_a_similarity_just_below_nothing_has_no_sign() -> None:
    """Cosines may be negative: `-0 %` would be read as a misprint."""
    assert printable.percent(-0.002) == printable.percent(-0.0) == "0 %"
    assert printable.percent(-0.02) == "-2 %"


def test_a_score_has_its_interval_and_n() -> None:
    assert score_text.score(0.909, (0.801, 0.961), 55) == "91 % (80-96 %, n = 55)"
    assert score_text.score(0.909, n_images=1200) == "91 % (n = 1,200)"
    assert score_text.score(1.0, (0.93, 1.0)) == "100 % (93-100 %)"


def test_a_missing_score_is_a_dash() -> None:
    assert (score_text.score(None), score_text.percent(None), score_text.difference(None)) == ("-", "-", "-")


def test_a_difference_is_in_points() -> None:
    assert score_text.difference(0.019) == "+1.9 points"
    assert score_text.difference(-0.0042) == "-0.4 points"


def test_a_baseline_below_one_percent_is_not_rounded_to_nothing() -> None:
    assert score_text.baseline(1 / 3) == "33 %"
    assert score_text.baseline(1 / 200) == "0.5 %"
    assert score_text.baseline(1 / 3000) == "0.033 %"
    assert score_text.baseline(0.0) == "0 %"

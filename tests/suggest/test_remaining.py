"""How many label errors remain: small cases by hand, and how often the interval holds the truth."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from peakid.suggest import remaining
from peakid.suggest.remaining import NOT_JUDGED, RIGHT, WRONG, Labels


def labels_of(n_left, *, audited=(), ranked=(), doubt=None, **more):
    """Return N labels: first those that are left, then the audited ones, then the ranked ones."""
    judgement = np.array([NOT_JUDGED] * n_left + [*audited, *ranked], dtype=np.int8)
    is_audit = np.array([False] * n_left + [True] * len(audited) + [False] * len(ranked))
    return Labels(np.full(len(judgement), 0.5) if doubt is None else doubt, judgement, is_audit, **more)


def test_nothing_is_said_without_a_random_sample():
    found = remaining.estimate(labels_of(1000, ranked=[WRONG] * 30 + [RIGHT] * 70))
    assert (found.n_expected, found.interval, found.expected_in_next) == (None, None, None)
    assert (found.n_left, found.n_audited, found.n_to_audit) == (1000, 0, 100)


def test_the_sample_that_is_needed_is_not_larger_than_what_is_left():
    assert remaining.estimate(labels_of(40)).n_to_audit == 40


def test_a_sample_is_completed_and_then_doubled():
    assert remaining.estimate(labels_of(500, audited=[RIGHT] * 40)).n_to_audit == 60
    assert remaining.estimate(labels_of(500, audited=[RIGHT] * 94)).n_to_audit == 100


def test_a_sample_of_nineteen_is_too_small_and_one_of_twenty_is_not():
    assert remaining.estimate(labels_of(500, audited=[RIGHT] * 19)).interval is None
    assert remaining.estimate(labels_of(500, audited=[RIGHT] * 20)).interval is not None


def test_a_sample_without_an_error_does_not_prove_that_there_are_none():
    found = remaining.estimate(labels_of(1000, audited=[RIGHT] * 100))
    # One stratum: the rate has the distribution beta(.5, 100.5), whose 97.5 % point is .0248.
    assert found.interval[0] == 0
    assert found.interval[1] == pytest.approx(25, abs=2)
    assert found.n_expected <= 3


def test_one_stratum_gives_the_interval_of_jeffreys():
    found = remaining.estimate(labels_of(10_000, audited=[WRONG] * 10 + [RIGHT] * 90))
    # Ten wrong of 100: beta(10.5, 90.5) has the quantiles .0526 and .1698, and the median .1012.
    assert found.interval == (pytest.approx(526, abs=25), pytest.approx(1698, abs=25))
    assert found.n_expected == pytest.approx(1012, abs=20)


def test_nothing_remains_when_every_label_is_reviewed():
    found = remaining.estimate(labels_of(0, audited=[WRONG] * 3 + [RIGHT] * 30))
    assert (found.n_expected, found.interval, found.n_to_audit) == (0, (0, 0), 0)


def test_a_few_labels_bound_the_number_of_errors():
    found = remaining.estimate(labels_of(5, audited=[WRONG] * 90 + [RIGHT] * 10))
    assert found.interval[1] == 5


def test_errors_that_a_ranked_review_has_removed_since_are_not_counted_again():
    # The sample found its ten errors among the most doubtful, all of which are reviewed now.
    doubt = np.concatenate(
        [np.linspace(0, 0.5, 900), np.linspace(0, 0.5, 90), np.full(10, 0.9), np.full(90, 0.9)]
    )
    audited, ranked = [RIGHT] * 90 + [WRONG] * 10, [WRONG] * 85 + [RIGHT] * 5
    found = remaining.estimate(labels_of(900, audited=audited, ranked=ranked, doubt=doubt))
    assert found.n_wrong == 0
    assert found.interval[1] < 40  # A tenth of 900 would be 90.


def test_a_ranked_review_that_ended_without_errors_narrows_the_interval():
    doubt = np.concatenate([np.linspace(0, 0.5, 1000), np.linspace(0, 0.5, 30), np.linspace(0.6, 0.9, 200)])
    audited = [RIGHT] * 30
    alone = remaining.estimate(labels_of(1000, audited=audited, doubt=doubt[:1030]))
    ranked = [RIGHT] * 50 + [WRONG] * 150  # In the order of doubt: the last fifty were right.
    found = remaining.estimate(labels_of(1000, audited=audited, ranked=ranked, doubt=doubt))
    assert found.interval[1] < 0.8 * alone.interval[1]


def test_a_model_that_finds_errors_narrows_the_interval():
    doubt = np.concatenate([np.full(900, 0.01), np.full(100, 0.9), np.full(90, 0.01), np.full(10, 0.9)])
    audited = [RIGHT] * 90 + [WRONG] * 8 + [RIGHT] * 2
    found = remaining.estimate(labels_of(1000, audited=audited, doubt=doubt))
    blind = remaining.estimate(labels_of(1000, audited=audited))
    assert found.interval[1] - found.interval[0] < 0.7 * (blind.interval[1] - blind.interval[0])
    # About eight in ten of the hundred doubtful ones are wrong; of the next fifty looks, about forty.
    assert found.expected_in_next.n == 50
    assert found.expected_in_next.found == pytest.approx(40, abs=5)


def test_the_next_looks_are_not_more_fruitful_than_the_last_ones():
    doubt = np.concatenate([np.linspace(0, 0.5, 1000), np.linspace(0, 0.5, 40), np.linspace(0.6, 0.9, 50)])
    audited, ranked = [RIGHT] * 30 + [WRONG] * 10, [WRONG] + [RIGHT] * 49
    found = remaining.estimate(labels_of(1000, audited=audited, ranked=ranked, doubt=doubt))
    assert found.expected_in_next.found <= 2


def test_the_test_score_moves_by_its_own_wrong_labels_at_most():
    is_test = np.array([True] * 100 + [False] * 1000)
    found = remaining.estimate(labels_of(1000, audited=[RIGHT] * 100, is_test=is_test, n_test=200))
    # 100 of 200 test images are reviewed; of the others at most about 3 are wrong: 3 of 200.
    assert found.test_shift == pytest.approx(0.015, abs=0.006)
    assert remaining.estimate(labels_of(1000, audited=[RIGHT] * 100)).test_shift is None


def test_known_mistakes_of_the_reviewer_are_not_counted_as_label_errors():
    audited = [WRONG] * 10 + [RIGHT] * 190  # 5 % changed, by a reviewer who is mistaken in 5 % of the looks.
    plain = remaining.estimate(labels_of(2000, audited=audited))
    corrected = remaining.estimate(labels_of(2000, audited=audited), reviewer_error=0.05)
    assert plain.n_expected == pytest.approx(103, abs=12)
    assert corrected.interval[0] == 0
    assert corrected.n_expected < 40


def test_a_small_sample_gives_a_wide_interval_and_says_so():
    assert remaining.estimate(labels_of(5000, audited=[RIGHT] * 30)).is_wide
    assert not remaining.estimate(labels_of(5000, audited=[WRONG] * 100 + [RIGHT] * 200)).is_wide


def test_the_same_labels_give_the_same_estimate():
    case = labels_of(700, audited=[WRONG] * 3 + [RIGHT] * 60)
    assert remaining.estimate(case) == remaining.estimate(case)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Every sample of 60 among 1,000 labels, with its probability, for many numbers of errors; no model."""
    cases = [labels_of(940, audited=[WRONG] * n + [RIGHT] * (60 - n)) for n in range(40)]
    intervals = [remaining.estimate(case).interval for case in cases]
    held = []
    for n_errors in range(10, 260, 10):
        chances = hypergeom.pmf(np.arange(40), 1000, n_errors, 60)
        is_in = [low <= n_errors - n <= high for n, (low, high) in enumerate(intervals)]
        held.append(float(chances @ is_in))
    assert 0.94 <= np.mean(held) <= 0.97
    assert min(held) > 0.88  # Counts are whole numbers, so that it varies with the number of errors.


@pytest.mark.slow
def test_the_interval_holds_the_truth_beside_a_ranked_review():
    """200 sets of 2,000 labels, a tenth wrong, and a middling model; 100 audited amid 200 ranked looks."""
    n_held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        is_wrong = rng.random(2000) < 0.1
        doubt = 1 / (1 + np.exp(-(3 * is_wrong - 2 + rng.normal(size=2000))))
        judgement, is_audit = np.full(2000, NOT_JUDGED, dtype=np.int8), np.zeros(2000, dtype=bool)
        order = np.argsort(-doubt)
        judgement[order[:100]] = is_wrong[order[:100]]
        audited = rng.choice(np.flatnonzero(judgement == NOT_JUDGED), 100, replace=False)
        judgement[audited], is_audit[audited] = is_wrong[audited], True
        later = order[judgement[order] == NOT_JUDGED][:100]
        judgement[later] = is_wrong[later]
        low, high = remaining.estimate(Labels(doubt, judgement, is_audit)).interval
        n_held += low <= is_wrong[judgement == NOT_JUDGED].sum() <= high
    assert 0.91 <= n_held / 200 <= 0.985  # 95 %, and two standard errors of 200 sets.

"""Wrong labels come first, with the right label suggested, also where few classes are confused."""

import numpy as np
import pytest

from peakid.suggest import label_quality, noise
from peakid.suggest.head import LiveHead


def confusable(n: int = 360, n_features: int = 30, *, spread: float = 2.2) -> tuple[np.ndarray, np.ndarray]:
    """Return features of six classes of which 0 and 1, 2 and 3 resemble each other, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 6
    centres = 3 * rng.normal(size=(6, n_features))
    centres[1] = centres[0] + 0.8 * rng.normal(size=n_features)
    centres[3] = centres[2] + 0.8 * rng.normal(size=n_features)
    return centres[labels] + spread * rng.normal(size=(n, n_features)), labels


def at_random(labels: np.ndarray, n: int) -> np.ndarray:
    """Return labels of which n were replaced by any other class."""
    rng = np.random.default_rng(1)
    chosen, given = rng.permutation(len(labels))[:n], labels.copy()
    given[chosen] = (given[chosen] + rng.integers(1, 6, n)) % 6
    return given


def in_pairs(labels: np.ndarray, n: int) -> np.ndarray:
    """Return labels of which n were swapped between 0 and 1; 2 and 3 are only hard to tell apart."""
    chosen, given = np.random.default_rng(1).permutation(np.flatnonzero(labels < 2))[:n], labels.copy()
    given[chosen] ^= 1
    return given


def average_precision(quality: np.ndarray, is_wrong: np.ndarray) -> float:
    found = is_wrong[np.argsort(quality, kind="stable")]
    return float((found.cumsum() / np.arange(1, len(found) + 1))[found].mean())


def test_labels_that_were_changed_come_first_with_the_right_suggestion():
    features, labels = confusable()
    given = at_random(labels, 20)
    is_wrong = given != labels
    _, found = label_quality.rank(LiveHead(features, np.arange(360)), given, 6)
    first = np.argsort(found.label_quality)[:20]
    assert is_wrong[first].sum() >= 18
    assert (found.suggested == labels)[is_wrong].sum() >= 18
    assert found.pair_share < 0.5


def test_about_as_many_labels_are_issues_as_were_changed():
    features, labels = confusable()
    given = at_random(labels, 40)
    _, found = label_quality.rank(LiveHead(features, np.arange(360)), given, 6)
    assert 30 <= found.is_issue.sum() <= 60
    assert (given != labels)[found.is_issue].mean() > 0.7
    assert (found.suggested != given)[found.is_issue].all()


def test_swapped_labels_of_two_classes_are_found_better_than_by_the_margin():
    features, labels = confusable()
    given = in_pairs(labels, 36)
    is_wrong = given != labels
    fit, found = label_quality.rank(LiveHead(features, np.arange(360)), given, 6)
    assert found.pair_share == 1
    own = np.log(fit.probabilities)[np.arange(360), given]
    best = np.where(np.eye(6, dtype=bool)[given], -np.inf, np.log(fit.probabilities)).max(axis=1)
    assert average_precision(found.label_quality, is_wrong) > average_precision(own - best, is_wrong) + 0.02


def test_the_estimated_noise_names_the_classes_that_were_swapped():
    features, labels = confusable()
    given = in_pairs(labels, 36)  # Of 120.
    p = LiveHead(features, np.arange(360)).fit(given, 6).probabilities
    found = noise.estimate(np.log(p.astype(float)), given).transition
    assert found.sum(axis=1) == pytest.approx(np.ones(6))
    off = found * (1 - np.eye(6))
    largest = {divmod(int(i), 6) for i in np.argsort(-off, axis=None)[:2]}
    assert largest == {(0, 1), (1, 0)}


def test_near_duplicates_with_different_labels_come_before_all_others():
    features, labels = confusable()
    given = at_random(labels, 20)
    conflicts = np.zeros(360, dtype=bool)
    conflicts[[100, 101]] = True
    _, found = label_quality.rank(LiveHead(features, np.arange(360)), given, 6, conflicts=conflicts)
    assert set(np.argsort(found.label_quality)[:2].tolist()) == {100, 101}
    assert found.is_issue[[100, 101]].all()


def test_images_without_a_label_get_a_suggestion_and_no_quality():
    features, labels = confusable()
    given = labels.copy()
    given[:30] = -1
    _, found = label_quality.rank(LiveHead(features, np.arange(360)), given, 6)
    assert np.isnan(found.label_quality[:30]).all()
    assert not np.isnan(found.label_quality[30:]).any()
    assert (found.suggested[:30] == labels[:30]).mean() > 0.8
    assert not found.is_issue[:30].any()


def test_a_run_that_knows_better_improves_the_ranking_where_it_predicted():
    features, labels = confusable(spread=6)
    given = at_random(labels, 40)
    is_wrong = given != labels
    run = np.full((360, 6), 0.02)
    run[np.arange(360), labels] = 0.9
    run[300:] = np.nan  # Images that the run never saw.
    head = LiveHead(features, np.arange(360))
    _, alone = label_quality.rank(head, given, 6)
    _, both = label_quality.rank(head, given, 6, others=[run])
    inside = np.arange(360) < 300
    before = average_precision(alone.label_quality[inside], is_wrong[inside])
    assert average_precision(both.label_quality[inside], is_wrong[inside]) > before + 0.1
    assert both.suggested[300:].tolist() == alone.suggested[300:].tolist()


def test_a_run_that_knows_nothing_changes_little():
    features, labels = confusable()
    given = at_random(labels, 40)
    run = np.random.default_rng(0).dirichlet(np.ones(6), 360)
    head = LiveHead(features, np.arange(360))
    _, alone = label_quality.rank(head, given, 6)
    _, both = label_quality.rank(head, given, 6, others=[run])
    is_wrong = given != labels
    change = average_precision(both.label_quality, is_wrong) - average_precision(
        alone.label_quality, is_wrong
    )
    assert abs(change) < 0.05


def test_a_head_that_is_seldom_right_calls_few_labels_wrong():
    features, labels = confusable(spread=60)
    _, found = label_quality.rank(LiveHead(features, np.arange(360)), labels, 6)
    assert found.is_issue.sum() <= 5


@pytest.mark.parametrize("n_classes", [1, 2])
def test_few_classes_and_no_labels_are_ranked_without_an_error(n_classes):
    features, _ = confusable(12)
    for labels in (np.full(12, -1), np.arange(12) % n_classes, np.zeros(12, int)):
        _, found = label_quality.rank(LiveHead(features, np.arange(12)), labels, n_classes)
        assert np.isnan(found.label_quality).sum() == (labels < 0).sum()


def test_judged_labels_are_no_issue_and_do_not_dilute_the_rates_of_confusion():
    features, labels = confusable()
    given = in_pairs(labels, 36)
    is_wrong = given != labels
    judged = np.zeros(360, dtype=bool)
    judged[np.flatnonzero(~is_wrong)[:150]] = True
    head = LiveHead(features, np.arange(360))
    _, without = label_quality.rank(head, given, 6)
    _, found = label_quality.rank(head, given, 6, trusted=judged)
    assert not found.is_issue[judged].any()
    assert found.is_issue[is_wrong].sum() >= without.is_issue[is_wrong].sum()
    everything = np.ones(360, dtype=bool)
    _, closed = label_quality.rank(head, given, 6, trusted=everything)
    assert not closed.is_issue.any()
    assert np.isfinite(closed.label_quality).all()

"""How many label errors remain, read from what people said in audits and in ranked order."""

import pytest

from peakid.curate import class_merges, classes, decisions
from peakid.curate.queues import audits, review_queue
from peakid.suggest import label_audit
from peakid.suggest.remaining import Next, Remaining

AUDIT = audits.labels_queue(30)


def counts(workspace):
    labels = label_audit.labels(workspace)
    judged = ~labels.is_left
    return {
        "left": int(labels.is_left.sum()),
        "audited": int((judged & labels.is_audit).sum()),
        "ranked": int((judged & ~labels.is_audit).sum()),
        "wrong": int((labels.judgement == 1).sum()),
    }


def test_the_sample_has_labels_that_no_person_has_reviewed_and_keeps_its_images(workspace, add_labels, judge):
    digests = add_labels(river=20, sea=20)
    judge(digests[:5], "river")
    first = [item.digest for item in review_queue.page(workspace, AUDIT)]
    assert len(first) == 30
    assert not set(first) & set(digests[:5])
    judge(first[:10], "river", queue=AUDIT)
    assert [item.digest for item in review_queue.page(workspace, AUDIT)] == first[10:]
    # A larger sample continues the same one.
    assert [item.digest for item in review_queue.page(workspace, audits.labels_queue(35))][:20] == first[10:]


def test_an_image_that_is_reviewed_elsewhere_is_replaced_in_the_sample(workspace, add_labels, judge):
    add_labels(river=40)
    first = [item.digest for item in review_queue.page(workspace, AUDIT)]
    judge(first[:1], "river", queue="class:river")
    then = [item.digest for item in review_queue.page(workspace, AUDIT)]
    assert then[:29] == first[1:]
    assert len(then) == 30


def test_the_queue_tells_an_audit_from_a_ranked_review(workspace, add_labels, judge):
    digests = add_labels(river=6, sea=4)
    judge(digests[:2], "river", queue=AUDIT)
    judge(digests[2:3], "sea", queue=AUDIT)
    judge(digests[3:5], "sea", queue="label-issues")
    judge(digests[5:6], "river", queue="all")  # Chosen neither at random nor by doubt: it says nothing.
    assert counts(workspace) == {"left": 4, "audited": 3, "ranked": 2, "wrong": 3}


def test_the_last_word_about_an_image_counts(workspace, add_labels, judge):
    digests = add_labels(river=5, sea=1)
    judge(digests[:1], "sea", queue=AUDIT)
    judge(digests[:1], "river", queue=AUDIT)  # A slip, corrected with the next key.
    assert counts(workspace) == {"left": 5, "audited": 1, "ranked": 0, "wrong": 0}


def test_an_undone_judgement_does_not_count(workspace, add_labels, judge):
    digests = add_labels(river=5, sea=1)
    judge(digests[:1], "sea", queue=AUDIT)
    decisions.undo(workspace, actor="human:anna")
    assert counts(workspace) == {"left": 6, "audited": 0, "ranked": 0, "wrong": 0}
    decisions.redo(workspace, actor="human:anna")
    assert counts(workspace) == {"left": 5, "audited": 1, "ranked": 0, "wrong": 1}


def test_an_excluded_image_was_labelled_wrongly_and_a_flagged_one_is_not_known(workspace, add_labels, judge):
    digests = add_labels(river=5, sea=1)
    judge(digests[:1], "", queue=AUDIT, verdict="exclude", reason="a map")
    judge(digests[1:2], "", queue=AUDIT, verdict="flag")
    assert counts(workspace) == {"left": 4, "audited": 1, "ranked": 0, "wrong": 1}


def test_merging_classes_makes_no_label_wrong(workspace, add_labels, judge):
    digests = add_labels(river=5, stream=3)
    judge(digests[:2], "river", queue=AUDIT)
    class_merges.merge(workspace, "river", "stream", actor="human:anna")
    assert counts(workspace)["wrong"] == 0
    assert classes.names(workspace) == ["stream"]


def test_the_label_quality_is_kept_as_it_was_before_the_judgement(
    workspace, add_labels, judge, suggest_labels
):
    digests = add_labels(river=5, sea=1)
    suggest_labels(*((digest, "sea", 0.9, 0.2) for digest in digests))
    judge(digests[:1], "sea", queue=AUDIT)
    suggest_labels((digests[0], "sea", 0.9, 0.99))  # The head knows the new label now.
    labels = label_audit.labels(workspace)
    assert labels.doubt[~labels.is_left].tolist() == pytest.approx([0.8])
    assert labels.doubt[labels.is_left].tolist() == pytest.approx([0.8] * 5)


def test_an_audit_from_before_there_was_a_model_still_counts(workspace, add_labels, judge, suggest_labels):
    digests = add_labels(river=30, sea=10)
    judge(digests[:25], "river", queue=AUDIT)
    suggest_labels(*((digest, "sea", 0.9, 0.2) for digest in digests[25:]))
    found = label_audit.read(workspace)
    assert (found.n_audited, found.n_left) == (25, 15)
    assert set(label_audit.labels(workspace).doubt) == {0.5}


def test_without_a_sample_the_text_says_which_one_is_needed(workspace, add_labels):
    add_labels(river=300)
    found = label_audit.read(workspace)
    assert label_audit.text(found) == (
        "How many of 300 labels without review are wrong is not known yet: it takes a random sample of 100."
    )
    assert label_audit.sample_queue(workspace, found) == "audit:labels:100"


def test_the_text_gives_the_interval_the_next_looks_and_the_test_score():
    found = Remaining(1204, 200, 3, 100, 11, (6, 18), Next(50, 3), n_test=200, test_shift=0.005)
    assert label_audit.text(found) == (
        "About 11 (6 to 18) label errors remain in 1,204 labels without review; the next 50 looks should find"
        " 3. Correcting them would move the test accuracy by less than 0.5 points."
    )


def test_the_text_says_that_a_small_sample_says_little():
    found = Remaining(1204, 30, 0, 70, 9, (0, 88), Next(50, 2))
    assert label_audit.text(found).endswith("A random sample of 30 is too small to say it more exactly.")


def test_the_test_images_are_those_of_the_newest_snapshot(workspace, frozen):
    labels = label_audit.labels(workspace)
    assert labels.n_test == frozen.splits["test"] > 0
    assert labels.is_test.sum() == frozen.splits["test"]

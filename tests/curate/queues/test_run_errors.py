"""The queue of all errors of a run: its order, what is said about each, and what is left after judging."""

import pytest

from peakid.curate import class_merges, classes, decisions, remarks
from peakid.curate.duplicates import pair_judgements
from peakid.curate.queues import queue_plans, review_queue, run_errors
from peakid.errors import NotFound
from peakid.records import Choice

ANNA = "human:anna"
VALID = "errors:1:valid"


@pytest.fixture
def digests(plant, add_run):
    """Four errors of valid (c, a, b, d by confidence), one of test, and one image of train."""
    planted = plant({"a": "dom", "b": "dom", "c": "eiger", "d": "monch", "e": "dom", "f": "eiger"})
    add_run(
        planted,
        ("a", "valid", "dom", "eiger", 0.8),
        ("b", "valid", "dom", "eiger", 0.7),
        ("c", "valid", "eiger", "dom", 0.9),
        ("d", "valid", "monch", "dom", 0.4),
        ("e", "test", "dom", "eiger", 0.95),
        ("f", "train", "eiger", "dom", 0.99),
    )
    return planted


def names_in(workspace, digests, queue):
    by_digest = {digest: name for name, digest in digests.items()}
    return "".join(by_digest[item.digest] for item in review_queue.page(workspace, queue))


def judge(workspace, digest, label, queue=VALID):
    decisions.decide(workspace, [Choice(digest, "label", label, basis={"queue": queue})], actor=ANNA)


def test_the_most_confident_error_is_first_and_names_the_predicted_class(workspace, digests):
    assert review_queue.errors_queue(1, "valid") == VALID
    assert names_in(workspace, digests, VALID) == "cabd"
    first = review_queue.page(workspace, VALID)[0]
    assert (first.label, first.predicted, first.reason) == ("eiger", "dom", "run 1 predicts dom (90 %)")


def doubt(workspace, digests, **quality):
    """Store that the live head doubts the labels of these images."""
    with workspace.transaction() as connection:
        connection.execute("INSERT INTO head_fit VALUES (1, 1, '', 1, 0, 0, 0, 0, 0, 0, '')")
        for name, value in quality.items():
            connection.execute(
                "INSERT INTO suggestion (image_id, suggested_class_id, confidence, given_class_id,"
                " label_quality, is_issue, n_near, n_near_suggested)"
                " SELECT s.image_id, s.class_id, .9, s.class_id, ?, 1, 0, 0 FROM image_state s"
                " JOIN image i ON i.id = s.image_id WHERE i.digest = ?",
                (value, digests[name]),
            )


def test_errors_whose_label_the_live_head_doubts_come_first(workspace, digests):
    doubt(workspace, digests, b=0.2, d=0.1, e=0.01, f=0.01)  # f is of train, e of test.
    assert names_in(workspace, digests, VALID) == "dbca"
    first = review_queue.page(workspace, VALID, limit=3)
    assert first[0].reason == "run 1 predicts dom (40 %)"
    rest = review_queue.page(workspace, VALID, after=first[-1].cursor)
    assert [item.digest for item in rest] == [digests["a"]]
    assert review_queue.count(workspace, VALID) == 4
    assert names_in(workspace, digests, "errors:1:test") == "e"
    assert names_in(workspace, digests, f"{VALID}:all") == "cabd"
    judge(workspace, digests["b"], "dom", queue="all")  # A person confirmed it: the model is wrong.
    assert names_in(workspace, digests, VALID) == "dcab"


def test_pages_of_the_queue_follow_each_other(workspace, digests):
    first = review_queue.page(workspace, VALID, limit=2)
    rest = review_queue.page(workspace, VALID, limit=5, after=first[-1].cursor)
    assert [item.digest for item in first + rest] == [digests[name] for name in "cabd"]
    assert review_queue.count(workspace, VALID) == 4


def test_judged_errors_leave_the_queue_and_stay_in_that_of_all(workspace, digests):
    judge(workspace, digests["c"], "eiger")  # The label was right.
    judge(workspace, digests["a"], "eiger", queue="unreviewed")  # Corrected elsewhere.
    judge(workspace, digests["b"], "dom", queue=review_queue.confusion_queue(1, "valid", "dom", "eiger"))
    assert names_in(workspace, digests, VALID) == "d"
    every = review_queue.errors_queue(1, "valid", is_judged_too=True)
    assert names_in(workspace, digests, every) == "cabd"
    decisions.undo(workspace, actor=ANNA)
    assert names_in(workspace, digests, VALID) == "bd"


def test_test_images_hide_their_prediction_until_they_are_judged(workspace, digests):
    (item,) = review_queue.page(workspace, "errors:1:test")
    assert (item.predicted, item.score) == (None, None)
    assert item.reason == "test image: the prediction of run 1 is hidden until you judge it"
    assert queue_plans.run_that_ranks(workspace, "errors:1:test") == 1  # Such judgements are marked.


def test_a_near_duplicate_in_train_is_named_unless_a_person_called_it_different(workspace, digests):
    with workspace.transaction() as connection:
        ids = {name: connection.execute("SELECT id FROM image WHERE digest = ?", (digest,)).fetchone()[0]
               for name, digest in digests.items()}  # fmt: skip
        connection.execute(
            "INSERT INTO snapshot_item VALUES (1, ?, 'eiger', 'train', ?), (1, ?, 'dom', 'valid', ?)",
            (ids["f"], digests["f"], ids["a"], digests["a"]),
        )
        pair = tuple(sorted((ids["a"], ids["f"])))
        connection.execute("INSERT INTO duplicate_pair VALUES (?, ?, 'near', 3, 'now')", pair)

    def reason():
        return next(i for i in review_queue.page(workspace, VALID) if i.digest == digests["a"]).reason

    assert reason() == f"run 1 predicts eiger (80 %); {run_errors.IN_TRAIN}"
    pair_judgements.judge(workspace, [pair], "different", actor=ANNA)
    assert reason() == "run 1 predicts eiger (80 %)"


def test_an_image_that_also_shows_the_predicted_class_is_no_error(workspace, digests):
    remarks.also(workspace, digests["a"], "eiger", actor=ANNA)
    assert names_in(workspace, digests, VALID) == "cbd"


def test_renamed_and_merged_classes_are_known(workspace, digests):
    classes.rename(workspace, "eiger", "Eiger")
    judge(workspace, digests["a"], "Eiger", queue="unreviewed")
    assert names_in(workspace, digests, VALID) == "cbd"
    class_merges.merge(workspace, "monch", "dom", actor=ANNA)  # d was given monch and predicted as dom.
    assert names_in(workspace, digests, VALID) == "cb"


@pytest.mark.parametrize("name", ["errors", "errors:", "errors:1", "errors:x:valid", "errors:1:"])
def test_an_incomplete_name_says_how_to_write_it(workspace, name):
    with pytest.raises(NotFound):
        review_queue.page(workspace, name)

"""Suggestions above a threshold are accepted as one step, which is undone and audited."""

from datetime import UTC, datetime

import pytest

from peakid.curate import decisions, history, step_text
from peakid.curate.queues import audits, review_queue
from peakid.errors import BadInput, NotFound
from peakid.keep import forget
from peakid.records import Choice
from peakid.suggest import accept


@pytest.fixture
def suggested(without_labels, suggest_labels):
    """Return four images without a label and their suggestions: river .99, river .96, sea .95, sea .6."""
    digests = without_labels(river=2, sea=2)
    suggest_labels(*zip(digests, ["river", "river", "sea", "sea"], [0.99, 0.96, 0.95, 0.6], strict=True))
    return digests


def states(workspace, digests):
    found = {item.digest: item for item in review_queue.items(workspace, digests)}
    return [(found[digest].label, found[digest].verdict, found[digest].is_reviewed) for digest in digests]


def test_suggestions_above_the_threshold_become_labels_that_no_person_has_reviewed(workspace, suggested):
    result = accept.accept(workspace, 0.95, actor="human:anna")
    assert result.n_images == 3
    assert states(workspace, suggested) == [
        ("river", "label", False),
        ("river", "label", False),
        ("sea", "label", False),
        (None, "clear", False),
    ]
    assert {each.actor for each in result.decisions} == {"model:head"}


def test_one_undo_of_the_person_takes_the_whole_step_back(workspace, suggested):
    accept.accept(workspace, 0.95, actor="human:anna")
    decisions.undo(workspace, actor="human:anna")
    assert {state[1] for state in states(workspace, suggested)} == {"clear"}
    assert accept.newest(workspace) is None
    assert accept.list_accepted(workspace)[0].is_undone


def test_the_history_says_that_suggestions_were_accepted_and_the_pace_does_not_count_them(
    workspace, suggested
):
    accept.accept(workspace, 0.95, actor="human:anna")
    (step, *_) = history.page(workspace)
    assert (step.actor, step_text.describe(step)) == ("human:anna", "accepted 3 suggestions")
    assert history.pace(workspace, "human:anna", at=datetime.now(UTC)).n_today == 0
    decisions.undo(workspace, actor="human:anna")
    assert step_text.describe(history.page(workspace)[0]) == "undid 3 images"


def test_an_offer_counts_what_would_be_accepted_and_what_the_model_expects_to_be_wrong(workspace, suggested):
    found = accept.offer(workspace, 0.95)
    assert (found.n_images, found.n_test) == (3, 0)
    assert found.expected_error == pytest.approx((0.01 + 0.04 + 0.05) / 3)
    assert accept.offer(workspace, 1.0).n_images == 0
    assert states(workspace, suggested)[0] == (None, "clear", False)


def test_test_images_are_left_for_a_person(workspace, suggested):
    with workspace.transaction() as connection:
        connection.execute(
            "INSERT INTO split_assignment SELECT 0, id, 'test' FROM image WHERE digest = ?", (suggested[0],)
        )
        connection.execute(  # In the test folder of an import, and never in a snapshot.
            "UPDATE origin SET split = 'test' WHERE image_id = (SELECT id FROM image WHERE digest = ?)",
            (suggested[1],),
        )
    assert accept.offer(workspace, 0.9).n_test == 2
    accept.accept(workspace, 0.9, actor="human:anna")
    assert [state[0] for state in states(workspace, suggested)] == [None, None, "sea", None]


def test_an_image_that_was_labelled_meanwhile_is_not_touched(workspace, suggested, judge):
    judge(suggested[:1], "sea")
    accept.accept(workspace, 0.95, actor="human:anna")
    assert states(workspace, suggested)[0] == ("sea", "label", True)


def test_more_suggestions_than_were_confirmed_are_refused(workspace, suggested):
    with pytest.raises(BadInput, match="you confirmed 2"):
        accept.accept(workspace, 0.95, at_most=2, actor="human:anna")
    assert accept.list_accepted(workspace) == []


@pytest.mark.parametrize(("threshold", "message"), [(1.5, "cannot be"), (0.999, "No suggestion")])
def test_a_threshold_that_accepts_nothing_is_refused(workspace, suggested, threshold, message):
    with pytest.raises(BadInput, match=message):
        accept.accept(workspace, threshold, actor="human:anna")


def test_the_same_action_delivered_twice_is_one_step(workspace, suggested):
    accept.accept(workspace, 0.95, actor="human:anna", event_id="e")
    assert accept.accept(workspace, 0.5, actor="human:anna", event_id="e").step_id is None
    assert len(accept.list_accepted(workspace)) == 1


def test_a_retired_class_is_not_accepted(workspace, suggested):
    with workspace.transaction() as connection:
        connection.execute("UPDATE class SET is_retired = 1 WHERE name = 'river'")
    assert accept.offer(workspace, 0.9).n_images == 1


def test_the_audit_is_a_fixed_random_sample_of_the_step(workspace, without_labels, suggest_labels):
    digests = without_labels(river=70)
    suggest_labels(*((digest, "river", 0.99) for digest in digests))
    step_id = accept.accept(workspace, actor="human:anna").step_id
    queue = audits.step_queue(step_id)
    found = review_queue.page(workspace, queue, limit=100)
    assert len(found) == 50
    assert [each.digest for each in found] == [
        each.digest for each in review_queue.page(workspace, queue, limit=100)
    ]
    other = accept.list_accepted(workspace)[0]
    assert (other.n_images, other.n_sample, other.n_judged, other.error_rate) == (70, 50, 0, None)
    assert accept.audit_text(other) == "Audit: none of 50 judged yet"


def test_the_audit_counts_labels_that_a_person_changed(workspace, without_labels, suggest_labels, judge):
    digests = without_labels(river=60, sea=1)
    suggest_labels(*((digest, "river", 0.99) for digest in digests))
    queue = audits.step_queue(accept.accept(workspace, actor="human:anna").step_id)
    sample = [item.digest for item in review_queue.page(workspace, queue, limit=100)]
    judge(sample[:46], "river", queue=queue)
    judge(sample[46:47], "sea", queue=queue)
    judge(sample[47:48], "", queue=queue, verdict="exclude", reason="a map")
    judge(sample[48:49], "", queue=queue, verdict="flag")
    found = accept.of_queue(workspace, queue)
    # The flagged image and the last one are not judged. Wilson's interval of 2 of 48: .0115 to .1397.
    assert (found.n_judged, found.n_wrong) == (48, 2)
    assert found.error_rate == pytest.approx(2 / 48)
    assert found.interval == pytest.approx((0.0115, 0.1397), abs=1e-4)
    assert accept.audit_text(found) == "Audit: 2 of 48 wrong (4 %, 1-14 %)"
    assert [item.digest for item in review_queue.page(workspace, queue)] == sample[49:]


def test_an_audit_of_every_accepted_image_has_no_uncertainty(workspace, suggested, judge):
    queue = audits.step_queue(accept.accept(workspace, 0.95, actor="human:anna").step_id)
    sample = [item.digest for item in review_queue.page(workspace, queue)]
    judge(sample, "river", queue=queue)  # One of the three is labelled sea.
    found = accept.newest(workspace)
    assert (found.n_wrong, found.interval) == (1, (1 / 3, 1 / 3))


def test_the_audit_of_an_undone_step_is_empty(workspace, suggested):
    step_id = accept.accept(workspace, 0.95, actor="human:anna").step_id
    decisions.undo(workspace, actor="human:anna")
    assert review_queue.page(workspace, audits.step_queue(step_id)) == []


def test_forgotten_images_leave_the_audit(workspace, suggested):
    step_id = accept.accept(workspace, 0.95, actor="human:anna").step_id
    forget.forget(workspace, suggested[0], actor="human:anna")
    assert len(audits.sample_of_step(workspace, step_id)) == 2


@pytest.mark.parametrize(
    "queue", ["audit", "audit:", "audit:labels", "audit:labels:0", "audit:labels:99999", "audit:x"]
)
def test_an_unknown_audit_is_refused(workspace, queue):
    with pytest.raises(NotFound):
        review_queue.page(workspace, queue)


def test_a_choice_of_a_person_on_an_accepted_label_makes_it_reviewed(workspace, suggested):
    accept.accept(workspace, 0.95, actor="human:anna")
    decisions.decide(workspace, [Choice(suggested[0], "label", "river")], actor="human:ben")
    assert states(workspace, suggested)[0] == ("river", "label", True)

"""The outbox: whatever a browser sends, each event is saved once, in order, or refused with a reason."""

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from peakid.curate import decisions
from peakid.curate.queues import review_queue
from peakid.errors import WorkspaceNotWritable
from peakid.records import Choice, Decision, StepResult
from peakid.store.workspace import DATABASE_NAME, Workspace
from peakid.web.gallery import outbox
from peakid.web.gallery.outbox import Ack, Event


def event(seq: int, kind: str, digest: str = "", **more: Any) -> dict[str, Any]:
    return {"seq": seq, "id": f"event-{seq}", "kind": kind, "digest": digest, **more}


def own(workspace: Workspace) -> list[Decision]:
    """Anna's decisions, oldest first."""
    return [row for row in reversed(decisions.log(workspace, limit=1000)) if row.actor == "human:anna"]


@pytest.fixture
def deliver(workspace: Workspace) -> Callable[..., Ack]:
    def delivered(*events: object, last_ack: int = 0, actor: str = "human:anna") -> Ack:
        return outbox.apply(workspace, list(events), last_ack=last_ack, actor=actor)

    return delivered


def test_events_are_saved_in_the_order_of_their_numbers(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b, c = fill(river=2, sea=1)
    ack = deliver(
        event(3, "flag", c), event(1, "label", a, label="sea"), event(2, "exclude", b, reason="poor quality")
    )
    assert (ack.seq, ack.refused, set(ack.changed)) == (3, (), {a, b, c})
    assert [(row.digest, row.verdict, row.label, row.reason) for row in own(workspace)] == [
        (a, "label", "sea", ""),
        (b, "exclude", "river", "poor quality"),
        (c, "flag", "sea", ""),
    ]


def test_a_growing_outbox_is_saved_once(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    digests = fill(river=4)
    events = [event(i + 1, "label", digest, label="river") for i, digest in enumerate(digests)]
    ack = deliver(*events[:2])
    deliver(*events, last_ack=ack.seq)
    assert [row.digest for row in own(workspace)] == digests


def test_an_outbox_delivered_twice_changes_nothing_even_when_its_acknowledgement_was_lost(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=1, sea=1)
    events = [
        event(1, "label", a, label="sea"),
        event(2, "flag", b),
        event(3, "undo"),
        event(4, "undo"),
        event(5, "redo"),
    ]
    deliver(*events)
    before = decisions.log(workspace, limit=1000)
    assert deliver(*events, last_ack=0).seq == 5
    assert decisions.log(workspace, limit=1000) == before
    assert [item.label for item in review_queue.items(workspace, [a, b])] == ["sea", "sea"]


def test_an_invalid_event_is_refused_and_the_others_are_saved(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    ack = deliver(
        event(1, "label", "0" * 64, label="river"),
        event(2, "label", a, label="lake"),
        event(3, "exclude", a),
        event(4, "dance", a),
        {"seq": 5, "kind": "flag", "digest": a},
        event(6, "redo"),
        event(7, "label", a, label="river"),
    )
    assert ack.seq == 7
    assert [refusal.seq for refusal in ack.refused] == [1, 2, 3, 4, 5, 6]
    unknown_image, unknown_class, no_reason, unknown_verdict, no_id, _ = [
        refusal.message for refusal in ack.refused
    ]
    assert "0000000000000000" in unknown_image
    assert "'lake'" in unknown_class
    assert "reason" in no_reason
    assert unknown_verdict == "Unknown verdict 'dance'. Reload the page."
    assert no_id == "Event 5 has no id. Reload the page."
    assert [row.label for row in own(workspace)] == ["river"]


@pytest.mark.parametrize(
    "sent", [None, 7, "label", {"seq": 1}, [None, 3, [], {}, {"seq": "1"}, {"seq": None, "kind": "flag"}]]
)
def test_what_is_not_an_outbox_is_ignored(workspace: Workspace, sent: object) -> None:
    assert outbox.apply(workspace, sent, last_ack=9, actor="human:anna") == Ack(9)


@pytest.mark.parametrize(
    "junk", [{"label": 7}, {"label": ["river"]}, {"reason": {"a": 1}}, {"base": "x"}, {"digest": None}]
)
def test_fields_of_the_wrong_type_are_refused_or_ignored(
    deliver: Callable[..., Ack], fill: Callable, junk: dict[str, Any]
) -> None:
    (a,) = fill(river=1)
    assert deliver({**event(1, "label", a, label="river"), **junk}).seq == 1


def test_one_undo_reverses_one_keystroke_and_returns_its_image(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=2)
    fill(sea=1)
    deliver(event(1, "label", a, label="sea"), event(2, "label", b, label="sea"))
    assert deliver(event(3, "undo"), last_ack=2).touched == (b,)
    assert [item.label for item in review_queue.items(workspace, [a, b])] == ["sea", "river"]


def test_an_image_that_someone_else_judged_meanwhile_is_left_unchanged(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    fill(sea=1)
    seen = review_queue.items(workspace, [a])[0].decision_id
    decisions.decide(workspace, [Choice(a, "label", "sea")], actor="human:ben")
    ack = deliver(event(1, "flag", a, base=seen))
    assert [refusal.digest for refusal in ack.refused] == [a]
    assert review_queue.items(workspace, [a])[0].verdict == "label"


def test_a_decision_records_what_the_reviewer_was_shown(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    deliver(event(1, "flag", a, queue="unreviewed", view="single", why="label from import:folder"))
    basis = workspace.query("SELECT basis FROM decision WHERE event_id = 'event-1'")[0]["basis"]
    assert basis == '{"queue": "unreviewed", "view": "single", "why": "label from import:folder"}'


def test_events_that_cannot_be_saved_now_are_not_acknowledged(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    workspace.connection().execute("PRAGMA busy_timeout = 0")
    with contextlib.closing(sqlite3.connect(workspace.path / DATABASE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # Another process holds the lock.
        with pytest.raises(WorkspaceNotWritable):
            deliver(event(1, "flag", a))
    assert deliver(event(1, "flag", a)).seq == 1
    assert [row.verdict for row in own(workspace)] == ["flag"]


def test_a_request_for_the_next_images_changes_no_image(
    deliver: Callable[..., Ack], workspace: Workspace
) -> None:
    assert deliver({"seq": 4, "kind": "next"}) == Ack(4, next_seq=4)
    assert own(workspace) == []


def test_the_second_of_two_reviewers_is_told_what_the_first_did_and_how_to_overrule_it(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    [a] = fill(river=1)
    decisions.decide(workspace, [Choice(a, "exclude", reason="a map")], actor="human:beat")
    [refusal] = deliver(event(1, "label", a, label="river", base=1)).refused
    assert "beat excluded this (a map) just now" in refusal.message
    assert refusal.message.endswith("Your judgement was not saved. To overrule it, press the key again.")
    newest = decisions.log(workspace)[0].decision_id  # The image is drawn with it next.
    assert deliver(event(2, "label", a, label="river", base=newest), last_ack=1).refused == ()
    assert [row.label for row in own(workspace)] == ["river"]


def test_a_selection_is_one_step_and_one_undo(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b, c = fill(river=2, sea=1)
    images = [{"digest": a, "label": "river", "why": "first"}, {"digest": c, "label": "sea"}]
    ack = deliver({"seq": 1, "id": "several", "kind": "label", "images": images, "view": "grid"})
    assert (
        [(row.digest, row.label) for row in own(workspace)],
        len({row.step_id for row in own(workspace)}),
    ) == (
        [(a, "river"), (c, "sea")],
        1,
    )
    assert ack.changed == (a, c)
    assert set(deliver(event(2, "undo"), last_ack=1).touched) == {a, c}
    assert [item.is_reviewed for item in review_queue.items(workspace, [a, b, c])] == [False, False, False]


def test_a_selection_delivered_twice_is_judged_once(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=2)
    several = {"seq": 1, "id": "several", "kind": "flag", "images": [{"digest": a}, {"digest": b}]}
    deliver(several)
    decisions.undo(workspace, actor="human:anna")
    assert deliver(several, event(2, "flag", a)).changed == (a, b)
    assert [row.verdict for row in own(workspace)] == ["flag", "flag", "label", "label", "flag"]


@pytest.mark.parametrize("images", [None, [], [3], [{"digest": "0" * 64}], [{}]])
def test_a_malformed_selection_is_refused(deliver: Callable[..., Ack], images: object) -> None:
    ack = deliver({"seq": 1, "id": "several", "kind": "flag", "images": images})
    assert [refusal.seq for refusal in ack.refused] == [1]


def test_in_a_selection_only_images_that_someone_else_judged_are_left_unchanged(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=2)
    seen = {item.digest: item.decision_id for item in review_queue.items(workspace, [a, b])}
    decisions.decide(workspace, [Choice(a, "exclude", reason="poor quality")], actor="human:ben")
    ack = deliver(
        {
            "seq": 1,
            "id": "several",
            "kind": "flag",
            "images": [{"digest": d, "base": base} for d, base in seen.items()],
        }
    )
    assert [refusal.digest for refusal in ack.refused] == [a]
    assert [item.verdict for item in review_queue.items(workspace, [a, b])] == ["exclude", "flag"]


def test_a_whole_queue_is_one_step_if_it_has_no_more_images_than_were_confirmed(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    fill(river=3, sea=2)
    whole = {
        "seq": 1,
        "id": "whole",
        "kind": "queue",
        "queue": "class:river",
        "verdict": "label",
        "label": "sea",
    }
    act = outbox.with_acts({"queue": outbox.judge_queue})

    def deliver_whole(n: int) -> Ack:
        return outbox.apply(workspace, [{**whole, "n": n}], last_ack=0, actor="human:anna", act=act)

    assert "3 images" in deliver_whole(2).refused[0].message
    assert len(deliver_whole(3).changed) == 3
    assert deliver_whole(3).refused == ()
    assert review_queue.count(workspace, "class:sea") == 5
    deliver(event(2, "undo"), last_ack=1)
    assert review_queue.count(workspace, "class:river") == 3


def test_a_page_can_add_kinds_of_events_and_other_kinds_are_refused(
    fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    noted: list[str] = []

    def note(workspace: Workspace, event: Event, actor: str) -> StepResult:
        noted.append(f"{actor} {event['text']}")
        return StepResult(None, [])

    events = [event(1, "note", a, text="snow"), event(2, "tag", a, name="winter"), event(3, "flag", a)]
    ack = outbox.apply(
        workspace, events, last_ack=0, actor="human:anna", act=outbox.with_acts({"note": note})
    )
    assert (noted, [refusal.seq for refusal in ack.refused], ack.changed) == (["human:anna snow"], [2], (a,))


def test_a_request_for_the_counts_changes_no_image(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    fill(river=1)
    ack = deliver(event(1, "count"))
    assert (ack.seq, ack.refused, ack.changed) == (1, (), ())
    assert own(workspace) == []


def test_an_undo_takes_back_the_step_it_names_not_the_newest(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=2)
    fill(sea=1)
    deliver(event(1, "label", a, label="sea"), event(2, "exclude", b, reason="poor quality"))
    ack = deliver(event(3, "undo", target="event-1"), last_ack=2)
    assert (ack.touched, ack.refused) == ((a,), ())
    assert [(item.verdict, item.label) for item in review_queue.items(workspace, [a, b])] == [
        ("label", "river"),
        ("exclude", "river"),
    ]
    deliver(event(4, "redo", target="event-3"), last_ack=3)
    assert [item.label for item in review_queue.items(workspace, [a])] == ["sea"]
    deliver(event(5, "undo", target="event-4"), last_ack=4)
    assert [item.label for item in review_queue.items(workspace, [a])] == ["river"]
    deliver(event(5, "undo", target="event-4"), last_ack=4)  # Delivered twice.
    assert decisions.steps(workspace, limit=1)[0].kind == "undo"


def test_an_undo_of_what_was_undone_elsewhere_or_never_saved_is_refused(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    deliver(event(1, "flag", a))
    decisions.undo(workspace, actor="human:anna")
    ack = deliver(event(2, "undo", target="event-1"), event(3, "undo", target="event-9"), last_ack=1)
    already, unsaved = [each.message for each in ack.refused]
    assert "already undone" in already
    assert "not saved" in unsaved


def test_an_undo_leaves_a_later_judgement_of_another_person_and_says_whose(
    deliver: Callable[..., Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    deliver(event(1, "flag", a))
    decisions.decide(workspace, [Choice(a, "label", "river")], actor="human:ben")
    (refusal,) = deliver(event(2, "undo", target="event-1"), last_ack=1).refused
    assert refusal.message == "ben labelled this river just now. This later judgement stays."

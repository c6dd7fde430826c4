"""The outbox: whatever a browser sends, each act is written down once, in order, or answered."""

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
from peakid.web.gallery import gallery


def event(seq: int, kind: str, digest: str = "", **more: Any) -> dict[str, Any]:
    return {"seq": seq, "id": f"event-{seq}", "kind": kind, "digest": digest, **more}


def own(workspace: Workspace) -> list[Decision]:
    """Anna's decisions, oldest first."""
    return [row for row in reversed(decisions.log(workspace, limit=1000)) if row.actor == "human:anna"]


@pytest.fixture
def deliver(workspace: Workspace) -> Callable[..., gallery.Ack]:
    def delivered(*events: object, last_ack: int = 0, actor: str = "human:anna") -> gallery.Ack:
        return gallery.apply(workspace, list(events), last_ack=last_ack, actor=actor)

    return delivered


def test_events_are_written_in_the_order_of_their_numbers(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b, c = fill(river=2, sea=1)
    ack = deliver(
        event(3, "flag", c), event(1, "label", a, label="sea"), event(2, "exclude", b, reason="poor quality")
    )
    assert (ack.seq, ack.refused, set(ack.changed)) == (3, [], {a, b, c})
    assert [(row.digest, row.verdict, row.label, row.reason) for row in own(workspace)] == [
        (a, "label", "sea", ""),
        (b, "exclude", "river", "poor quality"),
        (c, "flag", "sea", ""),
    ]


def test_a_growing_outbox_is_written_once(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    digests = fill(river=4)
    events = [event(i + 1, "label", digest, label="river") for i, digest in enumerate(digests)]
    ack = deliver(*events[:2])
    deliver(*events, last_ack=ack.seq)
    assert [row.digest for row in own(workspace)] == digests


def test_an_outbox_delivered_twice_changes_nothing_even_when_its_acknowledgement_was_lost(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
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


def test_an_event_that_cannot_be_is_answered_and_the_rest_is_written(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
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
    assert [(answer.seq, answer.message.split(".")[0]) for answer in ack.refused] == [
        (1, "No image has the digest 0000000000000000"),
        (2, "There is no class 'lake'"),
        (3, f"Excluding image {a[:12]} needs a reason"),
        (4, "'dance' is no verdict"),
        (5, "The event 5 has no id"),
        (6, "human:anna has nothing to redo"),
    ]
    assert [row.label for row in own(workspace)] == ["river"]


@pytest.mark.parametrize(
    "outbox", [None, 7, "label", {"seq": 1}, [None, 3, [], {}, {"seq": "1"}, {"seq": None, "kind": "flag"}]]
)
def test_what_is_no_outbox_is_passed_over(workspace: Workspace, outbox: object) -> None:
    assert gallery.apply(workspace, outbox, last_ack=9, actor="human:anna") == gallery.Ack(9)


@pytest.mark.parametrize(
    "junk", [{"label": 7}, {"label": ["river"]}, {"reason": {"a": 1}}, {"base": "x"}, {"digest": None}]
)
def test_fields_of_the_wrong_kind_are_answered_or_ignored(
    deliver: Callable[..., gallery.Ack], fill: Callable, junk: dict[str, Any]
) -> None:
    (a,) = fill(river=1)
    assert deliver({**event(1, "label", a, label="river"), **junk}).seq == 1


def test_one_undo_takes_back_one_keystroke_and_says_whose_image_it_was(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=2)
    fill(sea=1)
    deliver(event(1, "label", a, label="sea"), event(2, "label", b, label="sea"))
    assert deliver(event(3, "undo"), last_ack=2).touched == [b]
    assert [item.label for item in review_queue.items(workspace, [a, b])] == ["sea", "river"]


def test_an_image_that_somebody_else_judged_meanwhile_is_left_and_told(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    fill(sea=1)
    seen = review_queue.items(workspace, [a])[0].decision_id
    decisions.decide(workspace, [Choice(a, "label", "sea")], actor="human:ben")
    ack = deliver(event(1, "flag", a, base=seen))
    assert [answer.digest for answer in ack.refused] == [a]
    assert review_queue.items(workspace, [a])[0].verdict == "label"


def test_a_decision_keeps_what_its_maker_was_shown(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    deliver(event(1, "flag", a, queue="unreviewed", view="single", why="label from import:folder"))
    basis = workspace.query("SELECT basis FROM decision WHERE event_id = 'event-1'")[0]["basis"]
    assert basis == '{"queue": "unreviewed", "view": "single", "why": "label from import:folder"}'


def test_what_cannot_be_written_now_is_not_acknowledged(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    workspace.connection().execute("PRAGMA busy_timeout = 0")
    with contextlib.closing(sqlite3.connect(workspace.path / DATABASE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # Somebody holds the database for longer than we wait.
        with pytest.raises(WorkspaceNotWritable):
            deliver(event(1, "flag", a))
    assert deliver(event(1, "flag", a)).seq == 1
    assert [row.verdict for row in own(workspace)] == ["flag"]


def test_asking_for_the_next_images_judges_nothing(
    deliver: Callable[..., gallery.Ack], workspace: Workspace
) -> None:
    assert deliver({"seq": 4, "kind": "next"}) == gallery.Ack(4, wants_next=True)
    assert own(workspace) == []


def test_the_second_of_two_people_is_told_who_said_what_and_how_to_overrule(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    [a] = fill(river=1)
    decisions.decide(workspace, [Choice(a, "exclude", reason="a map")], actor="human:beat")
    [answer] = deliver(event(1, "label", a, label="river", base=1)).refused
    assert (
        answer.message
        == "beat excluded this (a map) just now. Yours is not saved: leave it, or press again to overrule."
    )
    newest = decisions.log(workspace)[0].decision_id  # What the browser is drawn with next.
    assert deliver(event(2, "label", a, label="river", base=newest), last_ack=1).refused == []
    assert [row.label for row in own(workspace)] == ["river"]


def test_a_selection_is_one_step_and_one_undo(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
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
    assert ack.changed == [a, c]
    assert set(deliver(event(2, "undo"), last_ack=1).touched) == {a, c}
    assert [item.is_reviewed for item in review_queue.items(workspace, [a, b, c])] == [False, False, False]


def test_a_selection_delivered_twice_is_judged_once(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    a, b = fill(river=2)
    several = {"seq": 1, "id": "several", "kind": "flag", "images": [{"digest": a}, {"digest": b}]}
    deliver(several)
    decisions.undo(workspace, actor="human:anna")
    assert deliver(several, event(2, "flag", a)).changed == [a, b]
    assert [row.verdict for row in own(workspace)] == ["flag", "flag", "label", "label", "flag"]


@pytest.mark.parametrize("images", [None, [], [3], [{"digest": "0" * 64}], [{}]])
def test_a_selection_that_makes_no_sense_is_answered(
    deliver: Callable[..., gallery.Ack], images: object
) -> None:
    ack = deliver({"seq": 1, "id": "several", "kind": "flag", "images": images})
    assert [answer.seq for answer in ack.refused] == [1]


def test_of_a_selection_only_what_somebody_else_judged_is_left(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
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
    assert [answer.digest for answer in ack.refused] == [a]
    assert [item.verdict for item in review_queue.items(workspace, [a, b])] == ["exclude", "flag"]


def test_a_whole_queue_is_one_step_of_the_number_that_was_confirmed(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
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
    act = gallery.with_acts({"queue": gallery.judge_queue})

    def deliver_whole(n: int) -> gallery.Ack:
        return gallery.apply(workspace, [{**whole, "n": n}], last_ack=0, actor="human:anna", act=act)

    assert "3 images are in 'class:river' now; you confirmed 2" in deliver_whole(2).refused[0].message
    assert len(deliver_whole(3).changed) == 3
    assert deliver_whole(3).refused == []
    assert review_queue.count(workspace, "class:sea") == 5
    deliver(event(2, "undo"), last_ack=1)
    assert review_queue.count(workspace, "class:river") == 3


def test_kinds_that_a_page_allows_go_to_its_own_verb_and_others_are_refused(
    fill: Callable, workspace: Workspace
) -> None:
    (a,) = fill(river=1)
    noted: list[str] = []

    def note(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
        noted.append(f"{actor} {event['text']}")
        return StepResult(None, [])

    events = [event(1, "note", a, text="snow"), event(2, "tag", a, name="winter"), event(3, "flag", a)]
    ack = gallery.apply(
        workspace, events, last_ack=0, actor="human:anna", act=gallery.with_acts({"note": note})
    )
    assert (noted, [answer.seq for answer in ack.refused], ack.changed) == (["human:anna snow"], [2], [a])


def test_asking_for_the_counts_judges_nothing(
    deliver: Callable[..., gallery.Ack], fill: Callable, workspace: Workspace
) -> None:
    fill(river=1)
    ack = deliver(event(1, "count"))
    assert (ack.seq, ack.refused, ack.changed) == (1, [], [])
    assert own(workspace) == []

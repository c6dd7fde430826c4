"""A queue that the live head orders: a new fit changes the order after the images in sight only."""

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st

from peakid.curate import decisions
from peakid.keep import forget
from peakid.records import Choice
from peakid.store.workspace import Workspace
from peakid.web.gallery import gallery, loaded_page, outbox
from peakid.web.gallery.delivery import ClientState
from peakid.web.gallery.outbox import Ack

QUEUE = "label-issues"
N = 10


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty session without a running page."""
    monkeypatch.setattr(st, "session_state", {})


@pytest.fixture
def issues(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> list[str]:
    """Ten images whose labels the head doubts, in the order of their numbers, and two of other classes."""
    digests = plant({**{f"{n}": "dom" for n in range(N)}, "other": "eiger", "another": "lyskamm"})
    found = [digests[str(n)] for n in range(N)]
    fitted(workspace, found)
    return found


def fitted(workspace: Workspace, order: list[str], *, suggested: str = "eiger") -> None:
    """Store a fit that doubts the labels of these images, the first one most, and of no other."""
    class_id = workspace.query("SELECT id FROM class WHERE name = ?", (suggested,))[0][0]
    with workspace.transaction() as connection:
        connection.execute("DELETE FROM suggestion")
        for n, digest in enumerate(order):
            connection.execute(
                "INSERT INTO suggestion (image_id, given_class_id, suggested_class_id, confidence,"
                " label_quality, is_issue) SELECT i.id, s.class_id, ?, 0.9, ?, 1"
                " FROM image i JOIN image_state s ON s.image_id = i.id WHERE i.digest = ?",
                (class_id, (n + 1) / 100, digest),
            )
        connection.execute(
            "INSERT INTO head_fit VALUES (1, 1, '', 1, 0, 0, 0, 0, 0, 0, '')"
            " ON CONFLICT (id) DO UPDATE SET number = number + 1"
        )


def sent(page_id: str, n_items: int, seen: list[str]) -> dict[str, Any]:
    return {"page_id": page_id, "n_items": n_items, "acked_seq": 0, "seen": seen}


def test_only_the_images_after_those_in_sight_change_places(workspace: Workspace, issues: list[str]) -> None:
    state = ClientState(QUEUE)
    first = loaded_page.load(workspace, state.plan(0.0))
    assert [*first.images] == issues
    assert first.fit == 1
    state.note_drawn(state.plan(0.0), 0.0)
    fitted(workspace, [issues[9], *issues[3:9], *issues[:3]], suggested="lyskamm")
    state.note_received(sent(first.page_id, N, issues[2:4]), Ack(5, sort_seq=5))
    plan = state.plan(1.0)
    page = loaded_page.load(workspace, plan)
    assert [*page.images] == [*issues[:4], issues[9], *issues[4:9]]
    assert page.reasons[issues[0]].startswith("looks like eiger")  # As the person has read it.
    assert page.reasons[issues[9]].startswith("looks like lyskamm")
    assert page.predicted[issues[0]] == "eiger"
    assert page.predicted[issues[9]] == "lyskamm"
    found = gallery._page_document(page, plan)
    assert (found["fit"], found["start"], len(found["items"])) == (2, 0, N)
    assert page.series_id == first.series_id
    assert page.page_id != first.page_id


def test_an_order_that_is_the_same_is_not_sent_again(workspace: Workspace, issues: list[str]) -> None:
    state = ClientState(QUEUE)
    first = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    fitted(workspace, issues)
    state.note_received(sent(first.page_id, N, issues[:4]), Ack(5, sort_seq=5))
    plan = state.plan(1.0)
    found = gallery._page_document(loaded_page.load(workspace, plan), plan)
    assert (found["page_id"], found["fit"], found["items"]) == (first.page_id, 2, [])


def test_an_image_in_sight_that_is_no_issue_any_more_stays_and_is_not_counted(
    workspace: Workspace, issues: list[str]
) -> None:
    state = ClientState(QUEUE)
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    decisions.decide(workspace, [Choice(issues[0], "label", "dom")], actor="human:anna")
    fitted(workspace, [issues[2], *issues[4:]])
    state.note_received(sent(page.page_id, N, issues[:3]), Ack(5, changed=(issues[0],), sort_seq=5))
    page = loaded_page.load(workspace, state.plan(1.0))
    assert [*page.images] == [*issues[:3], *issues[4:]]  # Number 3 was not in sight and is gone.
    assert page.open == {issues[2], *issues[4:]}
    assert page.beside == {issues[1]}  # Number 0 was judged here.


def test_a_run_of_the_page_keeps_what_is_in_sight_and_drops_what_was_forgotten(
    workspace: Workspace, issues: list[str]
) -> None:
    state = ClientState(QUEUE)
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_received(sent(page.page_id, N, issues[:3]), Ack(1))
    state.note_drawn(state.plan(1.0), 1.0)
    forget.forget(workspace, issues[1], actor="human:anna")
    fitted(workspace, [*reversed(issues)])
    page = loaded_page.load(workspace, state.plan(2.0))
    assert [*page.images] == [issues[0], issues[2], *reversed(issues[3:])]


def test_a_key_alone_changes_no_order(workspace: Workspace, issues: list[str]) -> None:
    state = ClientState(QUEUE)
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    fitted(workspace, [*reversed(issues)])
    state.note_received(sent(page.page_id, N, issues[:3]), Ack(5, changed=(issues[0],)))
    assert [*loaded_page.load(workspace, state.plan(1.0)).images] == issues


def test_an_image_that_a_fit_adds_at_the_end_of_the_queue_is_loaded(
    workspace: Workspace, issues: list[str]
) -> None:
    state = ClientState(QUEUE)
    fitted(workspace, issues[1:])
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    decisions.decide(workspace, [Choice(each, "label", "dom") for each in issues[1:]], actor="human:anna")
    fitted(workspace, issues)
    state.note_received(sent(page.page_id, N - 1, issues[-2:]), Ack(5, changed=tuple(issues[1:])))
    plan = state.plan(1.0)
    page = loaded_page.load(workspace, plan)
    assert [*page.images] == [*issues[1:], issues[0]]
    assert (page.n_waiting, page.open, page.fit) == (0, {issues[0]}, 3)
    assert [each["digest"] for each in gallery._page_document(page, plan)["items"]][-1] == issues[0]


def test_the_request_for_the_order_is_acknowledged_and_saves_nothing(workspace: Workspace) -> None:
    ack = outbox.apply(workspace, [{"seq": 3, "id": "x", "kind": "sort"}], last_ack=0, actor="human:anna")
    assert (ack.seq, ack.sort_seq, ack.refused) == (3, 3, ())
    assert workspace.one("SELECT COUNT(*) FROM decision")[0] == 0


@pytest.mark.parametrize("seen", [None, "x", [1, None], {"a": 1}])
def test_a_report_of_the_images_in_sight_may_be_anything(seen: object) -> None:
    state = ClientState(QUEUE)
    state.note_received({"page_id": "p", "seen": seen}, Ack(1))
    assert state.plan(0.0).seen == ()

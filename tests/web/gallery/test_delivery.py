"""The plan of a run: what the grid of a queue is sent, from what the browser says it has."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st

from peakid.curate import classes, decisions
from peakid.curate.queues.filters import Filters
from peakid.errors import BadInput, WorkspaceNotWritable
from peakid.keep import forget
from peakid.records import Choice, StepResult
from peakid.store.workspace import Workspace
from peakid.web.gallery import delivery, gallery, loaded_page
from peakid.web.gallery.delivery import COUNT_EVERY_S, MAX_CHANGED, ClientState, Plan
from peakid.web.gallery.loaded_page import LoadedPage
from peakid.web.gallery.outbox import Ack, Refusal

QUEUE = "all"


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty session without a running page."""
    monkeypatch.setattr(st, "session_state", {})


@pytest.fixture
def client() -> ClientState:
    """A browser whose page has run once, at 100 s."""
    state = ClientState(QUEUE)
    state.note_drawn(state.plan(100.0), 100.0)
    return state


def sent(page_id: str = "p", n_items: int = 3, acked_seq: int = 0) -> dict[str, Any]:
    """What a browser says it has."""
    return {"page_id": page_id, "n_items": n_items, "acked_seq": acked_seq}


def document(page: LoadedPage, plan: Plan) -> dict[str, Any]:
    return gallery._page_document(page, plan)


def test_a_plan_cannot_be_changed(client: ClientState) -> None:
    plan = client.plan(100.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.next_seq = 3  # ty: ignore[invalid-assignment]


def test_a_plan_that_is_read_twice_in_one_run_is_the_same(client: ClientState) -> None:
    client.note_received(sent(), Ack(7, changed=("a",), next_seq=6, is_count_requested=True))
    before = dataclasses.replace(client, changed=dict(client.changed))
    first = client.plan(101.0)
    assert client.plan(101.0) == first
    assert client == before
    assert (first.changed, first.next_seq, first.is_page_rerun) == (("a",), 6, True)


def test_the_order_in_which_a_page_reads_its_plan_does_not_matter(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    digests = fill(river=3)
    steps = {
        "rerun": lambda: delivery.plan(QUEUE).is_page_rerun,
        "next": lambda: delivery.plan(QUEUE).next_seq,
        "changed": lambda: delivery.plan(QUEUE).changed,
        "load": lambda: list(loaded_page.load(workspace, delivery.plan(QUEUE)).images),
    }
    results = []
    for order in itertools.permutations(steps):
        st.session_state.clear()
        plan = delivery.plan(QUEUE)
        page = loaded_page.load(workspace, plan)
        delivery.note_drawn(plan)
        ack = Ack(5, changed=(digests[0],), next_seq=5)
        st.session_state[f"client:{QUEUE}"].note_received(sent(page.page_id, 3), ack)
        found = {name: steps[name]() for name in order}
        results.append([found[name] for name in steps])
    assert results[0] == [False, 5, (digests[0],), digests]
    assert all(result == results[0] for result in results)


def test_only_what_changed_is_sent_after_a_key(workspace: Workspace, fill: Callable[..., list[str]]) -> None:
    digests = fill(river=4)
    state = ClientState(QUEUE)
    plan = state.plan(0.0)
    page = loaded_page.load(workspace, plan)
    assert [item["digest"] for item in document(page, plan)["items"]] == digests
    state.note_drawn(plan, 0.0)

    decisions.decide(workspace, [Choice(digests[1], "flag")], actor="human:anna")
    state.note_received(sent(page.page_id, 4), Ack(1, changed=(digests[1],)))
    plan = state.plan(1.0)
    found = document(loaded_page.load(workspace, plan), plan)
    assert (found["start"], found["items"]) == (4, [])
    assert [(item["digest"], item["verdict"]) for item in found["changed"]] == [(digests[1], "flag")]


def test_a_run_without_a_key_sends_everything(workspace: Workspace, fill: Callable[..., list[str]]) -> None:
    digests = fill(river=2)
    state = ClientState(QUEUE)
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_received(sent(page.page_id, 2), Ack(1))
    state.note_drawn(state.plan(1.0), 1.0)
    plan = state.plan(2.0)  # A filter, a reload or another page caused it.
    assert (plan.changed, plan.is_delivery) == (None, False)
    assert [item["digest"] for item in document(page, plan)["items"]] == digests


def test_a_late_delivery_about_another_page_is_sent_everything(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    digests = fill(river=2)
    state = ClientState(QUEUE)
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    state.note_received(sent("of an earlier page", 2), Ack(1, changed=(digests[0],)))
    found = document(page, state.plan(1.0))
    assert (found["start"], [item["digest"] for item in found["items"]]) == (0, digests)


def test_a_change_is_sent_until_the_browser_has_received_it(client: ClientState) -> None:
    client.note_received(sent(acked_seq=0), Ack(1, changed=("a",)))  # The run of this one is interrupted.
    client.note_received(sent(acked_seq=0), Ack(2, changed=("b",)))
    assert client.plan(101.0).changed == ("a", "b")
    client.note_drawn(client.plan(101.0), 101.0)
    client.note_received(sent(acked_seq=2), Ack(3, changed=("c",)))
    assert client.plan(102.0).changed == ("c",)


def test_where_very_many_images_changed_all_are_sent(client: ClientState) -> None:
    client.note_received(sent(), Ack(1, changed=tuple(str(n) for n in range(MAX_CHANGED + 1))))
    plan = client.plan(101.0)
    assert (plan.changed, plan.page_id) == (None, "")


def test_keys_run_the_whole_page_every_thirty_seconds_at_most(client: ClientState) -> None:
    client.note_received(sent(), Ack(1))
    assert not client.plan(100.0 + COUNT_EVERY_S).is_page_rerun
    assert client.plan(101.0 + COUNT_EVERY_S).is_page_rerun
    client.note_page_run(101.0 + COUNT_EVERY_S)
    assert not client.plan(102.0 + COUNT_EVERY_S).is_page_rerun


def test_a_request_for_the_counts_runs_the_whole_page_once(client: ClientState) -> None:
    client.note_received(sent(), Ack(1, is_count_requested=True))
    assert client.plan(101.0).is_page_rerun
    client.note_page_run(101.0)
    assert not client.plan(101.0).is_page_rerun


def test_a_page_that_is_opened_again_after_an_hour_runs_once(client: ClientState) -> None:
    assert not client.plan(100.0 + 3600).is_page_rerun


def test_a_refusal_reaches_the_browser_although_newer_keys_interrupted_its_run(client: ClientState) -> None:
    client.note_received(sent(), Ack(1, refused=(Refusal(1, "a", "no"),)))
    client.note_received(sent(), Ack(2))
    assert [refusal.seq for refusal in client.plan(101.0).ack.refused] == [1]


def test_the_next_images_are_loaded_once_for_a_request(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    plant({f"{n:03}": "river" for n in range(2 * loaded_page.N_IMAGES + 10)})
    state = ClientState(QUEUE)
    page = loaded_page.load(workspace, state.plan(0.0))
    assert len(page.images) == loaded_page.N_IMAGES
    page_id = page.page_id
    state.note_received(sent(page_id), Ack(9, next_seq=9))
    for _ in range(3):  # Interrupted runs read the same plan.
        page = loaded_page.load(workspace, state.plan(1.0))
    assert (len(page.images), page.page_id) == (2 * loaded_page.N_IMAGES, page_id)


def test_a_request_for_more_does_not_apply_to_other_filters(
    workspace: Workspace, plant: Callable[..., dict[str, str]]
) -> None:
    plant({f"{n:03}": "river" for n in range(2 * loaded_page.N_IMAGES)})
    state = ClientState(QUEUE)
    loaded_page.load(workspace, state.plan(0.0))
    state.note_received(sent(), Ack(9, next_seq=9))
    filters = Filters(class_name="river")
    for _ in range(2):
        page = loaded_page.load(workspace, state.plan(1.0), filters=filters)
    assert len(page.images) == loaded_page.N_IMAGES


def test_a_judged_image_keeps_its_place_on_the_page(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    digests = fill(river=3)
    state = ClientState("unreviewed")
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    decisions.decide(workspace, [Choice(digests[0], "label", "river")], actor="human:anna")
    state.note_received(sent(page.page_id, 3), Ack(1, changed=(digests[0],)))
    loaded_page.load(workspace, state.plan(1.0))
    state.note_drawn(state.plan(1.0), 1.0)
    page = loaded_page.load(workspace, state.plan(2.0))  # A run of the whole page.
    assert list(page.images) == digests
    assert page.open == set(digests[1:])


def change_by_others(workspace: Workspace, digests: list[str]) -> None:
    decisions.decide(workspace, [Choice(digests[1], "label", "river")], actor="human:ben")


def change_by_rename(workspace: Workspace, _: list[str]) -> None:
    classes.rename(workspace, "river", "stream")


def change_by_forgetting(workspace: Workspace, digests: list[str]) -> None:
    forget.forget(workspace, digests[1], actor="human:ben")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (change_by_others, [(0, "river"), (2, "river")]),
        (change_by_rename, [(0, "stream"), (1, "stream"), (2, "stream")]),
        (change_by_forgetting, [(0, "river"), (2, "river")]),
    ],
)
def test_a_run_of_the_page_shows_the_queue_as_others_changed_it(
    workspace: Workspace,
    fill: Callable[..., list[str]],
    change: Callable[[Workspace, list[str]], None],
    expected: list[tuple[int, str]],
) -> None:
    digests = fill(river=3)
    state = ClientState("unreviewed")
    first = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    change(workspace, digests)
    page = loaded_page.load(workspace, state.plan(1.0))
    assert [(digests.index(item.digest), item.label) for item in page.items] == expected
    assert page.series_id == first.series_id  # The browser keeps its place.
    assert page.n_waiting == 0


def test_a_key_alone_never_renews_the_queue(workspace: Workspace, fill: Callable[..., list[str]]) -> None:
    digests = fill(river=3)
    state = ClientState("unreviewed")
    page_id = loaded_page.load(workspace, state.plan(0.0)).page_id
    state.note_drawn(state.plan(0.0), 0.0)
    change_by_others(workspace, digests)
    state.note_received(sent(page_id, 3), Ack(1))
    assert loaded_page.load(workspace, state.plan(1.0)).page_id == page_id
    state.is_page_running = True  # The counts were due: the whole page runs.
    page = loaded_page.load(workspace, state.plan(1.0))
    assert page.page_id != page_id
    assert list(page.images) == [digests[0], digests[2]]


def test_images_that_join_a_queue_come_in_its_order_around_what_was_judged(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    digests = fill(river=6)
    for digest in (digests[0], digests[2], digests[4]):
        decisions.decide(workspace, [Choice(digest, "flag")], actor="human:ben")
    state = ClientState("flagged")
    page = loaded_page.load(workspace, state.plan(0.0))
    state.note_drawn(state.plan(0.0), 0.0)
    decisions.decide(workspace, [Choice(digests[2], "label", "river")], actor="human:anna")
    state.note_received(sent(page.page_id, 3), Ack(1, changed=(digests[2],)))
    loaded_page.load(workspace, state.plan(1.0))
    state.note_drawn(state.plan(1.0), 1.0)
    decisions.decide(workspace, [Choice(digests[3], "flag")], actor="human:ben")
    page = loaded_page.load(workspace, state.plan(2.0))
    assert [digests.index(each) for each in page.images] == [0, 3, 2, 4]
    assert page.open == {digests[0], digests[3], digests[4]}


def test_two_tabs_have_plans_of_their_own(workspace: Workspace, fill: Callable[..., list[str]]) -> None:
    (a,) = fill(river=1)
    tabs = [ClientState(QUEUE), ClientState(QUEUE)]
    for tab in tabs:
        tab.note_drawn(tab.plan(0.0), 0.0)
    tabs[0].note_received(sent(), Ack(1, changed=(a,)))
    assert [tab.plan(1.0).changed for tab in tabs] == [(a,), None]


def test_a_late_event_about_a_whole_queue_judges_no_image_unseen(
    workspace: Workspace, fill: Callable[..., list[str]]
) -> None:
    fill(river=3)
    page = loaded_page.load(workspace, ClientState(QUEUE).plan(0.0))
    event = {"seq": 1, "id": "e", "kind": "queue", "queue": QUEUE, "verdict": "flag", "n": 3, "is_more": True}
    act = gallery._judge_this_queue(page)
    with pytest.raises(BadInput, match="3 images"):
        act(workspace, {**event, "page_id": "another page"}, "human:anna")
    assert act(workspace, {**event, "page_id": page.page_id}, "human:anna").n_images == 3


def test_a_delivery_that_cannot_be_saved_changes_nothing_and_is_explained(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr("peakid.web.session.show_error", shown.append)

    def fail(*_: object) -> StepResult:
        raise WorkspaceNotWritable("The disk is read-only.")

    before = delivery.plan(QUEUE)
    of_here = {"workspace": delivery.owner(workspace)["workspace"]}
    events = [{"seq": 1, "id": "e", "kind": "undo"}]
    delivery.receive(workspace, QUEUE, {**of_here, "events": events}, fail)
    assert delivery.plan(QUEUE) == before
    delivery.show_error(QUEUE)
    delivery.show_error(QUEUE)
    assert [str(error) for error in shown] == ["The disk is read-only."]


@pytest.mark.parametrize("named", ["000000000000", None, "", 7])
def test_a_delivery_for_another_workspace_is_neither_saved_nor_acknowledged(
    workspace: Workspace, named: object
) -> None:
    def fail(*_: object) -> StepResult:
        raise AssertionError("It was applied.")

    before = delivery.plan(QUEUE)
    events = [{"seq": 1, "id": "e", "kind": "label"}]
    delivery.receive(workspace, QUEUE, {"workspace": named, "events": events}, fail)
    assert delivery.plan(QUEUE) == before

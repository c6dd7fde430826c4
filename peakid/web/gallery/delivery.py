"""Decide what one run of a page sends to the grid of a queue, given what the browser already has.

Only a delivery of events and the end of a run change the state. Between them, the plan of a run can be read
as often as needed, in any order.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import streamlit as st

from peakid.errors import PeakidError
from peakid.store.workspace import Workspace
from peakid.web import session, workspace_address
from peakid.web.gallery import outbox
from peakid.web.gallery.outbox import Ack, Act

COUNT_EVERY_S = 30.0
MAX_CHANGED = 1000  # If more images changed, all images are sent again.
MAX_SEEN = 500  # Images in sight: the largest window shows fewer.
MAX_REFUSALS = 50  # Kept and sent again, because a run that newer events interrupt sends nothing.


@dataclass(frozen=True)
class Plan:
    """What one run of a page does for one queue.

    Attributes:
        ack: The acknowledgement of the browser's events.
        changed: Digests of images that may have changed; None if any image may have.
        page_id: The loaded page that the browser has; "" if everything must be sent.
        n_items: How many images of that page the browser has.
        next_seq: Number of the last event that requested the next images; 0 if none did.
        is_delivery: Keys caused this run, so nothing else can have changed.
        is_page_rerun: The counts around the grid are outdated, so the whole page must run again.
        is_page_run: The whole page runs, so what the queue is made of is compared with what is loaded.
        n_received: How many deliveries the plan takes into account.
        sort_seq: Number of the last event that requested the order of the queue now; 0 if none did.
        seen: Digests of the images in sight: they keep their places when the order changes.
    """

    queue: str
    ack: Ack
    changed: tuple[str, ...] | None
    page_id: str
    n_items: int
    next_seq: int
    is_delivery: bool
    is_page_rerun: bool
    n_received: int
    is_page_run: bool = False
    sort_seq: int = 0
    seen: tuple[str, ...] = ()


@dataclass
class ClientState:
    """What the browser has of the grid of one queue, as it last reported, in one session.

    Attributes:
        n_items: How many images of the page `page_id` it has.
        changed: By digest, the number of the event that changed an image since the browser's last update.
        n_received: How many deliveries were applied.
        n_drawn: How many of them the last finished run included. If there are newer ones, keys caused the
            current run.
        counted_s: When the whole page last ran, in seconds of the monotonic clock.
        is_page_running: A key has made the whole page run again, and that run has not ended.
    """

    queue: str
    ack: Ack = field(default_factory=lambda: Ack(0))
    page_id: str = ""
    n_items: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    n_received: int = 0
    n_drawn: int = 0
    counted_s: float = 0.0
    is_count_requested: bool = False
    is_page_running: bool = False
    seen: tuple[str, ...] = ()

    def plan(self, now_s: float) -> Plan:
        """Return what the current run does. This changes nothing: a second call returns the same.

        A key usually runs the grid alone, which takes half as long as the page.

        Args:
            now_s: The monotonic clock.
        """
        is_delivery = self.n_received > self.n_drawn
        is_partial = is_delivery and len(self.changed) <= MAX_CHANGED
        is_count_due = self.is_count_requested or now_s - self.counted_s > COUNT_EVERY_S
        return Plan(
            queue=self.queue,
            ack=self.ack,
            changed=tuple(self.changed) if is_partial else None,
            page_id=self.page_id if is_partial else "",
            n_items=self.n_items if is_partial else 0,
            next_seq=self.ack.next_seq,
            is_delivery=is_delivery,
            is_page_rerun=is_delivery and is_count_due,
            n_received=self.n_received,
            is_page_run=not is_delivery or self.is_page_running,
            sort_seq=self.ack.sort_seq,
            seen=self.seen,
        )

    def note_received(self, delivery: Mapping[str, Any], ack: Ack) -> None:
        """Record what a delivery changed, and what the browser reports that it has.

        Args:
            delivery: The outbox as sent, with `page_id`, `n_items`, `acked_seq`, the last `seq` that the
                browser received, and `seen`, the images in sight.
        """
        acked_seq, n_items = delivery.get("acked_seq"), delivery.get("n_items")
        known_seq = acked_seq if isinstance(acked_seq, int) else 0
        refused = (*self.ack.refused, *ack.refused)[-MAX_REFUSALS:]
        next_seq = max(ack.next_seq, self.ack.next_seq)
        sort_seq = max(ack.sort_seq, self.ack.sort_seq)
        self.ack = Ack(ack.seq, refused, ack.touched, ack.changed, next_seq, sort_seq=sort_seq)
        self.page_id = str(delivery.get("page_id"))
        self.n_items = n_items if isinstance(n_items, int) else 0
        seen = delivery.get("seen")
        named = [each for each in seen if isinstance(each, str)] if isinstance(seen, list) else []
        self.seen = tuple(named[:MAX_SEEN])
        self.changed = {digest: seq for digest, seq in self.changed.items() if seq > known_seq}
        self.changed.update(dict.fromkeys(ack.changed, ack.seq))
        self.is_count_requested = self.is_count_requested or ack.is_count_requested
        self.n_received += 1

    def note_drawn(self, plan: Plan, now_s: float) -> None:
        """Note that the run of `plan` has ended. Without a delivery, it was a run of the whole page."""
        if not plan.is_delivery:
            self.note_page_run(now_s)
        self.n_drawn = max(self.n_drawn, plan.n_received)
        self.is_page_running = False

    def note_page_run(self, now_s: float) -> None:
        """Note that the whole page runs, with the counts around the grid."""
        self.counted_s, self.is_count_requested = now_s, False


def plan(queue: str) -> Plan:
    """Return what the current run of the page does for a queue. A page reads it once, at its start."""
    return _state(queue).plan(time.monotonic())


def note_drawn(plan: Plan) -> None:
    """Note, at the end of a run, that it has sent what it planned."""
    _state(plan.queue).note_drawn(plan, time.monotonic())


def rerun_page(plan: Plan) -> None:
    """Run the whole page instead of the grid alone. This does not return."""
    note_page_run(plan)
    st.rerun()


def note_page_run(plan: Plan) -> None:
    """Note that the whole page runs, so that a later plan of this run compares the queue."""
    state = _state(plan.queue)
    state.note_page_run(time.monotonic())
    state.is_page_running = True


def receive(workspace: Workspace, queue: str, delivery: Mapping[str, Any], act: Act | None) -> bool:
    """Apply the events of a delivery, before the page runs, so that every count on it is up to date.

    A delivery for another workspace is not acknowledged: the browser keeps it until that one is opened again.

    Returns:
        Whether images may have changed.
    """
    if delivery.get("workspace") != workspace_address.key_of(workspace.path):
        return False
    state = _state(queue)
    try:
        ack = outbox.apply(
            workspace,
            delivery.get("events"),
            last_ack=state.ack.seq,
            actor=session.actor(),
            act=act,
        )
    except PeakidError as error:
        st.session_state[_error_key(queue)] = error
        return False
    state.note_received(delivery, ack)
    return bool(ack.changed)


def receiver(
    workspace: Workspace,
    queue: str,
    component_key: str,
    act: Act | None,
    on_saved: Callable[[], None] | None = None,
) -> Callable[[], None]:
    """Return the callback of a component whose state `outbox` holds the deliveries.

    Args:
        on_saved: Called, last, where a delivery has changed images.
    """

    def receive_outbox() -> None:
        is_changed = receive(workspace, queue, st.session_state[component_key].get("outbox") or {}, act)
        if is_changed and on_saved is not None:
            on_saved()

    return receive_outbox


def show_error(queue: str) -> None:
    """Show the error of the last delivery, if it could not be saved."""
    if error := st.session_state.pop(_error_key(queue), None):
        session.show_error(error)


def owner(workspace: Workspace) -> dict[str, str]:
    """Return the workspace and the reviewer whose events the browser keeps: each pair has its own outbox."""
    return {
        "workspace": workspace_address.key_of(workspace.path),
        "reviewer": session.actor(),
    }


def ack_document(ack: Ack) -> dict[str, Any]:
    """Return an acknowledgement as JSON for the browser."""
    return {
        "seq": ack.seq,
        "refused": [asdict(each) for each in ack.refused],
        "touched": list(ack.touched[-1:]),
    }


def _state(queue: str) -> ClientState:
    return st.session_state.setdefault(f"client:{queue}", ClientState(queue))


def _error_key(queue: str) -> str:
    return f"delivery-error:{queue}"

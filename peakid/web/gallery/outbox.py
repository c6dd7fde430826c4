"""Apply the events that a browser sends: each one once, in order, or refused with a reason."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from peakid.curate import decisions, step_events
from peakid.curate.queues import bulk
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.errors import BadInput, NotFound, NothingToUndo
from peakid.records import Choice, Decision, StepResult, Verdict
from peakid.remedies import action
from peakid.store.workspace import Workspace
from peakid.web import words

MAX_TEXT_CHARS = 500  # Of any text in an event.

Event = dict[str, Any]
"""One event as the browser sent it: JSON, so any field may be missing or of another type."""

Act = Callable[[Workspace, Event, str], StepResult]
"""(workspace, event, actor) -> what the event changed."""

REQUESTS = ("next", "count", "sort")  # They change no image.
_STEPS = {"undo": decisions.undo, "redo": decisions.redo}


@dataclass(frozen=True)
class Refusal:
    """Why one event was not saved."""

    seq: int
    digest: str
    message: str


@dataclass(frozen=True)
class Ack:
    """The result of a delivery.

    Attributes:
        seq: Number of the last event that was handled: the browser drops all events up to it.
        touched: Digests that an undo or a redo changed.
        changed: All digests that may have changed.
        next_seq: Number of the last event that requested the next images; 0 if none did.
        sort_seq: Number of the last event that requested the images after those in sight in their order now.
        is_count_requested: The counts around the grid are to be computed anew.
    """

    seq: int
    refused: tuple[Refusal, ...] = ()
    touched: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    next_seq: int = 0
    is_count_requested: bool = False
    sort_seq: int = 0


def apply(workspace: Workspace, outbox: object, *, last_ack: int, actor: str, act: Act | None = None) -> Ack:
    """Save, in order, every event of an outbox that was not handled before.

    Each event is one step, so that one undo reverses one keystroke. An invalid event is refused and
    acknowledged like the others: otherwise the browser would send it forever. An outbox that is delivered
    twice is saved once, even where `last_ack` was lost: events carry an id that is unique in the database.

    Args:
        outbox: Untrusted JSON from the browser; a list of events is expected.
        last_ack: Events with a `seq` up to this were handled.
        act: Applies one event; `judge` if not given.

    Raises:
        WorkspaceNotWritable: If nothing can be saved now; the browser sends unacknowledged events again.
    """
    events = _new_events(outbox, last_ack)
    refused: list[Refusal] = []
    touched: list[str] = []
    changed: list[str] = []
    for event in events:
        changed += _digests_of(event)
        try:
            result = (act or judge)(workspace, event, actor)
        except (BadInput, NotFound, NothingToUndo) as error:
            refused.append(Refusal(event["seq"], str(event.get("digest", "")), str(error)))
            continue
        refused += [
            Refusal(event["seq"], digest, _conflict_text(result.standing.get(digest), event.get("kind")))
            for digest in result.conflicts
        ]
        done = [*(decision.digest for decision in result.decisions), *result.remarked]
        touched += done if event.get("kind") in _STEPS else []
        changed += [*done, *result.conflicts]
    return Ack(
        seq=events[-1]["seq"] if events else last_ack,
        refused=tuple(refused),
        touched=tuple(touched),
        changed=tuple(dict.fromkeys(changed)),
        next_seq=_last_of("next", events),
        is_count_requested=_last_of("count", events) > 0,
        sort_seq=_last_of("sort", events),
    )


def judge(workspace: Workspace, event: Event, actor: str) -> StepResult:
    """Apply an event that judges one image or several, undoes, or redoes.

    Raises:
        BadInput: If the event is malformed or the judgement lacks what it needs.
        NotFound: If there is no such image or class.
        NothingToUndo: If no step is left to undo or redo.
    """
    kind = event.get("kind")
    if kind in REQUESTS:
        return StepResult(None, [])
    if kind in _STEPS:
        return reverse(workspace, event, actor)
    event_id = id_of(event)
    if "images" in event:
        return decisions.decide(workspace, _choices(event), actor=actor, event_id=event_id)
    return decisions.decide(workspace, [_choice(event, event_id)], actor=actor)


def reverse(workspace: Workspace, event: Event, actor: str) -> StepResult:
    """Apply an event that undoes or redoes the step of the event that it names as `target`.

    Without a target it is the actor's newest step: no page sends that, because the newest step can be of
    another tab.

    Raises:
        BadInput: If the event is malformed.
        NothingToUndo: If the step was not saved, was undone already, or is somebody else's.
    """
    target = text_of(event, "target")
    step_id = step_events.step_of(workspace, target, actor=actor) if target else None
    return _STEPS[str(event["kind"])](workspace, actor=actor, step_id=step_id, event_id=id_of(event))


def judge_queue(
    workspace: Workspace, event: Event, actor: str, *, filters: Filters = NO_FILTERS
) -> StepResult:
    """Apply an event that judges a whole queue, unless more images wait there than the reviewer confirmed.

    Raises:
        BadInput: If the event is malformed, nothing waits, or more images wait than were confirmed.
        NotFound: If there is no such queue or class.
    """
    n = event.get("n")
    confirmed = n if isinstance(n, int) else 0
    return bulk.decide_queue(
        workspace,
        text_of(event, "queue"),
        _verdict(event.get("verdict")),
        label=text_of(event, "label") or None,
        reason=text_of(event, "reason"),
        # "More than 1,000" was shown and confirmed: the exact number was never counted.
        at_most=None if event.get("is_more") is True else confirmed,
        actor=actor,
        event_id=id_of(event),
        filters=filters,
    )


def with_acts(acts: Mapping[str, Act]) -> Act:
    """Return an act that applies an event with one of `acts`, by its kind, and with `judge` otherwise."""

    def act(workspace: Workspace, event: Event, actor: str) -> StepResult:
        return acts.get(str(event.get("kind")), judge)(workspace, event, actor)

    return act


def id_of(event: Event) -> str:
    """Return the id of an event, which is unique in the database.

    Raises:
        BadInput: If it has none.
    """
    event_id = text_of(event, "id")
    if not event_id:
        raise malformed(f"Event {event['seq']} has no id.")
    return event_id


def text_of(event: Event, name: str) -> str:
    """Return a field of an event as text, cut at `MAX_TEXT_CHARS`; "" where it is missing or no text."""
    value = event.get(name)
    return value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


def malformed(message: str) -> BadInput:
    """Return the error for an event that no current page sends."""
    return BadInput(message, "Reload the page.", action("reload_page"))


def _new_events(outbox: object, last_ack: int) -> list[Event]:
    """Return the events after `last_ack` in order, without those that have no number to acknowledge."""
    found = [event for event in outbox if isinstance(event, dict)] if isinstance(outbox, list) else []
    numbered = [event for event in found if isinstance(event.get("seq"), int) and event["seq"] > last_ack]
    return sorted(numbered, key=lambda event: event["seq"])


def _last_of(kind: str, events: Iterable[Event]) -> int:
    """Return the number of the last event of a kind, 0 if there is none."""
    return max((event["seq"] for event in events if event.get("kind") == kind), default=0)


def _conflict_text(standing: Decision | None, kind: object) -> str:
    """Return whose judgement was kept. The image is drawn with it, and the same key overrules it."""
    text = words.standing(standing) if standing else "Someone else judged this image in the meantime."
    if kind in _STEPS:
        return f"{text} This later judgement stays."
    return f"{text} Your judgement was not saved. To overrule it, press the key again."


def _choices(event: Event) -> list[Choice]:
    """Read a judgement of several images: common fields, and under `images` those of each image."""
    images = event["images"]
    if not isinstance(images, list) or not images or not all(isinstance(image, dict) for image in images):
        raise malformed("The event names no images.")
    return [_choice({**event, **image}, "") for image in images]


def _choice(event: Event, event_id: str) -> Choice:
    base = event.get("base", -1)
    return Choice(
        digest=text_of(event, "digest"),
        verdict=_verdict(event.get("kind")),
        label=text_of(event, "label") or None,
        reason=text_of(event, "reason"),
        base_decision_id=base if isinstance(base, int) or base is None else -1,
        event_id=event_id,
        basis={name: text_of(event, name) for name in ("queue", "view", "why")},
    )


def _verdict(kind: object) -> Verdict:
    if kind not in get_args(Verdict):
        raise malformed(f"Unknown verdict {kind!r}.")
    return cast(Verdict, kind)


def _digests_of(event: Event) -> Iterable[str]:
    """Return the digests that an event names, valid or not."""
    images = event.get("images")
    several = [image for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    digests = [event.get("digest"), *(image.get("digest") for image in several)]
    return [digest for digest in digests if isinstance(digest, str) and digest]

"""How judgements reach the log: the picture gallery, its outbox of keystrokes, and the acknowledgement by number."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast, get_args

import streamlit as st

from peakid.curate import classes, decisions
from peakid.curate.queues import bulk
from peakid.errors import BadInput, NotFound, NothingToUndo, PeakidError
from peakid.records import Choice, QueueItem, StepResult, Verdict
from peakid.store.workspace import Workspace
from peakid.web import session, theme, words
from peakid.web.gallery import scripts
from peakid.web.gallery.batch import Batch

DEFAULT_REASON = "unsuitable"
REASONS = (
    DEFAULT_REASON,
    "another subject",
    "several subjects",
    "poor quality",
    "duplicate",
    "drawing or text",
)

N_ANSWERS = 50
COUNT_EVERY_S = 30.0
N_CHANGED = 1000  # Where more images changed at once, all of them are sent again.

Act = Callable[[Workspace, dict[str, Any], str], StepResult]
"""(workspace, event, actor) -> what one event of an outbox did."""

_REQUESTS = ("next", "count")  # Of the page; nothing is judged by them.
_STEPS = {"undo": decisions.undo, "redo": decisions.redo}
_REMARKS = (
    "tags",
    "note",
    "also_shows",
    "origin_url",
    "licence",
    "author",
)  # Shown beside the single image where known.


@dataclass(frozen=True)
class Answer:
    """Why one event was not written down."""

    seq: int
    digest: str
    message: str


@dataclass(frozen=True)
class Ack:
    """What became of a delivery.

    `seq` is the number of the last event dealt with: the browser forgets all up to it. `touched` holds the digests
    that an undo or a redo changed, `changed` all digests that may have changed. `wants_next` says that the reviewer
    asked for the next images.
    """

    seq: int
    refused: list[Answer] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    wants_next: bool = False
    changed: list[str] = field(default_factory=list)


@dataclass
class _Told:
    """What the browser has of a table already, so that only news is sent.

    `n_items` of the table named `table` were confirmed. `news` holds, by digest, the number of the event that changed
    an image since. `is_delivery`: this run of the page was caused by keys, so nothing else can have changed. `counted_s`
    is when the page around the gallery was drawn last, on the monotonic clock; `is_page` that it is being drawn now.
    """

    table: str = ""
    n_items: int = 0
    news: dict[str, int] = field(default_factory=dict)
    is_delivery: bool = False
    counted_s: float = 0.0
    is_page: bool = False


def apply(workspace: Workspace, outbox: object, *, last_ack: int, actor: str, act: Act | None = None) -> Ack:
    """Write down, in order, every event of an outbox that was not dealt with before.

    Each event is one step, so that one undo takes back one keystroke. An event that cannot be is answered and
    acknowledged like the others: otherwise the browser would send it for ever. Delivering the same outbox twice
    writes nothing twice, even where `last_ack` was lost: events carry an id that is unique in the log.

    Args:
        outbox: What the browser sent, so anything at all; a list of events is expected.
        last_ack: Events with a `seq` up to this were dealt with.
        act: What to do with one event; judging one image where not given.

    Raises:
        WorkspaceNotWritable: If nothing can be written now; what was not acknowledged will come again.
    """
    seq, refused, touched, changed, wants_next = last_ack, [], [], [], False
    for event in _events(outbox, last_ack):
        seq = event["seq"]
        changed += _named(event)
        try:
            result = (act or _act)(workspace, event, actor)
        except (BadInput, NotFound, NothingToUndo) as error:
            refused.append(Answer(seq, str(event.get("digest", "")), str(error)))
            continue
        refused += [Answer(seq, digest, _conflict(result, digest)) for digest in result.conflicts]
        done = [*(decision.digest for decision in result.decisions), *result.remarked]
        touched += done if event["kind"] in _STEPS else []
        changed += [*done, *result.conflicts]
        wants_next = wants_next or event["kind"] == "next"
    return Ack(seq, refused, touched, wants_next, list(dict.fromkeys(changed)))


def show(
    batch: Batch,
    class_names: Sequence[str],
    *,
    workspace: Workspace,
    height_px: int | None = None,
    acts: Mapping[str, Act] | None = None,
) -> None:
    """Draw the gallery; what is typed in it is written down before the next run of the page.

    Args:
        batch: The images as they are now. Its queue is kept with each decision as what was shown.
        class_names: In key order; the first nine answer to the keys 1-9.
        height_px: Of the pictures, where something else shares the page; None = what the window has left.
        acts: What else a person may do to an image here, by kind of event: "tag", "note" or "also". Only these are offered.
    """
    if error := st.session_state.pop("gallery:error", None):
        session.show_error(error)
    colours = theme.class_colours(class_names, classes.colours(workspace))
    _component()(
        key=_key(batch.queue),
        data={
            "key": batch.queue,
            **owner(workspace),
            **_news(batch),
            "classes": [{"name": name, "colour": colour} for name, colour in colours.items()],
            "reasons": list(REASONS),
            "n_waiting": batch.n_waiting,
            "n_matching": batch.n_waiting + len(batch.open),
            "is_more": batch.is_more,
            "is_end": batch.is_end,
            "height_px": height_px,
            "can": sorted(acts or {}),
            **answer(batch.queue),
        },
        on_outbox_change=lambda: _take(workspace, batch.queue, {"queue": _whole(batch), **(acts or {})}),
    )


def owner(workspace: Workspace) -> dict[str, str]:
    """Name whose judgements a browser keeps until they are written: another workspace or reviewer has an outbox of its own."""
    return {
        "workspace": hashlib.sha256(str(workspace.path).encode()).hexdigest()[:12],
        "reviewer": session.actor(),
    }


def answer(queue: str) -> dict[str, Any]:
    """Answer what the browser must hear of the last delivery."""
    ack = last_ack(queue)
    return {"seq": ack.seq, "refused": [asdict(each) for each in ack.refused], "touched": ack.touched[-1:]}


def wants_next(queue: str) -> bool:
    """Tell, once, whether the reviewer asked for the next images of the queue."""
    ack = last_ack(queue)
    st.session_state[f"ack:{queue}"] = Ack(ack.seq, ack.refused, ack.touched)
    return ack.wants_next


def changed(queue: str) -> list[str] | None:
    """Answer, once, which images the keys that caused this run may have changed; None where anything may have."""
    told = _told(queue)
    if not told.is_delivery:
        told.table = ""  # Something else than a key: all is read and sent anew.
        return None
    told.is_delivery = False
    return list(told.news)


def note_page(queue: str) -> None:
    """Note that the whole page is being drawn, and the counts around the gallery with it."""
    told = _told(queue)
    told.counted_s, told.is_page = time.monotonic(), True


def counts_are_old(queue: str) -> bool:
    """Tell whether the whole page should be drawn again: half a minute later, or when the browser asks, where nobody types.

    A key alone runs only the gallery, which takes half as long.
    """
    told = _told(queue)
    if told.is_page:
        told.is_page = False
        return False
    return time.monotonic() - told.counted_s > COUNT_EVERY_S


def last_ack(queue: str) -> Ack:
    """Answer what was last acknowledged to this session's outbox of a queue."""
    return st.session_state.get(f"ack:{queue}", Ack(0))


def remember(queue: str, ack: Ack) -> None:
    """Keep an acknowledgement for the next drawing. A run that newer keys interrupt draws nothing: the next one says it."""
    last = last_ack(queue)
    refused = [*last.refused, *ack.refused][-N_ANSWERS:]  # Answers are few.
    st.session_state[f"ack:{queue}"] = Ack(ack.seq, refused, ack.touched, ack.wants_next or last.wants_next)


def _told(queue: str) -> _Told:
    return st.session_state.setdefault(f"told:{queue}", _Told())


def _hear(queue: str, outbox: Mapping[str, Any], ack: Ack) -> None:
    """Note what the browser says it has, and what this delivery changed."""
    told, heard = _told(queue), outbox.get("heard")
    told.table, told.n_items = (
        str(outbox.get("table")),
        n if isinstance(n := outbox.get("n_items"), int) else 0,
    )
    told.news = {
        digest: seq for digest, seq in told.news.items() if not isinstance(heard, int) or seq > heard
    }
    told.news.update(dict.fromkeys(ack.changed, ack.seq))
    told.is_delivery = len(told.news) <= N_CHANGED
    if any(event["kind"] == "count" for event in _events(outbox.get("events"), 0) if "kind" in event):
        told.counted_s = -COUNT_EVERY_S


def _news(batch: Batch) -> dict[str, Any]:
    """Answer the images that the browser has not got, and those it has that changed."""
    told = _told(batch.queue)
    start = min(told.n_items, len(batch.held)) if told.table == batch.table else 0
    items = batch.items
    rest = {item.digest for item in items[start:]}
    fresh = [batch.held[digest] for digest in told.news if digest in batch.held and digest not in rest]
    return {
        "table": batch.table,
        "start": start,
        "items": [_document(item, batch.reasons) for item in items[start:]],
        "fresh": [_document(item, batch.reasons) for item in fresh],
    }


def _take(workspace: Workspace, queue: str, acts: Mapping[str, Act]) -> None:
    """Write down what has come. Runs before the page, so that every count on it is the new one."""
    outbox = st.session_state[_key(queue)].get("outbox") or {}
    last = last_ack(queue)
    try:
        ack = apply(
            workspace, outbox.get("events"), last_ack=last.seq, actor=session.actor(), act=with_acts(acts)
        )
    except PeakidError as error:
        st.session_state["gallery:error"] = error
    else:
        remember(queue, ack)
        _hear(queue, outbox, ack)


def with_acts(acts: Mapping[str, Act]) -> Act:
    """Answer what is done with an event: one of `acts` by its kind, a judgement where none of them is named."""

    def act(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
        return acts.get(str(event.get("kind")), _act)(workspace, event, actor)

    return act


def _events(outbox: object, last_ack: int) -> list[dict[str, Any]]:
    """Answer the well-formed events after `last_ack` in order; what has no number cannot even be answered."""
    found = [event for event in outbox if isinstance(event, dict)] if isinstance(outbox, list) else []
    numbered = [event for event in found if isinstance(event.get("seq"), int) and event["seq"] > last_ack]
    return sorted(numbered, key=lambda event: event["seq"])


def _conflict(result: StepResult, digest: str) -> str:
    """Say whose judgement stands. The image is drawn with it, so that the same key given again is a choice between the two."""
    standing = result.standing.get(digest)
    told = words.standing(standing) if standing else "Somebody else judged this image since you looked."
    return f"{told} Yours is not saved: leave it, or press again to overrule."


def _act(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
    kind = event.get("kind")
    if kind in _REQUESTS:
        return StepResult(None, [])
    event_id = _text(event, "id")
    if not event_id:
        raise BadInput(f"The event {event['seq']} has no id.", "Reload the page.")
    if kind in _STEPS:
        return _STEPS[kind](workspace, actor=actor, event_id=event_id)
    if "images" in event:
        return decisions.decide(workspace, _choices(event), actor=actor, event_id=event_id)
    return decisions.decide(workspace, [_choice(event, event_id)], actor=actor)


def _whole(batch: Batch) -> Act:
    """Answer what judges all that waits in a queue, narrowed as it was when its number was told."""

    def act(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
        is_what_was_asked = (
            event.get("table") == batch.table
        )  # Late, another queue or other filters may be open.
        return judge_queue(workspace, event if is_what_was_asked else {**event, "n": 0}, actor, **batch.where)

    return act


def judge_queue(workspace: Workspace, event: dict[str, Any], actor: str, **where: Any) -> StepResult:
    """Do what an event asks of a whole queue, if no more waits there than its maker was told of."""
    n, event_id = event.get("n"), _text(event, "id")
    if not event_id:
        raise BadInput(f"The event {event['seq']} has no id.", "Reload the page.")
    return bulk.decide_queue(
        workspace,
        _text(event, "queue"),
        _verdict(event.get("verdict")),
        label=_text(event, "label") or None,
        reason=_text(event, "reason"),
        at_most=None
        if event.get("is_more") is True
        else n
        if isinstance(n, int)
        else 0,  # "More than 1,000" was told and confirmed.
        actor=actor,
        event_id=event_id,
        **where,
    )


def _choices(event: dict[str, Any]) -> list[Choice]:
    """Read a judgement of several images: what all have in common, and under `images` what each brings."""
    images = event["images"]
    if not isinstance(images, list) or not images or not all(isinstance(image, dict) for image in images):
        raise BadInput("The event names no images.", "Reload the page.")
    return [_choice({**event, **image}, "") for image in images]


def _choice(event: dict[str, Any], event_id: str) -> Choice:
    base = event.get("base", -1)
    return Choice(
        digest=_text(event, "digest"),
        verdict=_verdict(event.get("kind")),
        label=_text(event, "label") or None,
        reason=_text(event, "reason"),
        base_decision_id=base if isinstance(base, int) or base is None else -1,
        event_id=event_id,
        basis={"queue": _text(event, "queue"), "view": _text(event, "view"), "why": _text(event, "why")},
    )


def _verdict(kind: object) -> Verdict:
    if kind not in get_args(Verdict):
        raise BadInput(f"{kind!r} is no verdict.", "Reload the page.")
    return cast(Verdict, kind)


def _named(event: Mapping[str, Any]) -> Iterable[str]:
    """Answer the digests that an event names, whatever becomes of it."""
    images = event.get("images")
    several = (
        [image.get("digest") for image in images if isinstance(image, dict)]
        if isinstance(images, list)
        else []
    )
    return [digest for digest in [event.get("digest"), *several] if isinstance(digest, str) and digest]


def _text(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    return value[:500] if isinstance(value, str) else ""


def _document(item: QueueItem, reasons: Mapping[str, str]) -> dict[str, Any]:
    remarks = {name: value for name in _REMARKS if (value := getattr(item, name, None))}
    return {
        "digest": item.digest,
        "path": item.path,
        "label": item.label,
        "verdict": item.verdict,
        "reason": item.reason,
        "is_reviewed": item.is_reviewed,
        "base": item.decision_id,
        "why": reasons.get(item.digest, item.reason),
        **remarks,
    }


def _key(queue: str) -> str:
    return f"gallery:{queue}"


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "peakid_gallery",
        js=scripts.loader("gallery"),
        css=scripts.joined("gallery.css", "gallery_single.css"),
    )

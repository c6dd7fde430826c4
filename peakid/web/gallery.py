"""How judgements reach the log: the picture gallery, its outbox of keystrokes, and the acknowledgement by number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import streamlit as st

from peakid.curate import classes, decisions
from peakid.errors import BadInput, NotFound, NothingToUndo, PeakidError
from peakid.records import Choice, QueueItem, StepResult, Verdict
from peakid.web import session, theme, words
from peakid.workspace import Workspace

DEFAULT_REASON = "unsuitable"
REASONS = (DEFAULT_REASON, "another subject", "several subjects", "poor quality", "duplicate", "drawing or text")

N_ANSWERS = 50

Act = Callable[[Workspace, dict[str, Any], str], StepResult]
"""(workspace, event, actor) -> what one event of an outbox did."""

_HERE = Path(__file__).resolve().parent
_STEPS = {"undo": decisions.undo, "redo": decisions.redo}


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
    that an undo or a redo changed. `wants_next` says that the reviewer asked for the next images.
    """

    seq: int
    refused: list[Answer] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    wants_next: bool = False


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
    seq, refused, touched, wants_next = last_ack, [], [], False
    for event in _events(outbox, last_ack):
        seq = event["seq"]
        try:
            result = (act or _act)(workspace, event, actor)
        except (BadInput, NotFound, NothingToUndo) as error:
            refused.append(Answer(seq, str(event.get("digest", "")), str(error)))
            continue
        refused += [Answer(seq, digest, _conflict(result, digest)) for digest in result.conflicts]
        touched += [decision.digest for decision in result.decisions if event["kind"] in _STEPS]
        wants_next = wants_next or event["kind"] == "next"
    return Ack(seq, refused, touched, wants_next)


def show(
    items: Sequence[QueueItem],
    class_names: Sequence[str],
    *,
    workspace: Workspace,
    queue: str,
    reasons: Mapping[str, str],
    n_waiting: int,
    height_px: int | None = None,
) -> None:
    """Draw the gallery; what is typed in it is written down before the next run of the page.

    Args:
        items: The images as they are now, in a fixed order.
        class_names: In key order; the first nine answer to the keys 1-9.
        queue: Name of the queue they come from, kept with each decision as what was shown.
        reasons: By digest, why each image was put here.
        n_waiting: Images of the queue that are neither judged nor among `items`.
        height_px: Of the pictures, where something else shares the page; None = what the window has left.
    """
    ack = last_ack(queue)
    if error := st.session_state.pop("gallery:error", None):
        session.show_error(error)
    colours = theme.class_colours(class_names, classes.colours(workspace))
    _component()(
        key=_key(queue),
        data={
            "key": queue,
            "items": [{**_document(item), "why": reasons.get(item.digest, item.reason)} for item in items],
            "classes": [{"name": name, "colour": colour} for name, colour in colours.items()],
            "reasons": list(REASONS),
            "n_waiting": n_waiting,
            "height_px": height_px,
            **asdict(ack),
        },
        on_outbox_change=lambda: _take(workspace, queue),
    )


def wants_next(queue: str) -> bool:
    """Tell, once, whether the reviewer asked for the next images of the queue."""
    ack = last_ack(queue)
    st.session_state[f"ack:{queue}"] = Ack(ack.seq, ack.refused, ack.touched)
    return ack.wants_next


def last_ack(queue: str) -> Ack:
    """Answer what was last acknowledged to this session's outbox of a queue."""
    return st.session_state.get(f"ack:{queue}", Ack(0))


def remember(queue: str, ack: Ack) -> None:
    """Keep an acknowledgement for the next drawing. A run that newer keys interrupt draws nothing: the next one says it."""
    last = last_ack(queue)
    refused = [*last.refused, *ack.refused][-N_ANSWERS:]  # Answers are few.
    st.session_state[f"ack:{queue}"] = Ack(ack.seq, refused, ack.touched, ack.wants_next or last.wants_next)


def _take(workspace: Workspace, queue: str) -> None:
    """Write down what has come. Runs before the page, so that every count on it is the new one."""
    outbox = st.session_state[_key(queue)].get("outbox") or {}
    last = last_ack(queue)
    try:
        ack = apply(workspace, outbox.get("events"), last_ack=last.seq, actor=session.actor())
    except PeakidError as error:
        st.session_state["gallery:error"] = error
    else:
        remember(queue, ack)


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
    if kind == "next":
        return StepResult(None, [])
    event_id = _text(event, "id")
    if not event_id:
        raise BadInput(f"The event {event['seq']} has no id.", "Reload the page.")
    if kind in _STEPS:
        return _STEPS[kind](workspace, actor=actor, event_id=event_id)
    return decisions.decide(workspace, [_choice(event, event_id)], actor=actor)


def _choice(event: dict[str, Any], event_id: str) -> Choice:
    kind, base = event.get("kind"), event.get("base", -1)
    if kind not in get_args(Verdict):
        raise BadInput(f"{kind!r} is no verdict.", "Reload the page.")
    return Choice(
        digest=_text(event, "digest"),
        verdict=cast(Verdict, kind),
        label=_text(event, "label") or None,
        reason=_text(event, "reason"),
        base_decision_id=base if isinstance(base, int) or base is None else -1,
        event_id=event_id,
        basis={"queue": _text(event, "queue"), "view": _text(event, "view"), "why": _text(event, "why")},
    )


def _text(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    return value[:500] if isinstance(value, str) else ""


def _document(item: QueueItem) -> dict[str, Any]:
    return {
        "digest": item.digest,
        "path": item.path,
        "label": item.label,
        "verdict": item.verdict,
        "note": item.reason,
        "is_reviewed": item.is_reviewed,
        "base": item.decision_id,
    }


def _key(queue: str) -> str:
    return f"gallery:{queue}"


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    # One module of three files, given as text: a one-line string would be taken for a path.
    script = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("gallery.js", "gallery_draw.js", "gallery_keys.js"))
    style = (_HERE / "gallery.css").read_text(encoding="utf-8")
    return st.components.v2.component("peakid_gallery", js=script, css=style)

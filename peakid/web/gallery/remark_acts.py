"""What a person says of an image beside its label, as it comes from the gallery: tags, a note, further classes."""

from typing import Any

from peakid.curate import remarks
from peakid.errors import BadInput
from peakid.records import StepResult
from peakid.store.workspace import Workspace
from peakid.web.gallery.gallery import Act


def _tag(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
    return remarks.tag(
        workspace,
        [_text(event, "digest")],
        _text(event, "name"),
        is_on=_is_on(event),
        actor=actor,
        event_id=_id(event),
    )


def _note(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
    return remarks.note(
        workspace, _text(event, "digest"), _text(event, "text"), actor=actor, event_id=_id(event)
    )


def _also(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
    return remarks.also(
        workspace,
        _text(event, "digest"),
        _text(event, "name"),
        is_on=_is_on(event),
        actor=actor,
        event_id=_id(event),
    )


ACTS: dict[str, Act] = {"tag": _tag, "note": _note, "also": _also}


def _text(event: dict[str, Any], name: str) -> str:
    return value if isinstance(value := event.get(name), str) else ""


def _is_on(event: dict[str, Any]) -> bool:
    return event.get("is_on") is not False


def _id(event: dict[str, Any]) -> str:
    if not _text(event, "id"):
        raise BadInput(f"The event {event['seq']} has no id.", "Reload the page.")
    return _text(event, "id")

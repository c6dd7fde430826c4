"""Apply the events that change what is said of an image beside its label: tags, note, classes, typical."""

from peakid.curate import remarks
from peakid.records import StepResult
from peakid.store.workspace import Workspace
from peakid.web.gallery.outbox import Act, Event, id_of, text_of


def _tag(workspace: Workspace, event: Event, actor: str) -> StepResult:
    digests, name = [text_of(event, "digest")], text_of(event, "name")
    return remarks.tag(workspace, digests, name, is_on=_is_on(event), actor=actor, event_id=id_of(event))


def _note(workspace: Workspace, event: Event, actor: str) -> StepResult:
    text = event.get("text")  # A note has a limit of its own, which `remarks` checks.
    return remarks.note(
        workspace,
        text_of(event, "digest"),
        text if isinstance(text, str) else "",
        actor=actor,
        event_id=id_of(event),
    )


def _also(workspace: Workspace, event: Event, actor: str) -> StepResult:
    digest, name = text_of(event, "digest"), text_of(event, "name")
    return remarks.also(workspace, digest, name, is_on=_is_on(event), actor=actor, event_id=id_of(event))


def _typical(workspace: Workspace, event: Event, actor: str) -> StepResult:
    digest = text_of(event, "digest")
    return remarks.typical(workspace, digest, is_on=_is_on(event), actor=actor, event_id=id_of(event))


ACTS: dict[str, Act] = {"tag": _tag, "note": _note, "also": _also, "typical": _typical}


def _is_on(event: Event) -> bool:
    return event.get("is_on") is not False

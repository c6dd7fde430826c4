"""How groups of look-alikes are shown and resolved: one group a row, what differs under each picture, one key a choice."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from peakid.curate import decisions
from peakid.curate.duplicates import duplicate_groups, resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, DuplicateImage
from peakid.errors import BadInput, PeakidError
from peakid.records import StepResult
from peakid.store.workspace import Workspace
from peakid.web import session, words
from peakid.web.gallery import gallery, scripts

TABS = {
    "conflicting": "Conflicting labels",
    "across": "Across splits",
    "exact": "Exact",
    "near": "Near",
    "settled": "Settled",
}
N_GROUPS = 100  # Drawn at once; the next come when these are done.
N_IMAGES = 24  # Of one group drawn at once; the choice counts for all.


def tab_of(group: DuplicateGroup) -> str:
    """Answer the one tab a group stands in: the most urgent that fits."""
    if group.is_settled:
        return "settled"
    if group.is_conflicting:
        return "conflicting"
    return "across" if group.is_across_splits else group.kind


def on_table(workspace: Workspace, tab: str) -> tuple[list[DuplicateGroup], int]:
    """Answer this session's stretch of a tab, which stays in place while it is resolved, and how many wait behind it."""
    groups = [group for group in duplicate_groups.list_groups(workspace) if tab_of(group) == tab]
    held: list[DuplicateGroup] = st.session_state.get(_table(tab)) or []
    if tab == "settled" or not held or gallery.wants_next(_queue(tab)):
        held = st.session_state[_table(tab)] = groups[:N_GROUPS]
    here = {_name(group) for group in held}
    return held, sum(_name(group) not in here for group in groups)


def forget(tab: str) -> None:
    """Take the stretch off the table, so that the next one is read anew."""
    st.session_state.pop(_table(tab), None)


def show(groups: Sequence[DuplicateGroup], *, workspace: Workspace, tab: str, n_waiting: int) -> None:
    """Draw the groups; what is typed there is written down before the next run of the page."""
    queue = _queue(tab)
    if error := st.session_state.pop("duplicates:error", None):
        session.show_error(error)
    _component()(
        key=f"wall:{queue}",
        data={
            "key": queue,
            "groups": [_document(group) for group in groups],
            "is_settled": tab == "settled",
            "n_waiting": n_waiting,
            **gallery.owner(workspace),
            **gallery.answer(queue),
        },
        on_outbox_change=lambda: _take(workspace, queue),
    )


def act(workspace: Workspace, event: dict[str, Any], actor: str) -> StepResult:
    """Do what one key asked for.

    Raises:
        BadInput: If the event makes no sense, or what it asks for cannot be.
    """
    kind, event_id, digests = event.get("kind"), event.get("id"), event.get("digests")
    if kind == "next":
        return StepResult(None, [])
    if not isinstance(event_id, str) or not event_id:
        raise BadInput(f"The event {event['seq']} has no id.", "Reload the page.")
    if kind in ("undo", "redo"):
        return {"undo": decisions.undo, "redo": decisions.redo}[kind](
            workspace, actor=actor, event_id=event_id
        )
    if not isinstance(digests, dict) or not all(
        base is None or isinstance(base, int) for base in digests.values()
    ):
        raise BadInput("The event names no images.", "Reload the page.")
    if kind == "keep":
        kept, label = str(event.get("digest")), event.get("label")
        others = {digest: base for digest, base in digests.items() if digest != kept}
        return resolve.keep(
            workspace,
            kept,
            others,
            label=label if isinstance(label, str) else None,
            actor=actor,
            event_id=event_id,
        )
    if kind not in ("all", "not"):
        raise BadInput(f"{kind!r} is nothing that can be done with duplicates.", "Reload the page.")
    judge = resolve.keep_all if kind == "all" else resolve.not_duplicates
    return StepResult(judge(workspace, list(digests), actor=actor, event_id=event_id), [])


def _take(workspace: Workspace, queue: str) -> None:
    """Write down what has come, before the page runs, so that every count on it is the new one."""
    outbox = st.session_state[f"wall:{queue}"].get("outbox") or {}
    try:
        gallery.remember(
            queue,
            gallery.apply(
                workspace,
                outbox.get("events"),
                last_ack=gallery.last_ack(queue).seq,
                actor=session.actor(),
                act=act,
            ),
        )
    except PeakidError as error:
        st.session_state["duplicates:error"] = error


def _document(group: DuplicateGroup) -> dict[str, Any]:
    facts = [_facts(image) for image in group.images]
    differing = [name for name in facts[0] if len({fact[name] for fact in facts}) > 1]
    return {
        "key": _name(group),
        "kind": group.kind,
        "is_conflicting": group.is_conflicting,
        "same": " · ".join(value for name, value in facts[0].items() if name not in differing and value),
        "n_hidden": max(0, len(group.images) - N_IMAGES),
        "digests": {image.digest: image.decision_id for image in group.images if image.verdict != "exclude"},
        "images": [
            {
                "digest": image.digest,
                "path": image.path,
                "label": image.label,
                "verdict": image.verdict,
                "is_best": image.is_best,
                "differs": [fact[name] or f"no {name}" for name in differing],
            }
            for image, fact in list(zip(group.images, facts, strict=True))[:N_IMAGES]
        ],
    }


def _facts(image: DuplicateImage) -> dict[str, str]:
    return {
        "label": image.label or "no label",
        "size": f"{image.width_px} × {image.height_px}",
        "bytes": words.n_bytes(image.n_bytes),
        "format": image.format,
        "split": ", ".join(image.splits),
        "source": image.source,
        "date": f"taken {image.taken_at[:10]}" if image.taken_at else f"added {image.added_at[:10]}",
        "camera": image.camera or "",
    }


def _name(group: DuplicateGroup) -> str:
    return f"{group.kind}:{group.group_key}"


def _queue(tab: str) -> str:
    return f"duplicates:{tab}"


def _table(tab: str) -> str:
    return f"duplicates:table:{tab}"


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("duplicates"), scripts.joined("gallery.css", "duplicates.css")
    return st.components.v2.component("peakid_duplicates", js=script, css=style)

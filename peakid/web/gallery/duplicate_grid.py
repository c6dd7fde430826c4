"""Show groups of duplicates, one per row, with what differs below each image; one key resolves a group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from peakid.curate.duplicates import resolve
from peakid.curate.duplicates.duplicate_groups import DuplicateGroup, DuplicateImage
from peakid.curate.duplicates.duplicate_images import Likeness
from peakid.records import StepResult
from peakid.store.workspace import Workspace
from peakid.web import words
from peakid.web.gallery import bulk_notice, delivery, scripts
from peakid.web.gallery.bulk_notice import Done
from peakid.web.gallery.delivery import Plan
from peakid.web.gallery.outbox import REQUESTS, Event, id_of, malformed, reverse

TABS = {
    "conflicting": "Conflicting labels",
    "across": "Across splits",
    "exact": "Exact",
    "near": "Near",
    "proposed": "Proposed by the model",
    "settled": "Settled",
}
N_GROUPS = 100  # Shown at once; the next are shown when these are resolved.
N_IMAGES = 24  # Of one group shown at once; a choice applies to all of them.


@dataclass(frozen=True)
class LoadedGroups:
    """The groups of a tab that this session shows. They keep their places while they are resolved.

    `n_waiting` counts those that are not loaded. `loaded_seq` is the number of the event that requested
    these.
    """

    groups: tuple[DuplicateGroup, ...]
    n_waiting: int
    loaded_seq: int


def queue_of(tab: str) -> str:
    """Return the name of a tab as a queue."""
    return f"duplicates:{tab}"


def tab_of(group: DuplicateGroup) -> str:
    """Return the one tab that a group is in: the most urgent that fits."""
    if group.is_settled:
        return "settled"
    if group.kind == "proposed":  # Also with other labels: whether they are copies is the first question.
        return "proposed"
    if group.is_conflicting:
        return "conflicting"
    return "across" if group.is_across_splits else group.kind


def load(groups: Sequence[DuplicateGroup], tab: str, plan: Plan) -> LoadedGroups:
    """Return the loaded groups of a tab, or the next ones where they were requested.

    A run of the page that no choice caused loads the groups anew where others joined or left the tab, or
    where an image of one has changed.

    Args:
        groups: All groups that are in the tab now.
    """
    loaded: LoadedGroups | None = st.session_state.get(_name(tab))
    is_requested = loaded is None or not loaded.groups or plan.next_seq > loaded.loaded_seq
    if plan.is_page_rerun:
        delivery.note_page_run(plan)
    is_compared = plan.is_page_run or plan.is_page_rerun
    if tab == "settled" or is_requested or (is_compared and loaded.groups != tuple(groups[:N_GROUPS])):
        shown = tuple(groups[:N_GROUPS])
    else:
        shown = loaded.groups
    shown_keys = {_key(group) for group in shown}
    n_waiting = sum(_key(group) not in shown_keys for group in groups)
    loaded = st.session_state[_name(tab)] = LoadedGroups(shown, n_waiting, plan.next_seq)
    return loaded


def forget(tab: str) -> None:
    """Drop the loaded groups of a tab, so that the next run loads others."""
    st.session_state.pop(_name(tab), None)


def show(
    loaded: LoadedGroups, *, workspace: Workspace, tab: str, plan: Plan, done: Done | None = None
) -> None:
    """Draw the groups. Events are saved before the next run of the page.

    Args:
        done: What a button of this tab did, which the key Z undoes like the choices of the grid.
    """
    delivery.show_error(plan.queue)
    key = f"grid:{plan.queue}"
    _component()(
        key=key,
        data={
            "key": plan.queue,
            "groups": [_document(group) for group in loaded.groups],
            "is_settled": tab == "settled",
            "n_waiting": loaded.n_waiting,
            "step": bulk_notice.document(done),
            **delivery.owner(workspace),
            **delivery.ack_document(plan.ack),
        },
        on_outbox_change=delivery.receiver(workspace, plan.queue, key, act),
    )
    delivery.note_drawn(plan)


def act(workspace: Workspace, event: Event, actor: str) -> StepResult:
    """Apply one event.

    Raises:
        BadInput: If the event is malformed or the choice is not possible.
        NothingToUndo: If no step is left to undo or redo.
    """
    kind = event.get("kind")
    if kind in REQUESTS:
        return StepResult(None, [])
    event_id = id_of(event)
    if kind in ("undo", "redo"):
        return reverse(workspace, event, actor)
    digests = _digests(event)
    if kind == "keep":
        return _keep(workspace, event, digests, actor)
    if kind == "all":
        return StepResult(resolve.keep_all(workspace, list(digests), actor=actor, event_id=event_id), [])
    if kind == "not":
        step_id = resolve.not_duplicates(workspace, list(digests), actor=actor, event_id=event_id)
        return StepResult(step_id, [])
    raise malformed(f"Unknown choice {kind!r} for a group of duplicates.")


def _keep(workspace: Workspace, event: Event, digests: dict[str, int | None], actor: str) -> StepResult:
    kept, label = str(event.get("digest")), event.get("label")
    others = {digest: base for digest, base in digests.items() if digest != kept}
    return resolve.keep(
        workspace,
        kept,
        others,
        label=label if isinstance(label, str) else None,
        actor=actor,
        event_id=id_of(event),
    )


def _digests(event: Event) -> dict[str, int | None]:
    """Return the decision that each image of the group had when it was drawn, by digest."""
    digests = event.get("digests")
    if not isinstance(digests, dict):
        raise malformed("The event names no images.")
    if not all(base is None or isinstance(base, int) for base in digests.values()):
        raise malformed("The event names no images.")
    return digests


def _document(group: DuplicateGroup) -> dict[str, Any]:
    facts = [_facts(image) for image in group.images]
    differing = [name for name in facts[0] if len({fact[name] for fact in facts}) > 1]
    shown = list(zip(group.images, facts, strict=True))[:N_IMAGES]
    return {
        "key": _key(group),
        "kind": group.kind,
        "is_conflicting": group.is_conflicting,
        "same": " · ".join(value for name, value in facts[0].items() if name not in differing and value),
        "n_hidden": len(group.images) - len(shown),
        "digests": {image.digest: image.decision_id for image in group.images if image.verdict != "exclude"},
        "images": [_image_document(image, fact, differing) for image, fact in shown],
        "aligned_with": group.images[0].digest if group.kind == "proposed" else "",
    }


def _image_document(image: DuplicateImage, facts: dict[str, str], differing: Sequence[str]) -> dict[str, Any]:
    return {
        "digest": image.digest,
        "path": words.shown(image.path),
        "label": image.label,
        "verdict": image.verdict,
        "is_best": image.is_best,
        "differs": [facts[name] or f"no {name}" for name in differing],
        "likeness": "" if image.likeness is None else _likeness_text(image.likeness),
        "is_aligned": image.likeness is not None and image.likeness.matrix is not None,
    }


def _likeness_text(likeness: Likeness) -> str:
    """Say why a model proposes an image, and what that does."""
    tie = "shares a split" if likeness.strength == "strong" else "to be confirmed"
    return f"{likeness.n_matches} points match, agreement {likeness.agreement:.2f}, {tie}"


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


def _key(group: DuplicateGroup) -> str:
    return f"{group.kind}:{group.group_key}"


def _name(tab: str) -> str:
    return f"duplicates:groups:{tab}"


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script, style = scripts.loader("duplicates.js"), scripts.styles("gallery.css", "duplicates.css")
    return st.components.v2.component("peakid_duplicates", js=script, css=style)

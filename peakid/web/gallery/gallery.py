"""Draw the review grid: a loaded page of a queue whose images a person judges with one key each."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import streamlit as st

from peakid.curate import classes
from peakid.records import QueueItem, StepResult
from peakid.store.workspace import Workspace
from peakid.web import theme, words
from peakid.web.gallery import bulk_notice, delivery, outbox, scripts
from peakid.web.gallery.bulk_notice import Done
from peakid.web.gallery.delivery import Plan
from peakid.web.gallery.loaded_page import LoadedPage
from peakid.web.gallery.outbox import Act, Event

DEFAULT_REASON = "unsuitable"
REASONS = (
    DEFAULT_REASON,
    "another subject",
    "several subjects",
    "poor quality",
    "duplicate",
    "drawing or text",
)

NO_NAMES: Mapping[str, str] = MappingProxyType({})

# Shown with the single image where known.
_REMARKS = ("tags", "note", "also_shows", "origin_url", "licence", "author")


def show(
    page: LoadedPage,
    class_names: Sequence[str],
    *,
    plan: Plan,
    workspace: Workspace,
    height_px: int | None = None,
    acts: Mapping[str, Act] | None = None,
    has_map: bool = False,
    is_part: bool = False,
    done: Done | None = None,
    on_saved: Callable[[], None] | None = None,
) -> Any:
    """Draw the grid. Its events are saved before the next run of the page.

    Args:
        page: The images as they are now. Its queue is kept with each decision.
        class_names: In the order of the keys in this queue; the first nine have the keys 1-9.
        plan: What this run sends; it ends with this call.
        height_px: Of the images, where the grid shares the page; None = what the window has left.
        acts: What else can be changed on an image, by kind of event: "tag", "note", "also" or "typical".
        has_map: Offer to show images on the map.
        is_part: The grid is a part of a longer page. It takes no focus by itself, and keys judge only while
            it has the focus: a key must not act on images that are out of sight.
        done: What a button of the page did, which the key Z undoes like the judgements of the grid.
        on_saved: Called before the next run when events of the grid have changed images.

    Returns:
        What `from_review.follow` takes: the images to show on the map, None where none was asked for.
    """
    delivery.show_error(page.queue)
    key = f"gallery:{page.queue}"
    act = outbox.with_acts({"queue": _judge_this_queue(page), **(acts or {})})
    colours = theme.class_colours(class_names, classes.colours(workspace))
    result = _component()(
        key=key,
        data={
            "key": page.queue,
            "classes": [{"name": name, "colour": colour} for name, colour in colours.items()],
            "reasons": list(REASONS),
            "height_px": height_px,
            "can": sorted(acts or {}),
            "has_map": has_map,
            "is_part": is_part,
            "step": bulk_notice.document(done),
            **_page_document(page, plan, _names_now(workspace, page, class_names)),
            **delivery.owner(workspace),
            **delivery.ack_document(plan.ack),
        },
        on_outbox_change=delivery.receiver(workspace, page.queue, key, act, on_saved),
        on_mapped_change=lambda: None,
    )
    delivery.note_drawn(plan)
    return result.get("mapped")


def _names_now(workspace: Workspace, page: LoadedPage, class_names: Sequence[str]) -> dict[str, str]:
    """Return the class that each predicted label of the page is now: classes can be renamed and merged."""
    shown = set(page.predicted.values())
    now = {} if shown <= set(class_names) else classes.current_names(workspace)
    return {name: now.get(name, name) for name in shown if now.get(name, name) in class_names}


def _page_document(page: LoadedPage, plan: Plan, names: Mapping[str, str] = NO_NAMES) -> dict[str, Any]:
    """Return the images that the browser does not have, and those it has that may have changed."""
    is_same = plan.page_id == page.page_id
    start = min(plan.n_items, len(page.images)) if is_same else 0
    rest = page.items[start:]
    sent = {item.digest for item in rest}
    changed = [
        page.images[digest] for digest in plan.changed or () if digest in page.images and digest not in sent
    ]
    return {
        "page_id": page.page_id,
        "series_id": page.series_id,
        "start": start,
        "items": [_item_document(item, page, names) for item in rest],
        "changed": [_item_document(item, page, names) for item in changed],
        "n_waiting": page.n_waiting,
        "n_matching": page.n_waiting + len(page.open),
        "is_more": page.is_more,
        "is_end": page.is_end,
        "n_beside": len(page.beside),
        "fit": page.fit,
    }


def _item_document(item: QueueItem, page: LoadedPage, names: Mapping[str, str]) -> dict[str, Any]:
    remarks = {name: value for name in _REMARKS if (value := getattr(item, name, None))}
    if predicted := names.get(page.predicted.get(item.digest, "")):
        remarks["predicted"] = predicted
    if twins := page.twins.get(item.digest):
        remarks["twins"] = list(twins)
    if item.digest in page.beside:
        remarks["is_beside"] = True
    return {
        "digest": item.digest,
        "path": words.shown(item.path),
        "label": item.label,
        "verdict": item.verdict,
        "reason": item.reason,
        "is_reviewed": item.is_reviewed,
        "base": item.decision_id,
        "why": words.shown(page.reasons.get(item.digest, item.reason)),
        "typical": item.is_typical,
        **remarks,
    }


def _judge_this_queue(page: LoadedPage) -> Act:
    """Return the act that judges every image of the queue of `page`, narrowed by the filters of `page`."""

    def act(workspace: Workspace, event: Event, actor: str) -> StepResult:
        # A late event may be about another queue or other filters: it then judges no image unseen.
        is_about_this = event.get("page_id") == page.page_id
        confirmed = event if is_about_this else {**event, "n": 0, "is_more": False}
        return outbox.judge_queue(workspace, confirmed, actor, filters=page.filters)

    return act


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "peakid_gallery",
        js=scripts.loader("gallery.js"),
        css=scripts.styles("gallery.css", "gallery_single.css", "gallery_twins.css"),
    )

"""The loaded page of a queue: its images keep their places while they are judged."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import streamlit as st

from peakid.curate.queues import review_queue, suggested, twins
from peakid.curate.queues.filters import NO_FILTERS, Filters
from peakid.records import QueueItem
from peakid.store.workspace import Workspace
from peakid.web.gallery.delivery import Plan

MOST_COUNTED = 1_000  # Images that are counted after the loaded ones.
N_IMAGES = 240  # Loaded at once: about 50 KB; the next ones are loaded while these are judged.
MOST_COMPARED = 2_000  # Images that are compared with the queue at a run of the page; the rest stay.
_N_READ = 1000  # Images in one query.


@dataclass
class LoadedPage:
    """The images of a queue that this session has loaded, as it last read them, in a fixed order.

    Attributes:
        after: The key before the first image.
        page_id: Names this page for the browser: another id, other images.
        series_id: Stays the same when the page is renewed, so that the browser keeps its place and marks.
        images: By digest.
        reasons: Why each image is in the queue, by digest, as it was when it was loaded.
        predicted: The predicted labels that the reasons show, by digest.
        open: Digests that are still in the queue.
        judged: Digests that this session judged. They keep their places when the page is renewed.
        cursor: The key of the last image.
        is_end: No images come after these.
        n_waiting: How many images of the queue are not loaded; `is_more`: there are more than were counted.
        loaded_seq: Number of the event that requested the last images.
        twins: Duplicates with another label, by digest. They stay when the labels agree.
        beside: Digests that are not in the queue and are shown because their duplicate is.
        fit: Number of the fit of the live head that gave the order; None where it does not order the queue.
        sorted_seq: Number of the event that requested the last change of the order.
    """

    queue: str
    after: str
    filters: Filters
    page_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    series_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    images: dict[str, QueueItem] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    predicted: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    cursor: str = ""
    is_end: bool = False
    n_waiting: int = 0
    is_more: bool = False
    loaded_seq: int = 0
    twins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    beside: set[str] = field(default_factory=set)
    fit: int | None = None
    sorted_seq: int = 0

    @property
    def items(self) -> list[QueueItem]:
        return list(self.images.values())


def load(workspace: Workspace, plan: Plan, *, after: str = "", filters: Filters = NO_FILTERS) -> LoadedPage:
    """Return the loaded page of this session as its images are now.

    A judged image leaves the queue but keeps its place on the page, with its new label: nothing moves while a
    person works, and the last judgements can be seen and undone. Another `after` or other
    filters begin a new page. A run of the whole page renews it where the queue has changed otherwise: a run
    or a scan has ended, images were imported or forgotten, a class was renamed, others have judged.

    Where the live head orders the queue, a new fit changes the order after the last image in sight only.
    Images that it adds when all others are loaded come at the end at once: nothing else would load them.

    Args:
        plan: Which images may have changed (to read thousands at every key would be slow) and whether the
            next ones were requested. They are added at the end; after the last image, a new page begins.
        after: The key before the first image.

    Raises:
        NotFound: If there is no such queue.
        BadInput: If a filter has an invalid value.
    """
    name = _name(plan.queue)
    page: LoadedPage | None = st.session_state.get(name)
    is_same = page is not None and (page.after, page.filters) == (after, filters) and bool(page.images)
    fit = suggested.fit_that_orders(workspace, plan.queue)
    is_new = page is None or not is_same
    if page is None or not is_same:
        page = _add_images(workspace, LoadedPage(plan.queue, after, filters, cursor=after, fit=fit))
    elif plan.next_seq > page.loaded_seq:
        page = _add_images(workspace, LoadedPage(plan.queue, after, filters) if page.is_end else page)
    page.loaded_seq = plan.next_seq
    page.judged.update(plan.changed or ())
    _refresh(workspace, page, page.images if plan.changed is None else plan.changed)
    if plan.is_delivery and plan.changed is None:  # So many were judged that they are not listed.
        page.judged.update(page.images.keys() - page.open)
    if fit is not None and not is_new and (plan.is_page_run or plan.sort_seq > page.sorted_seq):
        page = _sorted_again(workspace, page, set(plan.seen))
        page.fit = fit
    elif fit is None and not is_new and plan.is_page_run and _is_outdated(workspace, page):
        page = _renewed(workspace, page)
    _count_waiting(workspace, page)
    if fit is not None and not is_new and page.is_end and page.n_waiting:
        page = _sorted_again(workspace, page, set(plan.seen))
        page.fit = fit
        _count_waiting(workspace, page)
    page.sorted_seq = plan.sort_seq
    st.session_state[name] = page
    return page


def _count_waiting(workspace: Workspace, page: LoadedPage) -> None:
    """Count the images of the queue that the page does not have."""
    most = MOST_COUNTED + len(page.images)
    counted = review_queue.count_up_to(workspace, page.queue, filters=page.filters, most=most)
    page.n_waiting, page.is_more = max(counted.n - len(page.open), 0), counted.is_more


def forget(queue: str) -> None:
    """Drop the loaded page of a queue, so that the next run loads another."""
    st.session_state.pop(_name(queue), None)


def _add_images(workspace: Workspace, page: LoadedPage) -> LoadedPage:
    """Add the next images of the queue; one that is loaded already keeps its place."""
    found = review_queue.page(workspace, page.queue, limit=N_IMAGES, after=page.cursor, filters=page.filters)
    for item in found:
        page.images.setdefault(item.digest, item)
        page.reasons.setdefault(item.digest, _reason_text(item.reason))
        if item.predicted:
            page.predicted.setdefault(item.digest, item.predicted)
        page.open.add(item.digest)
    page.cursor = found[-1].cursor if found else page.cursor
    page.is_end = len(found) < N_IMAGES
    _place_twins(workspace, page, [item.digest for item in found])
    return page


def _place_twins(workspace: Workspace, page: LoadedPage, digests: list[str]) -> None:
    """Put the duplicates with another label behind these images, where the queue does not have them."""
    if page.queue not in twins.QUEUES:
        return
    page.twins |= twins.of_images(workspace, [each for each in digests if each not in page.twins])
    wanted = [twin for each in digests for twin in page.twins.get(each, ()) if twin not in page.images]
    found: dict[str, QueueItem] = {}
    for chunk in _chunks(list(dict.fromkeys(wanted))):
        in_queue = review_queue.waiting(workspace, page.queue, chunk, filters=page.filters)
        others = [digest for digest in chunk if digest not in in_queue]
        found |= {item.digest: item for item in review_queue.items(workspace, others)}
    if not found:
        return
    page.beside |= found.keys()
    page.reasons |= dict.fromkeys(found, "a duplicate of the image before it")
    placed: dict[str, QueueItem] = {}
    for digest, item in page.images.items():
        placed[digest] = item
        own = page.twins.get(digest, ()) if digest in digests else ()
        placed |= {twin: found.pop(twin) for twin in own if twin in found}
    page.images = placed


def _is_outdated(workspace: Workspace, page: LoadedPage) -> bool:
    """Return whether the queue has other images, or its images other labels, than this page has of it."""
    others = [digest for digest in page.images if digest not in page.judged | page.beside]
    n_others = len(others)
    compared = others[:MOST_COMPARED]
    shown = {digest: page.images[digest] for digest in compared}
    n = len(compared) + len(page.judged) + 1
    found = review_queue.page(workspace, page.queue, limit=n, after=page.after, filters=page.filters)
    now = [item for item in found if item.digest not in page.judged]
    is_whole = page.is_end and len(compared) == n_others  # Else the images after these are not loaded yet.
    now = now if is_whole else now[: len(compared)]
    same = [_shown(item) for item in now] == [_shown(item) for item in shown.values()]
    return not same or any(page.reasons.get(each.digest) != _reason_text(each.reason) for each in now)


def _shown(item: QueueItem) -> tuple[str, str | None, str, int | None]:
    return item.digest, item.label, item.verdict, item.decision_id


def _renewed(workspace: Workspace, page: LoadedPage) -> LoadedPage:
    """Return the page as the queue is now, with the images that this session judged in their places."""
    n = -(-max(len(page.images), 1) // N_IMAGES) * N_IMAGES
    found = review_queue.page(workspace, page.queue, limit=n, after=page.after, filters=page.filters)
    judged = [digest for chunk in _chunks([*page.images]) for digest in _kept(workspace, page, chunk)]
    order = _merged([*page.images], [item.digest for item in found], set(judged))
    items = {item.digest: item for item in found}
    items.update((digest, page.images[digest]) for digest in judged if digest not in items)
    renewed = LoadedPage(
        page.queue,
        page.after,
        page.filters,
        series_id=page.series_id,
        images={digest: items[digest] for digest in order},
        reasons=page.reasons | {item.digest: _reason_text(item.reason) for item in found},
        predicted=page.predicted | {item.digest: item.predicted for item in found if item.predicted},
        open={item.digest for item in found},
        judged=set(judged),
        cursor=found[-1].cursor if found else page.after,
        is_end=len(found) < n,
        loaded_seq=page.loaded_seq,
        twins={digest: each for digest, each in page.twins.items() if digest in order},
        beside=page.beside & set(judged),
    )
    _place_twins(workspace, renewed, order)
    return renewed


def _sorted_again(workspace: Workspace, page: LoadedPage, seen: set[str]) -> LoadedPage:
    """Return the page in the order of the queue now after the last image in sight, and as it was before it.

    Images before that stay even where they have left the queue, with the reason and the prediction that the
    person has read. Of those after it, the next ones are loaded; the rest follows when it is requested.
    """
    before = [*page.images]
    n_seen = max((n for n, digest in enumerate(before, 1) if digest in seen), default=0)
    wanted = [digest for n, digest in enumerate(before) if n < n_seen or digest in page.judged]
    here = {item.digest: item for part in _chunks(wanted) for item in review_queue.items(workspace, part)}
    head = [digest for digest in before[:n_seen] if digest in here]
    waiting: set[str] = set()
    for part in _chunks(head):
        waiting |= review_queue.waiting(workspace, page.queue, part, filters=page.filters)
    limit = len(waiting) + N_IMAGES
    found = review_queue.page(workspace, page.queue, limit=limit, after=page.after, filters=page.filters)
    rest = {item.digest: item for item in found if item.digest not in set(head)}
    tail = _merged(before[n_seen:], [*rest], {each for each in before[n_seen:] if each in here})
    was = page.predicted
    sorted_again = LoadedPage(
        page.queue,
        page.after,
        page.filters,
        series_id=page.series_id,
        images={digest: here.get(digest) or rest[digest] for digest in [*head, *tail]},
        reasons=page.reasons | {digest: _reason_text(item.reason) for digest, item in rest.items()},
        predicted={digest: was[digest] for digest in [*head, *tail] if digest in was and digest not in rest}
        | {digest: item.predicted for digest, item in rest.items() if item.predicted},
        open=waiting | rest.keys(),
        judged=page.judged & here.keys(),
        cursor=found[-1].cursor if found else page.after,
        is_end=len(found) < limit,
        loaded_seq=page.loaded_seq,
        twins={digest: each for digest, each in page.twins.items() if digest in head or digest in tail},
        beside=(page.beside & here.keys()) | (set(head) - waiting - page.judged),
    )
    _place_twins(workspace, sorted_again, tail)
    if _as_sent(sorted_again) == _as_sent(page):
        sorted_again.page_id = page.page_id
    return sorted_again


def _as_sent(page: LoadedPage) -> list[tuple[str, str | None, str | None]]:
    return [(digest, page.reasons.get(digest), page.predicted.get(digest)) for digest in page.images]


def _kept(workspace: Workspace, page: LoadedPage, chunk: list[str]) -> list[str]:
    """Return which of these images this session judged; those that were forgotten since are left out."""
    judged = [digest for digest in chunk if digest in page.judged]
    return [item.digest for item in review_queue.items(workspace, judged)] if judged else []


def _merged(before: list[str], now: list[str], judged: set[str]) -> list[str]:
    """Return the images of `now` in their order, and the other judged ones of `before` where they were.

    A judged image stays in front of the image that followed it.
    """
    in_queue, waiting, ahead_of = set(now), [], {}
    for digest in before:
        if digest in in_queue:
            ahead_of[digest], waiting = waiting, []
        elif digest in judged:
            waiting.append(digest)
    return [*(each for digest in now for each in (*ahead_of.get(digest, ()), digest)), *waiting]


def _refresh(workspace: Workspace, page: LoadedPage, digests: Collection[str]) -> None:
    loaded = [digest for digest in digests if digest in page.images]
    for chunk in _chunks(loaded):
        page.images.update((item.digest, item) for item in review_queue.items(workspace, chunk))
        page.open -= set(chunk)
        page.open |= review_queue.waiting(workspace, page.queue, chunk, filters=page.filters)
    page.beside -= page.open


def _chunks(digests: list[str]) -> Iterator[list[str]]:
    return (digests[start : start + _N_READ] for start in range(0, len(digests), _N_READ))


def _reason_text(reason: str) -> str:
    return reason.replace("label from import:", "label from an imported ")


def _name(queue: str) -> str:
    return f"page:{queue}"

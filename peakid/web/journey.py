"""The stops of an image's journey as pages: their order, what waits at each, and what is best done next."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from peakid import resources
from peakid.curate.duplicates import duplicate_groups
from peakid.curate.queues import review_queue
from peakid.curate.queues.review_queue import QueueCount
from peakid.store import status
from peakid.store.status import Status
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Stop:
    """One stop of the journey; `waits` counts what waits there for a person."""

    name: str
    icon: str
    waits: Callable[[Workspace], int] | None = None

    @property
    def file(self) -> Path:
        return resources.path(f"pages/{self.name}.py")


def n_to_review(workspace: Workspace) -> int:
    """Count what the review page offers first."""
    return review_queue.count(
        workspace, review_queue.first_offered(workspace), most=review_queue.MOST_ON_A_CHIP
    )


JOURNEY = (
    Stop("overview", ":material/landscape:"),
    Stop("collect", ":material/add_photo_alternate:"),
    Stop("review", ":material/done_all:", n_to_review),
    Stop("duplicates", ":material/filter_none:", duplicate_groups.n_waiting),
    Stop("classes", ":material/label:"),
    Stop("history", ":material/history:"),
    Stop("snapshots", ":material/inventory_2:"),
    Stop("train", ":material/model_training:"),
    Stop("evaluate", ":material/grid_on:"),
    Stop("models", ":material/deployed_code:"),
)


@dataclass(frozen=True)
class Step:
    """What is best done next: one sentence, the button, and the page it leads to."""

    sentence: str
    button: str
    page: str


def pages(workspace: Workspace) -> list[StreamlitPage]:
    """Answer the pages that exist, titled with what waits there; the first is the start page."""
    return [_page(stop, title(stop, workspace)) for stop in JOURNEY if stop.file.is_file()]


def title(stop: Stop, workspace: Workspace) -> str:
    """Name a stop with what waits there: `Review 128`."""
    n_waiting = stop.waits(workspace) if stop.waits else 0
    return f"{stop.name.capitalize()} {n_waiting:,}" if n_waiting else stop.name.capitalize()


def go(name: str, **query: str) -> None:
    """Go to the page `name`; keywords become its query parameters."""
    stop = next(stop for stop in JOURNEY if stop.name == name)
    st.switch_page(_page(stop, stop.name.capitalize()), query_params=query)


def next_step(
    counts: Status, worth: QueueCount, minutes: int, *, n_unreviewed: int, n_done_runs: int, n_exports: int
) -> Step:
    """Choose the one step that brings these images furthest.

    What is likely wrong comes before what nobody has reviewed; then the way to a first model, because only a model
    shows which other labels are worth a second look.

    Args:
        minutes: What judging `worth` takes at the reviewer's pace.
    """
    if counts.n_images == 0:
        return Step("There are no images yet.", "Import images", "collect")
    if worth.n and (counts.n_snapshots == 0 or n_exports):
        found = f"{worth.n:,}{'+' if worth.is_more else ''} {'image is' if worth.n == 1 else 'images are'}"
        sure = "over" if worth.is_more else "about"
        return Step(
            f"{found} worth your time: labels in doubt and bad pictures, {sure} {minutes} min.",
            "Review them",
            "review",
        )
    if counts.n_snapshots == 0 and n_unreviewed:
        waits = "image waits" if n_unreviewed == 1 else "images wait"
        return Step(
            f"{n_unreviewed:,} {waits} for you: keep, relabel or exclude each with one key.",
            "Review images",
            "review",
        )
    if counts.n_snapshots == 0:
        return Step(
            "Every label is confirmed. Freeze them, so that a score can be believed.",
            "Freeze a snapshot",
            "snapshots",
        )
    if n_done_runs == 0:
        return Step("A snapshot is frozen and no model has learned from it yet.", "Train a model", "train")
    if n_exports == 0:
        return Step(
            "A model is trained. See where it errs, and which labels led it there.",
            "Evaluate the run",
            "evaluate",
        )
    if n_unreviewed:
        return Step(
            f"{n_unreviewed:,} labels have not been confirmed by a person.", "Review images", "review"
        )
    return Step(
        "All labels are confirmed and a model is exported. More images make the next one better.",
        "Import images",
        "collect",
    )


def show_nothing_here(workspace: Workspace, otherwise: str) -> None:
    """Say why a page is empty: there are no images at all, with the way to some, or else what `otherwise` says."""
    if status.read(workspace).n_images:
        st.info(otherwise, icon=":material/done_all:")
        return
    st.info(
        "There are no images yet. Import a folder, an archive or a table of photos, or open the demo from the overview."
    )
    if st.button("Import images", type="primary"):
        go("collect")


def states(counts: Status, *, n_unreviewed: int, n_done_runs: int, n_exports: int) -> dict[str, str]:
    """Say of every stop where it stands, in a few words."""
    return {
        "collect": f"{counts.n_images:,} images",
        "review": f"{n_unreviewed:,} wait" if n_unreviewed else "nothing waits",
        "snapshots": f"{counts.n_snapshots:,} frozen",
        "train": f"{n_done_runs:,} of {counts.n_runs:,} done" if counts.n_runs else "no run yet",
        "evaluate": "ready" if n_done_runs else "needs a run",
        "models": f"{n_exports:,} exported",
    }


def _page(stop: Stop, title: str) -> StreamlitPage:
    return st.Page(
        stop.file, title=title, icon=stop.icon, url_path=stop.name, default=stop.name == "overview"
    )

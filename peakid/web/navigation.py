"""The pages of the app in the order of the navigation, what waits on each, and the next step to suggest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from peakid import resources
from peakid.curate import waiting
from peakid.curate.queues.review_queue import QueueCount
from peakid.store import status
from peakid.store.status import Status
from peakid.store.workspace import Workspace
from peakid.web import words

FILLS_SPLITS = 3  # Images of a class: one for each split.


@dataclass(frozen=True)
class Page:
    """One page of the app. `count_waiting` counts what waits there for a person: `meaning`."""

    name: str
    icon: str
    group: str
    count_waiting: Callable[[Workspace], QueueCount] | None = None
    meaning: str = ""

    @property
    def file(self) -> Path:
        return resources.path(f"pages/{self.name}.py")


PAGES = (
    Page("overview", ":material/landscape:", ""),
    Page("collect", ":material/add_photo_alternate:", "Data"),
    Page("review", ":material/done_all:", "Data", waiting.worth, "images that are worth your time"),
    Page(
        "duplicates", ":material/filter_none:", "Data", waiting.duplicates, "groups of duplicates to settle"
    ),
    Page("classes", ":material/label:", "Data"),
    Page("map", ":material/scatter_plot:", "Data"),
    Page("history", ":material/history:", "Data"),
    Page("snapshots", ":material/inventory_2:", "Model"),
    Page("train", ":material/model_training:", "Model"),
    Page("evaluate", ":material/grid_on:", "Model"),
    Page("models", ":material/deployed_code:", "Model"),
    Page("albums", ":material/photo_album:", "Model"),
)


@dataclass(frozen=True)
class NextStep:
    """A suggestion: one sentence, the label of the button, and the page it opens."""

    sentence: str
    button: str
    page: str


@dataclass(frozen=True)
class Progress:
    """What the suggestion depends on besides the counts of the workspace."""

    n_unreviewed: int
    n_done_runs: int
    n_exports: int


def pages(workspace: Workspace) -> list[StreamlitPage]:
    """Return the pages for `st.navigation`, titled with what waits there; the first is the start."""
    return [_streamlit_page(page, title(page, workspace)) for page in PAGES if page.file.is_file()]


def group_headings() -> str:
    """Return a style that writes the name of each group above its first page.

    Streamlit's own groups put a heading among the items of the list, which screen readers cannot follow.
    """
    names = [page.group for page in PAGES if page.file.is_file()]
    first = {name: names.index(name) + 1 for name in dict.fromkeys(names) if name}
    item = '[data-testid="stSidebarNavItems"] > li'
    rules = [f'{item}:nth-child({n})::before {{ content: "{name}"; }}' for name, n in first.items()]
    where = ", ".join(f"{item}:nth-child({n})::before" for n in first.values())
    look = "display: block; font-size: .875rem; opacity: .8; padding: .75rem .5rem .25rem;"
    return f"<style>{' '.join(rules)} {where} {{ {look} }}</style>"


def title(page: Page, workspace: Workspace) -> str:
    """Return the name of a page and what waits there: `Review 128`."""
    found = page.count_waiting(workspace) if page.count_waiting else None
    count = f" {found.n:,}{'+' if found.is_more else ''}" if found and found.n else ""
    return f"{page.name.capitalize()}{count}"


def meanings() -> str:
    """Return what the numbers in the navigation count, as a sentence for tooltips."""
    parts = [
        f"the number beside {page.name.capitalize()} counts {page.meaning}" for page in PAGES if page.meaning
    ]
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def go(name: str, **query: str) -> None:
    """Open the page `name`; keywords become its query parameters."""
    st.switch_page(page(name), query_params=query)


def page(name: str) -> StreamlitPage:
    """Return the page `name`, for a link to it."""
    found = next(each for each in PAGES if each.name == name)
    return _streamlit_page(found, found.name.capitalize())


def next_step(counts: Status, worth: QueueCount, minutes: int, done: Progress) -> NextStep:
    """Return the step that improves the dataset or the model most.

    What is worth a person's time comes first. Then comes the first model, which shows which of the other
    labels need a second look.

    Args:
        worth: The queue "worth your time".
        minutes: Estimated time to review `worth` at this reviewer's pace.
    """
    if counts.n_images == 0:
        return NextStep("There are no images yet.", "Import images", "collect")
    if worth.n and (counts.n_snapshots == 0 or done.n_exports):
        return NextStep(_worth_sentence(worth, minutes), "Review them", "review")
    if counts.n_snapshots == 0 and done.n_unreviewed and can_train(counts):
        sentence = "Enough for a first model. Reviewing the other images is optional."
        return NextStep(sentence, "Freeze a snapshot", "snapshots")
    if counts.n_snapshots == 0 and done.n_unreviewed:
        sentence = (
            f"{words.n_of(done.n_unreviewed, 'image')} to review: confirm, relabel or exclude with one key."
        )
        return NextStep(sentence, "Review images", "review")
    if done.n_done_runs == 0 and not can_train(counts):
        sentence = (
            f"Too few labels for a model: it needs two classes, and {FILLS_SPLITS} images of each to have "
            "some for validation and test."
        )
        return NextStep(sentence, "Import images", "collect")
    if counts.n_snapshots == 0:
        sentence = "Every label is confirmed. Freeze a snapshot, so that scores stay comparable."
        return NextStep(sentence, "Freeze a snapshot", "snapshots")
    if done.n_done_runs == 0:
        return NextStep("No model has been trained on a snapshot yet.", "Train a model", "train")
    if done.n_exports == 0:
        sentence = "A model is trained. See its errors and the labels that may have caused them."
        return NextStep(sentence, "Evaluate the run", "evaluate")
    if done.n_unreviewed:
        verb = "is" if done.n_unreviewed == 1 else "are"
        sentence = f"{words.n_of(done.n_unreviewed, 'label')} {verb} not confirmed by a person yet."
        return NextStep(sentence, "Review images", "review")
    sentence = "All labels are confirmed and a model is exported. More images make the next one better."
    return NextStep(sentence, "Import images", "collect")


def can_train(counts: Status) -> bool:
    """Return whether the labels are enough for a model: two have images, one fills three splits."""
    return sum(n > 0 for n in counts.classes.values()) > 1 and max(counts.classes.values()) >= FILLS_SPLITS


def show_empty(workspace: Workspace, otherwise: str, *, icon: str = ":material/done_all:") -> None:
    """Say why a page is empty: no images at all, with a button to import some, or else `otherwise`."""
    if status.read(workspace).n_images:
        st.info(otherwise, icon=icon)
        return
    st.info(
        "There are no images yet. Import a folder, an archive or a table of photos, or open the demo on "
        "the overview."
    )
    if st.button("Import images", type="primary"):
        go("collect")


def _worth_sentence(worth: QueueCount, minutes: int) -> str:
    more, verb = "+" if worth.is_more else "", "image is" if worth.n == 1 else "images are"
    about = "over" if worth.is_more else "about"
    why = f"doubtful or missing labels and poor images, {about} {minutes} min."
    return f"{worth.n:,}{more} {verb} worth your time: {why}"


def _streamlit_page(page: Page, title: str) -> StreamlitPage:
    is_start = page.name == "overview"
    return st.Page(page.file, title=title, icon=page.icon, url_path=page.name, default=is_start)

"""How a page offers the remedies of an error: as a button that acts or a link to the page where one acts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from peakid import store_urls
from peakid.acquire import roots
from peakid.curate import class_merges, classes, decisions
from peakid.errors import PeakidError
from peakid.jobs import queue, submit
from peakid.remedies import Action, ActionKind, Argument
from peakid.store.workspace import Workspace
from peakid.web import navigation, reach, words
from peakid.web.training import recipe_draft, weights_folder


@dataclass(frozen=True)
class Link:
    """Opens a page; `label` and the values of `query` may name arguments of the action."""

    label: str
    page: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Button:
    """Acts at once."""

    label: str
    act: Callable[[Workspace, Mapping[str, Argument], str], object]
    """(workspace, arguments, actor)"""


_FAILED, _LINK = "remedy:error", "remedy:link"  # Session state, until the next run.


def _resume(workspace: Workspace, arguments: Mapping[str, Argument], *, allows_random: bool) -> None:
    settings = weights_folder.settings()
    submit.resume(workspace, int(arguments["job_id"]), allows_random=allows_random, settings=settings)


def _follow_links(workspace: Workspace, arguments: Mapping[str, Argument], actor: str) -> None:
    within = reach.checked(Path(str(arguments["within"]))) if "within" in arguments else None
    path = reach.checked(Path(str(arguments["path"])))
    submit.import_images(workspace, "folder", path, follow_links=True, links_within=within, actor=actor)


OFFERS: dict[ActionKind, Link | Button | None] = {
    "add_class": Button(
        "Add the class {class_name}", lambda w, a, actor: classes.add(w, str(a["class_name"]))
    ),
    "merge_classes": Button(
        "Merge {class_name} into {into}",
        lambda w, a, actor: class_merges.merge(w, str(a["class_name"]), str(a["into"]), actor=actor),
    ),
    "rename_class": Link("Rename {class_name}", "classes", {"class": "{class_name}"}),
    "list_classes": Link("Show the classes", "classes"),
    "show_log": Link("Show the history", "history"),
    "undo_step": Button(
        "Undo step {step_id}", lambda w, a, actor: decisions.undo(w, step_id=int(a["step_id"]), actor=actor)
    ),
    "open_queue": Link("Open Review", "review", {"queue": "{queue}"}),
    "list_views": Link("Open Review", "review"),
    "list_duplicates": Link("Show the duplicates", "duplicates"),
    "list_issues": Link("Show these images", "review", {"queue": "issue:{kind}"}),
    "scan": Button("Scan the images", lambda w, a, actor: submit.scan(w, actor=actor)),
    "embed": Link("Compute the embeddings", "collect"),
    "import_images": Link("Import images", "collect"),
    "choose_columns": Link("Import a table", "collect"),
    "follow_links": Button("Import again and follow links", _follow_links),
    "follow_links_within": Button("Import again and follow links into {within}", _follow_links),
    "list_roots": Link("Show the folders", "collect"),
    "relink_root": Link("Show the folders", "collect"),
    "relink_partially": Link("Show the folders", "collect"),
    "verify_images": Button("Check the images", lambda w, a, actor: submit.verify(w, actor=actor)),
    "list_snapshots": Link("Show the snapshots", "snapshots"),
    "create_snapshot": Link("Freeze a snapshot", "snapshots"),
    "list_leaks": Link("Show the leaks", "snapshots", {"snapshot": "{snapshot}", "section": "contents"}),
    "verify_snapshot": Link("Open the snapshot", "snapshots", {"snapshot": "{snapshot}", "section": "files"}),
    "train": Link("Open Train", "train"),
    "set_recipe": Link("Set {key} to {value}", "train", {"set": "{key}={value}"}),
    "choose_recipe": Link("Use the recipe {recipe}", "train", {"recipe": "{recipe}"}),
    "list_weights": Link("Show the weights", "train"),
    "allow_random": Link("Open Train", "train"),
    "resume_random": Button(
        "Resume from random weights",
        lambda w, a, actor: _resume(w, a, allows_random=True),
    ),
    "list_jobs": Link("Show the runs", "train"),
    "list_waiting_jobs": Link("Show the GPU queue", "train"),
    "resume_job": Button("Resume", lambda w, a, actor: _resume(w, a, allows_random=False)),
    "cancel_job": Button("Cancel job {job_id}", lambda w, a, actor: queue.cancel(w, int(a["job_id"]))),
    "accept_root": Button(
        "Read the images in {path}",
        lambda w, a, actor: roots.accept(w, reach.checked_place(store_urls.place(str(a["path"])))),
    ),
    "evaluate": Link("Evaluate run {run_id} on {split}", "evaluate", {"run": "{run_id}", "split": "{split}"}),
    "score_with_tta": Button(
        "Compute with test-time augmentation",
        lambda w, a, actor: submit.score_with_views(w, int(a["run_id"]), actor=actor),
    ),
    "list_runs": Link("Show the runs", "train"),
    "import_partial_predictions": None,  # A checkbox of the form does it.
    "export_run": Link("Export run {run_id}", "models", {"run": "{run_id}"}),
    "list_exports": Link("Show the exports", "models"),
    "create_workspace": None,  # The menu in the sidebar creates one.
    "open_demo": None,
    "restore_backup": Link("Restore a backup", "history", {"section": "keep"}),
    "restore_file": Link("Restore this backup", "history", {"section": "keep", "file": "{file}"}),
    "open_workspace": None,
    "back_up": Link("Back up", "history", {"section": "keep"}),
    "reload_page": Button("Reload", lambda w, a, actor: None),  # The rerun after the click is the reload.
}


def offer(workspace: Workspace, actions: tuple[Action, ...], *, actor: str, key: str) -> None:
    """Draw a button or a link for each action that a page can offer.

    Args:
        key: Distinguishes these buttons from those of another error on the same page.
    """
    with st.container(horizontal=True):
        for n, action in enumerate(actions):
            _offer(workspace, action, actor=actor, key=f"remedy:{key}:{n}")


def _offer(workspace: Workspace, action: Action, *, actor: str, key: str) -> None:
    found = OFFERS[action.kind]
    if found is None:
        return
    label = found.label.format_map({name: _shown(name, each) for name, each in action.arguments.items()})
    if isinstance(found, Link):
        query = {name: value.format_map(action.arguments) for name, value in found.query.items()}
        st.button(label, key=key, on_click=_choose_link, args=(found.page, query))
    else:
        st.button(label, key=key, on_click=_act, args=(found, workspace, action.arguments, actor))


def _shown(name: str, value: Argument) -> str:
    """Return an argument as a label shows it: a setting by the title of its field."""
    if name == "key":
        return recipe_draft.field_label(str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.plain(str(value))


def follow_link() -> None:
    """Open the page of the link that was clicked last; called once the pages are known.

    The button may be gone in this run: an error is drawn only in the run in which it was raised. So the
    click is noted in a callback, from which pages cannot be switched.
    """
    if target := st.session_state.pop(_LINK, None):
        page, query = target
        navigation.go(page, **query)


def take_error() -> PeakidError | None:
    """Return, once, the error of the button that was clicked last."""
    return st.session_state.pop(_FAILED, None)


def _choose_link(page: str, query: Mapping[str, str]) -> None:
    st.session_state[_LINK] = (page, query)


def _act(button: Button, workspace: Workspace, arguments: Mapping[str, Argument], actor: str) -> None:
    try:
        button.act(workspace, arguments, actor)
    except PeakidError as error:  # Raised inside a callback, it would be shown as a traceback.
        st.session_state[_FAILED] = error

"""What a person can do about an error, as data: an action with arguments.

The page or the command that shows the error puts the action into words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ActionKind = Literal[
    "add_class",         # class_name: add it, or bring a retired one back.
    "merge_classes",     # class_name, into
    "rename_class",      # class_name
    "list_classes",
    "show_log",          # The history of decisions.
    "undo_step",         # step_id
    "open_queue",        # queue: its name, such as "all"
    "list_views",
    "list_duplicates",   # is_all: settled groups too
    "list_issues",       # kind: of image issue
    "scan",
    "embed",             # Compute the embeddings of the images.
    "import_images",
    "choose_columns",    # file: a table whose columns are not recognised
    "follow_links",      # path: import the folder again and follow links to folders in it
    "follow_links_within",  # path, within: and links that lead into that folder
    "list_roots",
    "relink_root",       # path
    "relink_partially",  # path, new: also if files are missing in the new folder
    "verify_images",
    "list_snapshots",
    "create_snapshot",
    "list_leaks",        # snapshot: digest
    "verify_snapshot",   # snapshot: digest
    "train",             # Open the form, or start a run with the default recipe.
    "set_recipe",        # key, value: one value of the recipe being submitted
    "choose_recipe",     # recipe: preset by name
    "list_weights",      # Where weight files are looked for.
    "allow_random",      # Train from random weights where no pretrained ones are found.
    "resume_random",     # job_id: resume it, from random weights where no pretrained ones are found
    "list_jobs",
    "list_waiting_jobs",
    "resume_job",        # job_id
    "cancel_job",        # job_id
    "accept_root",       # path: read the images of a folder that a restored backup names
    "evaluate",          # run_id, split
    "score_with_tta",    # run_id
    "list_runs",
    "import_partial_predictions",  # file: import the rows that fit
    "export_run",        # run_id
    "list_exports",
    "create_workspace",  # path
    "open_demo",         # path: of the workspace for the demo
    "restore_backup",
    "restore_file",      # file: a backup, into a new workspace
    "open_workspace",    # path
    "back_up",
    "reload_page",       # What the browser sent does not fit; only a page offers it.
]  # fmt: skip

Argument = str | int | float | bool


@dataclass(frozen=True)
class Action:
    """One thing a person can do next. A page draws a button or link, the command line prints a command."""

    kind: ActionKind
    arguments: Mapping[str, Argument]


def action(kind: ActionKind, /, **arguments: Argument) -> Action:
    """Return an action with its arguments, which `ActionKind` lists."""
    return Action(kind, arguments)

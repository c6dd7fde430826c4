"""How the command line phrases the remedies of an error: as commands that can be copied."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from peakid.errors import PeakidError
from peakid.remedies import Action, ActionKind

# An empty text: a terminal has no command for it.
COMMANDS: dict[ActionKind, str] = {
    "add_class": "classes add {class_name}",
    "merge_classes": "classes merge {class_name} {into}",
    "rename_class": "classes rename {class_name} NEW",
    "list_classes": "classes list",
    "show_log": "log",
    "undo_step": "undo --step {step_id}",
    "open_queue": "queue {queue}",
    "list_views": "views list",
    "list_duplicates": "duplicates list --all",
    "list_issues": "issues list --kind {kind}",
    "scan": "scan",
    "embed": "embed",
    "import_images": "import folder PATH",
    "choose_columns": "import table {file} --path-column NAME --label-column NAME",
    "follow_links": "import folder {path} --follow-links",
    "follow_links_within": "import folder {path} --links-within {within}",
    "list_roots": "roots list",
    "relink_root": "roots relink {path} NEW",
    "relink_partially": "roots relink {path} {new} --partial",
    "verify_images": "verify",
    "list_snapshots": "snapshot list",
    "create_snapshot": "snapshot create",
    "list_leaks": "snapshot leaks {snapshot}",
    "verify_snapshot": "snapshot verify {snapshot}",
    "train": "train",
    "set_recipe": "--set {key}={value}",
    "choose_recipe": "--recipe {recipe}",
    "list_weights": "weights",
    "allow_random": "--from-random-weights",
    "resume_random": "jobs resume {job_id} --from-random-weights",
    "list_jobs": "jobs list",
    "list_waiting_jobs": "jobs list --waiting",
    "resume_job": "jobs resume {job_id}",
    "cancel_job": "jobs cancel {job_id}",
    "accept_root": "roots accept {path}",
    "evaluate": "evaluate {run_id} --split {split}",
    "score_with_tta": "tta {run_id} --wait",
    "list_runs": "status",
    "import_partial_predictions": "import predictions {file} --partial",
    "export_run": "export {run_id}",
    "list_exports": "exports",
    "create_workspace": "--workspace {path} init",
    "open_demo": "--workspace {path} demo",
    "restore_backup": "restore FILE --replace",
    "restore_file": "--workspace NEW restore {file}",
    "open_workspace": "--workspace {path} status",
    "back_up": "backup FILE",
    "reload_page": "",
}


def command(action: Action, *, workspace: Path | None = None) -> str:
    """Return the command for an action, or the option to add to the current command. '' if there is none.

    Args:
        workspace: The folder given with `--workspace`, to be repeated in the suggested command.
    """
    arguments = {name: _quoted(value) for name, value in action.arguments.items()}
    text = COMMANDS[action.kind].format_map(arguments)
    if not text or (text.startswith("--") and not text.startswith("--workspace")):
        return text  # An option of the command that failed.
    has_folder = workspace is not None and "--workspace" not in text
    return f"peakid --workspace {shlex.quote(str(workspace))} {text}" if has_folder else f"peakid {text}"


def commands(actions: Iterable[Action], *, workspace: Path | None = None) -> list[str]:
    """Return the commands for those actions that a terminal can carry out."""
    return [text for each in actions if (text := command(each, workspace=workspace))]


def line(error: PeakidError, *, workspace: Path | None = None) -> str:
    """Return an error in one line: what happened, what to do, and the commands for it."""
    suggested = commands(error.actions, workspace=workspace)
    return " ".join([*str(error).split(), *(["Use:", " or ".join(suggested)] if suggested else [])])


def document(error: PeakidError, *, workspace: Path | None = None) -> dict[str, object]:
    """Return an error as `--json` prints it on stderr. `remedy` is for people, `actions` for programs."""
    return {
        "error": type(error).__name__,
        "message": error.message,
        "remedy": error.remedy,
        "actions": [action_document(each, workspace=workspace) for each in error.actions],
    }


def action_document(action: Action, *, workspace: Path | None = None) -> dict[str, object]:
    """Return an action as `--json` prints it."""
    return {
        "kind": action.kind,
        "arguments": dict(action.arguments),
        "command": command(action, workspace=workspace),
    }


def _quoted(value: object) -> str:
    return shlex.quote(str(value).lower() if isinstance(value, bool) else str(value))

"""What all commands share: the workspace, `--json`, `--actor`, printing, and a progress bar on stderr."""

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import click

from peakid import printable, progress_text, settings
from peakid.cli.output import terminal
from peakid.progress_text import Pace
from peakid.records import Report
from peakid.store import workspace
from peakid.store.objects import waiting

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")


def actor_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--actor NAME`. The command receives `human:NAME`."""

    def resolve(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
        return settings.Settings(actor=value).actor_name() if value else settings.current().actor_name()

    help_text = "The name decisions are recorded under. Default: PEAKID_ACTOR, else your user name."
    return click.option("--actor", callback=resolve, help=help_text)(command)


def pass_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the opened workspace to the command as its first argument."""
    return _passing(workspace.open_existing, command)


def pass_new_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Like `pass_workspace`, but create the workspace if there is none."""
    return _passing(workspace.create, command)


def workspace_path() -> Path:
    """Return the folder given with `--workspace`, else the one of the settings."""
    return click.get_current_context().find_root().obj or settings.current().workspace


def emit(as_json: bool, document: Any, text: str) -> None:
    """Print the document as JSON, or the text for people."""
    if as_json:
        terminal.say_json(document)
    else:
        terminal.say(text)


def table(rows: list[dict[str, Any]], columns: list[str], *, empty: str) -> str:
    """Format rows as aligned columns, with numbers right-aligned. Return `empty` if there are no rows."""
    if not rows:
        return empty
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    right = [all(isinstance(row.get(column), int | float) for row in rows) for column in columns]
    lines = [
        [(c.rjust if r else c.ljust)(w) for c, w, r in zip(line, widths, right, strict=True)]
        for line in [columns, *cells]
    ]
    return "\n".join("  ".join(line).rstrip() for line in lines)


@contextlib.contextmanager
def terminal_report() -> Generator[Report]:
    """Yield a progress callable that redraws one line on stderr. Without a terminal it prints nothing.

    Inside, the command waits for image stores that cannot be reached, and says so, also without a terminal.
    """
    shown, is_terminal = 0.0, sys.stderr.isatty()
    last, is_said = ("", 0, 0), False

    def report(phase: str, step: int, total: int, message: str) -> None:
        nonlocal shown, last
        last = (phase, step, total)
        if not is_terminal or (time.monotonic() - shown < 0.1 and step != total):
            return
        shown = time.monotonic()
        terminal.redraw(progress_line(phase, step, total, message))

    def wait(message: str) -> None:
        nonlocal shown, is_said
        if is_terminal:
            shown = time.monotonic()
            terminal.redraw(progress_line(*last, message))
        elif not is_said:
            is_said = True
            terminal.say(message, err=True)

    with waiting.told(wait):
        yield Pace().timing(report)
    if is_terminal and shown:
        terminal.redraw("")


def progress_line(phase: str, step: int, total: int, message: str) -> str:
    """Return `[#####...............] Reading images: 64 of 527 images, 45 per second`."""
    if total <= 0:
        return progress_text.line(phase, message)
    filled = int(20 * progress_text.share(step, total))
    return f"[{'#' * filled}{'.' * (20 - filled)}] {progress_text.line(phase, message)}"


def _passing(
    opened: Callable[[Path], workspace.Workspace], command: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        return command(opened(workspace_path()), *args, **kwargs)

    return run


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else printable.line(str(value))

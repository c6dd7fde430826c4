"""The option `--remaining`: how many label errors remain, instead of a list of label issues."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import click

from peakid.cli.frame import emit
from peakid.errors import NoEmbeddings, TooFewClasses
from peakid.jobs import suggester
from peakid.store.workspace import Workspace
from peakid.suggest import label_audit
from peakid.suggest.remaining import Remaining


def remaining_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--remaining` to a command that receives the workspace first, and `as_json`."""

    @functools.wraps(command)
    def run(workspace: Workspace, *args: Any, remaining: bool, reviewer_error: float, **kwargs: Any) -> None:
        if remaining:
            _show(workspace, reviewer_error, as_json=kwargs["as_json"])
        else:
            command(workspace, *args, **kwargs)

    run = click.option(
        "--reviewer-error",
        type=click.FloatRange(0, 0.4),
        default=0.0,
        help="With --remaining: the share of judgements that are mistaken, if you know it.",
    )(run)
    return click.option(
        "--remaining", is_flag=True, help="Only say how many label errors remain, with an interval."
    )(run)


def _show(workspace: Workspace, reviewer_error: float, *, as_json: bool) -> None:
    with contextlib.suppress(NoEmbeddings, TooFewClasses):  # The interval is wider then.
        suggester.up_to_date(workspace)
    found = label_audit.read(workspace, reviewer_error=reviewer_error)
    queue = label_audit.sample_queue(workspace, found)
    text = label_audit.text(found)
    if found.n_to_audit:
        text += f"\nA random sample to judge: peakid queue {queue}"
    emit(as_json, _document(found, queue), text)


def _document(found: Remaining, queue: str) -> dict[str, Any]:
    coming = found.expected_in_next
    return {
        "n_expected": found.n_expected,
        "interval": list(found.interval) if found.interval else None,
        "n_audited": found.n_audited,
        "expected_in_next": {"n": coming.n, "found": coming.found} if coming else None,
        "n_left": found.n_left,
        "n_wrong": found.n_wrong,
        "test_shift": found.test_shift,
        "n_to_audit": found.n_to_audit,
        "audit_queue": queue if found.n_to_audit else None,
    }

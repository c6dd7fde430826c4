"""The option that confirms a training from random weights, and the question that a terminal asks instead."""

import sys
from collections.abc import Callable

import click

from peakid.cli import remedies
from peakid.errors import ConfirmationNeeded
from peakid.jobs.job import Job

random_option = click.option(
    "--from-random-weights",
    "allows_random",
    is_flag=True,
    help="Start from random weights where no pretrained ones are found. Without it, such a training is not "
    "started: the exit code is 2.",
)


def confirmed(request: Callable[..., Job], *, allows_random: bool, as_json: bool) -> Job:
    """Call `request(allows_random=...)`; where it needs a confirmation, ask for it in a terminal.

    Raises:
        ConfirmationNeeded: If it was not confirmed, or this is not a terminal.
    """
    try:
        return request(allows_random=allows_random)
    except ConfirmationNeeded as error:
        if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        click.echo(remedies.line(error), err=True)
        if not click.confirm("Train from random weights?", err=True):
            raise
        return request(allows_random=True)

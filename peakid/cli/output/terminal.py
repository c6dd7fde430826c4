"""The only module of the command line that prints: names of others cannot control the terminal."""

import json

import click

from peakid import printable

_ERASE = "\r\x1b[K"  # ECMA-48: back to the start of the line, and erase it.


def say(text: str, *, err: bool = False) -> None:
    """Print text for people. Control characters in it become visible escapes."""
    click.echo(printable.lines(text), err=err)


def say_json(document: object, *, err: bool = False) -> None:
    """Print a document as JSON on one line. Control characters are escaped, so that it stays exact."""
    click.echo(printable.json_text(json.dumps(document, ensure_ascii=False, default=str)), err=err)


def redraw(line: str) -> None:
    """Replace the last line on stderr; an empty line erases it."""
    click.echo(f"{_ERASE}{printable.line(line)}", err=True, nl=False)

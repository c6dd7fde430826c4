"""What the command line says about a command or a value that does not exist: which names resemble it."""

from pathlib import Path
from typing import Any, NoReturn

import click

from peakid import near_names, store_urls
from peakid.store_urls import StoreUrl


class UnknownCommand(click.UsageError):
    """A command that a group does not have; `remedy` says which was meant, or which there are."""

    def __init__(self, message: str, remedy: str, context: click.Context) -> None:
        super().__init__(message, context)
        self.remedy = remedy

    def format_message(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class Group(click.Group):
    """A group of commands. Its error about an unknown one names those that resemble it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        is_option = name[:1] == "-"
        if not (is_option or ctx.resilient_parsing) and self.get_command(ctx, name) is None:
            self.refuse(ctx, name)
        return super().resolve_command(ctx, args)

    def refuse(self, ctx: click.Context, name: str) -> NoReturn:
        """Raise the error about an unknown command."""
        known = self.list_commands(ctx)
        remedy = near_names.suggestion(name, known) or f"There are: {', '.join(known)}."
        raise UnknownCommand(f"{_path(ctx)} has no command {name!r}.", remedy, ctx)


class Choice(click.Choice[str]):
    """One of several values. The error about another one names those that resemble it."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        message = super().get_invalid_choice_message(value, ctx)
        return f"{message} {near_names.suggestion(str(value), self.choices)}".strip()


class Place(click.ParamType):
    """A path, or the address of a place in an image store."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | StoreUrl:
        return store_urls.typed(str(value))


def explained(error: click.ClickException) -> click.ClickException:
    """Return a usage error that says more about the options that decide whether a command waits."""
    says = {"--wait": "Leave it out: this command always waits.", "--background": "It is called --no-wait."}
    if isinstance(error, click.NoSuchOption) and error.option_name in says:
        message = f"{error.message} {says[error.option_name]}"
        return click.NoSuchOption(error.option_name, message, ctx=error.ctx)
    return error


def document(error: click.ClickException) -> dict[str, object]:
    """Return a usage error as `--json` prints it on stderr, with the keys of every other error."""
    remedy = error.remedy if isinstance(error, UnknownCommand) else ""
    message = error.message if remedy else error.format_message()
    context = getattr(error, "ctx", None)
    if not remedy and context is not None:
        remedy = f"See: {_path(context)} --help"
    return {"error": "UsageError", "message": message, "remedy": remedy, "actions": []}


def _path(context: click.Context) -> str:
    """Return a command as a person types it; the program may have been started as a module."""
    names = []
    each: click.Context | None = context
    while each is not None and each.parent is not None:
        names.append(str(each.info_name))
        each = each.parent
    return " ".join(["peakid", *reversed(names)])

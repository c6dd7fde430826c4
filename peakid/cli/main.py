"""The `peakid` command. It runs one command and reports a PeakidError in one line with exit code 1 or 2."""

import importlib
import io
import itertools
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

import peakid
from peakid import files, settings
from peakid.cli import usage
from peakid.cli.output import remedies, terminal
from peakid.errors import ConfirmationNeeded, Interrupted, PeakidError
from peakid.store import database_errors

# Command name -> module:attribute. A module is imported when its command is used: `peakid --help` stays fast.
COMMANDS = {
    "init": "peakid.cli.workspace:init",
    "demo": "peakid.cli.acquire:demo",
    "workspaces": "peakid.cli.workspaces:workspaces_",
    "status": "peakid.cli.workspace:status",
    "verify": "peakid.cli.verify:verify",
    "backup": "peakid.cli.keep:backup",
    "restore": "peakid.cli.keep:restore",
    "clean": "peakid.cli.keep:clean",
    "forget": "peakid.cli.keep:forget",
    "roots": "peakid.cli.verify:roots_",
    "store": "peakid.cli.places.store:store_",
    "import": "peakid.cli.acquire:import_",
    "collect": "peakid.cli.collecting.collect:collect_",
    "scan": "peakid.cli.acquire:scan",
    "issues": "peakid.cli.issues:issues_",
    "label-issues": "peakid.cli.model_help.label_issues:label_issues",
    "duplicates": "peakid.cli.duplicates:duplicates_",
    "search": "peakid.cli.duplicates:search",
    "similar": "peakid.cli.model_help.search:similar_",
    "outliers": "peakid.cli.model_help.search:outliers",
    "relevance": "peakid.cli.model_help.search:relevance_",
    "shortcuts": "peakid.cli.model_help.shortcuts:shortcuts",
    "classes": "peakid.cli.classes:classes_",
    "decide": "peakid.cli.curate:decide",
    "undo": "peakid.cli.history:undo",
    "redo": "peakid.cli.history:redo",
    "log": "peakid.cli.history:log",
    "queue": "peakid.cli.review:queue",
    "queues": "peakid.cli.review:queues",
    "views": "peakid.cli.review:views_",
    "suggest": "peakid.cli.model_help.suggest:suggest_",
    "tag": "peakid.cli.review:tag",
    "note": "peakid.cli.review:note",
    "also": "peakid.cli.review:also",
    "typical": "peakid.cli.review:typical",
    "map": "peakid.cli.model_help.map:map_",
    "snapshot": "peakid.cli.dataset:snapshot_",
    "train": "peakid.cli.learn:train",
    "estimate": "peakid.cli.learn:estimate",
    "lr-find": "peakid.cli.learn:lr_find",
    "weights": "peakid.cli.weights:weights",
    "embed": "peakid.cli.model_help.embed:embed_",
    "sweep": "peakid.cli.sweep:sweep",
    "engines": "peakid.cli.engines.listing:engines",
    "jobs": "peakid.cli.jobs:jobs",
    "worker": "peakid.cli.jobs:worker",
    "evaluate": "peakid.cli.evaluation.evaluate:evaluate",
    "errors": "peakid.cli.evaluation.errors:errors",
    "confusion": "peakid.cli.evaluation.errors:confusion_",
    "mergeable": "peakid.cli.evaluation.errors:mergeable_",
    "tta": "peakid.cli.evaluation.evaluate:tta",
    "trust": "peakid.cli.evaluation.trust:trust",
    "threshold": "peakid.cli.evaluation.trust:threshold",
    "open-set": "peakid.cli.evaluation.trust:open_set",
    "compare": "peakid.cli.evaluation.compare:compare",
    "goal": "peakid.cli.evaluation.goal:goal",
    "learning-curve": "peakid.cli.evaluation.learning_curve:learning_curve",
    "attribute": "peakid.cli.evaluation.attribute:attribute",
    "report": "peakid.cli.evaluation.report:report",
    "slices": "peakid.cli.evaluation.slices:slices",
    "heat-maps": "peakid.cli.evaluation.heat_maps:heat_maps_",
    "gradcam": "peakid.cli.evaluation.heat_maps:gradcam",
    "export": "peakid.cli.learn:export",
    "exports": "peakid.cli.serving.exports:exports_",
    "predict": "peakid.cli.serving.predict:predict",
    "serve": "peakid.cli.serving.server:serve",
    "sort": "peakid.cli.serving.sort:sort_",
    "unsort": "peakid.cli.serving.sort:unsort",
    "hub": "peakid.cli.serving.hub:hub_",
    "albums": "peakid.cli.serving.albums:albums_",
    "bundle": "peakid.cli.serving.bundle:bundle",
    "page": "peakid.cli.serving.page:page",
    "app": "peakid.cli.workspace:app",
}


class Commands(usage.Group):
    """A group that imports the module of a command when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, attribute = target.split(":")
        return getattr(importlib.import_module(module), attribute)

    def refuse(self, ctx: click.Context, name: str) -> NoReturn:
        groups = ((each, self.get_command(ctx, each)) for each in COMMANDS)
        inside = [
            f"peakid {each} {name}"
            for each, group in groups
            if isinstance(group, click.Group) and name in group.list_commands(ctx)
        ]
        if inside:  # A command of that very name is likelier meant than one with a similar name.
            raise usage.UnknownCommand(
                f"peakid has no command {name!r}.", f"Did you mean {' or '.join(inside)}?", ctx
            )
        super().refuse(ctx, name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--workspace",
    "folder",
    type=click.Path(path_type=Path),
    help="The workspace folder. Default: PEAKID_WORKSPACE, else ./workspace.",
)
@click.version_option(peakid.__version__, prog_name="peakid")
@click.pass_context
def cli(context: click.Context, folder: Path | None) -> None:
    """Turn a folder of photos into an image classifier whose score can be believed."""
    context.obj = folder


def main() -> None:
    """Run the command line and exit with 0 done, 1 error, 2 usage, 3 cancelled, 4 lost, 130 interrupted."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except PeakidError as error:
        _show(error)
        sys.exit(2 if isinstance(error, ConfirmationNeeded) else 1)
    except click.exceptions.Abort:
        _show(Interrupted("Interrupted."))
        sys.exit(130)
    except click.ClickException as error:
        _show_usage(usage.explained(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:  # `peakid log | head` is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        found = database_errors.unexpected(error, _folder())
        if found is None:
            raise
        _show(found)
        sys.exit(1)


def _folder() -> Path:
    """Return the folder of the workspace that the command used."""
    return files.expanded(_workspace_option(sys.argv) or settings.current().workspace)


def _show(error: PeakidError) -> None:
    workspace = _workspace_option(sys.argv)
    if "--json" in sys.argv:
        terminal.say_json(remedies.document(error, workspace=workspace), err=True)
    else:
        terminal.say(remedies.line(error, workspace=workspace), err=True)


def _show_usage(error: click.ClickException) -> None:
    if "--json" in sys.argv:
        terminal.say_json(usage.document(error), err=True)
        return
    text = io.StringIO()
    error.show(text)
    terminal.say(text.getvalue().rstrip(), err=True)


def _workspace_option(arguments: list[str]) -> Path | None:
    """Return the folder given with `--workspace`, so that a suggested command names it too."""
    for argument, following in itertools.pairwise([*arguments, ""]):
        if argument == "--workspace":
            return Path(following)
        if argument.startswith("--workspace="):
            return Path(argument.removeprefix("--workspace="))
    return None

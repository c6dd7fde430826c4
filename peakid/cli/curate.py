"""Commands that label, exclude or flag images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import click

from peakid import near_names
from peakid.cli import usage
from peakid.cli.frame import actor_option, json_option, pass_workspace
from peakid.cli.history import emit_step, n_images
from peakid.cli.review import filter_options, resolved_for_class
from peakid.curate import decisions, listed
from peakid.curate.queues import bulk, review_queue
from peakid.curate.queues.filters import Filters
from peakid.errors import BadInput
from peakid.records import Choice, Verdict
from peakid.store import images
from peakid.store.workspace import Workspace


class _Decide(usage.Group):
    """The group of verdicts. It takes `decide DIGEST label NAME` too, the order in which a person says it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        first, second, *others = [*args, ""]
        verdicts = self.list_commands(ctx)
        if first not in verdicts and second in verdicts:
            args = [second, first, *others[:-1]]
        elif not near_names.near(first, verdicts) and near_names.near(second, verdicts):
            self.refuse(ctx, second)
        return super().resolve_command(ctx, args)

    def refuse(self, ctx: click.Context, name: str) -> NoReturn:
        verdicts = self.list_commands(ctx)
        known = f"It is one of: {', '.join(verdicts)}."
        remedy = near_names.remedy(name, verdicts, known)
        raise usage.UnknownCommand(f"The verdict {name!r} does not exist.", remedy, ctx)


@click.group(cls=_Decide)
def decide() -> None:
    """Label, exclude or flag one image, a whole queue, or the images of a list.

    DIGEST may be shortened, and may come before the verdict: `decide DIGEST label NAME`.
    """


@decide.command("label")
@click.argument("digest")
@click.argument("name")
@actor_option
@json_option
@pass_workspace
def decide_label(workspace: Workspace, digest: str, name: str, actor: str, as_json: bool) -> None:
    """Give the image DIGEST the class NAME."""
    _decide(workspace, Choice(resolved_for_class(workspace, digest, name), "label", name), actor, as_json)


@decide.command("exclude")
@click.argument("digest")
@click.option("--reason", required=True, help="Why it must not be trained on.")
@actor_option
@json_option
@pass_workspace
def decide_exclude(workspace: Workspace, digest: str, reason: str, actor: str, as_json: bool) -> None:
    """Exclude the image DIGEST from training. Its file is kept."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "exclude", reason=reason), actor, as_json)


@decide.command("flag")
@click.argument("digest")
@click.option("--reason", default="", help="What needs a second look.")
@actor_option
@json_option
@pass_workspace
def decide_flag(workspace: Workspace, digest: str, reason: str, actor: str, as_json: bool) -> None:
    """Flag the image DIGEST for a second look. It is not trained on until then."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "flag", reason=reason), actor, as_json)


@decide.command("queue")
@click.argument("name")
@click.argument("verdict", type=usage.Choice(["label", "keep", "exclude", "flag"]))
@click.argument("label", required=False, metavar="[CLASS]")
@click.option("--reason", default="", help="Why the images are excluded, or what needs a second look.")
@click.option("--yes", is_flag=True, help="Decide. Without it, only the number of images is shown.")
@filter_options
@actor_option
@json_option
@pass_workspace
def decide_queue(
    workspace: Workspace,
    name: str,
    verdict: str,
    label: str | None,
    reason: str,
    yes: bool,
    filters: Filters,
    actor: str,
    as_json: bool,
) -> None:
    """Decide on all images of the queue NAME in one step: label CLASS, keep, exclude or flag."""
    if not yes:
        n = review_queue.count(workspace, name, filters=filters, most=bulk.MOST_AT_ONCE)
        raise BadInput(
            f"This would {verdict} up to {n_images(n)}.", "Add --yes to do it. One undo reverts all of it."
        )
    if verdict == "label" and not label:
        raise _missing_class()
    kind: Verdict = "label" if verdict == "keep" else cast(Verdict, verdict)
    emit_step(
        as_json,
        bulk.decide_queue(workspace, name, kind, label=label, reason=reason, actor=actor, filters=filters),
        _DONE[kind],
    )


@decide.command("list")
@click.argument("file", type=click.File("rb"))
@click.argument("verdict", required=False, type=usage.Choice(listed.VERDICTS))
@click.argument("label", required=False, metavar="[CLASS]")
@click.option("--reason", default="", help="For the images that have none in the list.")
@click.option("--yes", is_flag=True, help="Decide. Without it, the list is only checked.")
@actor_option
@json_option
@pass_workspace
def decide_list(
    workspace: Workspace,
    file: BinaryIO,
    verdict: str | None,
    label: str | None,
    reason: str,
    yes: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Decide on the images that FILE lists, in one step; FILE may be - for the standard input.

    FILE has one digest or path in each line, or is a table (CSV, JSON lines, Parquet) with a column digest or
    path. A shortened digest has at least 8 digits there. Without a verdict, the columns verdict, label and
    reason of the table say what to decide: a line with a label and no verdict labels its image. If any line
    cannot be used, nothing is decided.
    """
    if verdict == "label" and not label:
        raise _missing_class()
    found = listed.read(_name_of(file), file.read())
    if not yes:
        chosen = listed.choices(workspace, found, verdict=verdict or "", label=label, reason=reason)
        raise BadInput(
            f"This would decide on {n_images(len(chosen))}: {_counted(chosen)}.",
            "Add --yes to do it. One undo reverts all of it.",
        )
    step = listed.decide(workspace, found, verdict=verdict or "", label=label, reason=reason, actor=actor)
    emit_step(as_json, step, "Decided on")


def _name_of(file: BinaryIO) -> str:
    """Return how errors call a file; the standard input has no name, or one such as `<stdin>`."""
    name = getattr(file, "name", "")
    return Path(name).name if isinstance(name, str) and name and not name.startswith("<") else "The list"


def _counted(choices: Sequence[Choice]) -> str:
    """Return such as `3 label, 1 exclude`."""
    counts = Counter(choice.verdict for choice in choices)
    return ", ".join(f"{n:,} {verdict}" for verdict, n in counts.most_common())


def _missing_class() -> BadInput:
    return BadInput(
        "The class is missing.", "Add its name, or use `keep` to confirm the labels that the images have."
    )


_DONE: dict[Verdict, str] = {
    "label": "Labelled",
    "exclude": "Excluded",
    "flag": "Flagged",
    "clear": "Cleared",
}


def _decide(workspace: Workspace, choice: Choice, actor: str, as_json: bool) -> None:
    emit_step(as_json, decisions.decide(workspace, [choice], actor=actor), _DONE[choice.verdict])

"""Commands for the history of decisions: undo, redo, log. Also prints the result of a step."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate import decisions, history, step_text, undo_since
from peakid.errors import BadInput
from peakid.records import Decision, StepResult
from peakid.store import images
from peakid.store.workspace import Workspace

SHOWN_DECISIONS = 10  # Lines in the terminal. `--json` has all of them.


@click.command()
@click.option("--step", "step_id", type=int, help="Undo this step. An import is undone only this way.")
@click.option("--all-by", "by", metavar="NAME", help="Undo everything this person did after --since.")
@click.option(
    "--since",
    metavar="TIME",
    help="With --all-by: an ISO time such as 2026-01-31T09:00 or 2026-01-31, local unless it has a zone.",
)
@click.option("--dry-run", is_flag=True, help="With --all-by: only count what would be undone.")
@actor_option
@json_option
@pass_workspace
def undo(
    workspace: Workspace,
    step_id: int | None,
    by: str | None,
    since: str | None,
    dry_run: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Undo your newest step, another step, or everything a person did since a time."""
    if (by is None) != (since is None) or (dry_run and not by) or (by and step_id):
        raise click.UsageError("--all-by needs --since and excludes --step. --dry-run needs --all-by.")
    if by is None or since is None:
        _emit_reversal(workspace, as_json, decisions.undo(workspace, actor=actor, step_id=step_id), "Undid")
        return
    actor_name, moment = _actor_name(by), _moment(since)
    if dry_run:
        _emit_plan(as_json, undo_since.plan(workspace, by=actor_name, since=moment))
        return
    step = undo_since.undo_since(workspace, by=actor_name, since=moment, actor=actor)
    _emit_reversal(workspace, as_json, step, "Undid")


@click.command()
@actor_option
@json_option
@pass_workspace
def redo(workspace: Workspace, actor: str, as_json: bool) -> None:
    """Redo what your newest undo reverted."""
    _emit_reversal(workspace, as_json, decisions.redo(workspace, actor=actor), "Redid")


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@click.option("--image", "digest", help="Only the decisions about this image, with the state before each.")
@click.option("--steps", is_flag=True, help="Show steps instead of single decisions.")
@click.option("--by", metavar="NAME", help="Only steps of this person.")
@click.option("--class", "class_name", help="Only steps that gave this class.")
@click.option(
    "--before",
    type=int,
    metavar="STEP",
    help="With --steps, --by or --class: only steps before this one, to read the next page.",
)
@click.option("--pace", is_flag=True, help="Show your pace: images today, this week, per minute.")
@click.option("--csv", "file", type=click.Path(path_type=Path), help="Write the whole log to a CSV file.")
@actor_option
@json_option
@pass_workspace
def log(
    workspace: Workspace,
    digest: str | None,
    file: Path | None,
    pace: bool,
    actor: str,
    as_json: bool,
    limit: int,
    steps: bool,
    by: str | None,
    class_name: str | None,
    before: int | None,
) -> None:
    """List the decisions, newest first."""
    if file is not None:
        n_rows = history.write_csv(workspace, file)
        emit(as_json, {"path": str(file), "n_decisions": n_rows}, f"Wrote {n_rows:,} decisions to {file}.")
    elif pace:
        _emit_pace(as_json, history.pace(workspace, actor, at=datetime.now().astimezone()))
    elif digest:
        image = images.show(workspace, images.resolve(workspace, digest))
        _emit_changes(as_json, history.of_image(workspace, image.digest)[:limit], image.grey_text)
    elif steps or by or class_name or before:
        _emit_steps(workspace, as_json, limit, by=by, class_name=class_name, before=before)
    else:
        documents = [asdict(row) for row in decisions.log(workspace, limit=limit)]
        columns = ["decision_id", "step_id", "decided_at", "actor", "verdict", "label", "reason", "path"]
        emit(as_json, documents, table(documents, columns, empty="There are no decisions yet."))


def emit_step(as_json: bool, step: StepResult, verb: str, *, what: str = "") -> None:
    """Print what one step changed, and which images it left unchanged.

    Args:
        what: What it did, for a step that judged no image.
    """
    document = {
        "step_id": step.step_id,
        "n_images": step.n_images,
        "decisions": [asdict(d) for d in step.decisions],
    }
    said = what or f"{verb} {n_images(step.n_images)}"
    lines = [f"{said}.", *map(_line, step.decisions[:SHOWN_DECISIONS])]
    if step.remarked:
        document["remarked"] = step.remarked
    if step.conflicts:
        document["conflicts"] = step.conflicts
        document["standing"] = [asdict(decision) for decision in step.standing.values()]
        lines.append(f"{n_images(len(step.conflicts))} unchanged: another person decided on them since.")
        newer = list(step.standing.values())[:SHOWN_DECISIONS]
        lines += [f"{_line(each)}  by {each.actor}" for each in newer]
    emit(as_json, document, "\n".join(lines))


def n_images(n: int) -> str:
    """Return `1 image` or `5 images`."""
    return f"{n} image" if n == 1 else f"{n} images"


def _emit_reversal(workspace: Workspace, as_json: bool, step: StepResult, verb: str) -> None:
    """Print what an undo or a redo changed. Without a decision, its step says what it was about."""
    is_known = step.step_id is not None and not step.decisions
    what = step_text.describe(history.step(workspace, step.step_id)) if is_known else ""
    emit_step(as_json, step, verb, what=what[:1].upper() + what[1:])


def _emit_steps(
    workspace: Workspace,
    as_json: bool,
    limit: int,
    *,
    by: str | None,
    class_name: str | None,
    before: int | None,
) -> None:
    actor = _actor_name(by) if by else None
    steps = history.page(workspace, by=actor, class_name=class_name, before=before, limit=limit)
    left_out = ("first", "original", "is_taking_back")
    documents = [
        {key: value for key, value in asdict(step).items() if key not in left_out}
        | {"what": step_text.describe(step)}
        for step in steps
    ]
    columns = ["step_id", "made_at", "actor", "kind", "n_images", "what"]
    emit(as_json, documents, table(documents, columns, empty="There are no such steps."))


def _emit_changes(as_json: bool, changes: list[history.Change], fact: str) -> None:
    documents = [asdict(change) for change in changes]
    columns = ["decision_id", "step_id", "decided_at", "actor", "kind"]
    columns += ["from_verdict", "from_label", "verdict", "label", "reason"]
    listed = table(documents, columns, empty="There are no decisions about this image yet.")
    emit(as_json, documents, f"{fact}\n{listed}" if fact else listed)


def _emit_plan(as_json: bool, plan: undo_since.UndoPlan) -> None:
    text = f"Would undo {plan.n_steps} steps on {n_images(plan.n_images)}."
    if plan.conflicts:
        text += f" {n_images(len(plan.conflicts))} would not change: another person decided on them since."
    emit(as_json, {**asdict(plan), "is_dry_run": True}, text)


def _emit_pace(as_json: bool, pace: history.Pace) -> None:
    speed = "" if pace.images_a_minute is None else f", {pace.images_a_minute:.0f} per minute"
    text = f"You reviewed {n_images(pace.n_today)} today and {pace.n_week:,} in the last seven days{speed}."
    emit(as_json, asdict(pace), text)


def _line(decision: Decision) -> str:
    return f"  {decision.digest[:12]}  {decision.verdict}  {decision.label or '-'}  {decision.path}"


def _actor_name(name: str) -> str:
    return name if ":" in name else f"human:{name}"


def _moment(text: str) -> str:
    """Parse a time that a person typed. Without a zone it is local."""
    try:
        return history.utc(datetime.fromisoformat(text).astimezone())
    except ValueError as error:
        remedy = "Write it as 2026-01-31T09:00 or 2026-01-31."
        raise BadInput(f"{text!r} is not a time.", remedy) from error

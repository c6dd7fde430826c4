"""Commands of the log: undo, redo, log; and how a step is told."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate import decisions, history, undo_since
from peakid.errors import BadInput
from peakid.records import Decision, StepResult
from peakid.store import images
from peakid.store.workspace import Workspace


@click.command()
@click.option(
    "--step", "step_id", type=int, help="Another step than your newest; imports are undone only this way."
)
@click.option(
    "--all-by", "by", metavar="NAME", help="Everything that this person did since --since, as one step."
)
@click.option(
    "--since",
    metavar="TIME",
    help="With --all-by: ISO time, local where no zone is given: 2026-01-31T09:00 or 2026-01-31.",
)
@click.option("--dry-run", is_flag=True, help="With --all-by: count only, take nothing back.")
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
    """Take back your newest step, another one, or all that somebody did since a moment."""
    if (by is None) != (since is None) or (dry_run and not by) or (by and step_id):
        raise click.UsageError(
            "--all-by NAME and --since TIME belong together, without --step; --dry-run goes with them."
        )
    if by is None or since is None:
        emit_step(as_json, decisions.undo(workspace, actor=actor, step_id=step_id), "Undid")
        return
    whose, moment = by if ":" in by else f"human:{by}", _moment(since)
    if dry_run:
        _emit_plan(as_json, undo_since.plan(workspace, by=whose, since=moment))
    else:
        emit_step(as_json, undo_since.undo_since(workspace, by=whose, since=moment, actor=actor), "Undid")


@click.command()
@actor_option
@json_option
@pass_workspace
def redo(workspace: Workspace, actor: str, as_json: bool) -> None:
    """Do again what your newest undo took back."""
    emit_step(as_json, decisions.redo(workspace, actor=actor), "Did again")


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@click.option("--image", "digest", help="Only the decisions about this image, with what stood before each.")
@click.option("--steps", is_flag=True, help="One line a step instead of one a decision.")
@click.option("--by", metavar="NAME", help="Only the steps of this person.")
@click.option("--class", "class_name", help="Only the steps that gave this class.")
@click.option(
    "--before",
    type=int,
    metavar="STEP",
    help="With --steps, --by or --class: only older steps; the key of the next page.",
)
@click.option("--pace", is_flag=True, help="Your own pace: images today, this week, a minute.")
@click.option(
    "--csv", "file", type=click.Path(path_type=Path), help="Write the whole log to FILE as a table."
)
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
    **asked: Any,
) -> None:
    """Show the newest decisions first."""
    if file is not None:
        n_rows = history.write_csv(workspace, file)
        emit(as_json, {"path": str(file), "n_decisions": n_rows}, f"Wrote {n_rows:,} decisions to {file}.")
    elif pace:
        _emit_pace(as_json, history.pace(workspace, actor, at=datetime.now().astimezone()))
    elif digest:
        _emit_changes(as_json, history.of_image(workspace, images.resolve(workspace, digest))[:limit])
    elif asked.pop("steps") or any(asked.values()):
        _emit_history(workspace, as_json, limit, **asked)
    else:
        documents = [asdict(row) for row in decisions.log(workspace, limit=limit)]
        columns = ["decision_id", "step_id", "decided_at", "actor", "verdict", "label", "reason", "path"]
        emit(as_json, documents, table(documents, columns, empty="Nothing has been decided yet."))


def emit_step(as_json: bool, step: StepResult, said: str) -> None:
    """Print what one step did, and which images it left alone."""
    document = {
        "step_id": step.step_id,
        "n_images": step.n_images,
        "decisions": [asdict(d) for d in step.decisions],
    }
    text = "\n".join(
        [f"{said} {n_images(step.n_images)}.", *(_line(decision) for decision in step.decisions[:10])]
    )
    if step.remarked:
        document["remarked"] = step.remarked
    if step.conflicts:
        document["conflicts"] = step.conflicts
        document["standing"] = [asdict(decision) for decision in step.standing.values()]
        text += f"\n{n_images(len(step.conflicts))} left as they are: somebody judged them since."
        text = "\n".join(
            [text, *(f"{_line(each)}  by {each.actor}" for each in list(step.standing.values())[:10])]
        )
    emit(as_json, document, text)


def n_images(n: int) -> str:
    """Count images in words."""
    return f"{n} image" if n == 1 else f"{n} images"


def _emit_history(
    workspace: Workspace,
    as_json: bool,
    limit: int,
    *,
    by: str | None,
    class_name: str | None,
    before: int | None,
) -> None:
    whose = by if by is None or ":" in by else f"human:{by}"
    steps = history.page(workspace, by=whose, class_name=class_name, before=before, limit=limit)
    documents = [{key: value for key, value in asdict(step).items() if key != "first"} for step in steps]
    emit(
        as_json,
        documents,
        table(
            documents,
            ["step_id", "made_at", "actor", "kind", "n_images"],
            empty="Nothing has been decided yet.",
        ),
    )


def _emit_changes(as_json: bool, changes: list[history.Change]) -> None:
    documents = [asdict(change) for change in changes]
    columns = [
        "decision_id",
        "step_id",
        "decided_at",
        "actor",
        "kind",
        "from_verdict",
        "from_label",
        "verdict",
        "label",
        "reason",
    ]
    emit(
        as_json, documents, table(documents, columns, empty="Nothing has been decided about this image yet.")
    )


def _emit_plan(as_json: bool, plan: undo_since.UndoPlan) -> None:
    text = f"Would take back {plan.n_steps} steps on {n_images(plan.n_images)}."
    if plan.conflicts:
        text += f" {n_images(len(plan.conflicts))} would stay as somebody else left them since."
    emit(as_json, {**asdict(plan), "is_dry_run": True}, text)


def _emit_pace(as_json: bool, pace: history.Pace) -> None:
    speed = "" if pace.images_a_minute is None else f", {pace.images_a_minute:.0f} a minute while at it"
    emit(
        as_json,
        asdict(pace),
        f"You judged {n_images(pace.n_today)} today, {pace.n_week:,} in seven days{speed}.",
    )


def _line(decision: Decision) -> str:
    return f"  {decision.digest[:12]}  {decision.verdict}  {decision.label or '-'}  {decision.path}"


def _moment(told: str) -> str:
    """Read a time a person typed; without a zone it is local."""
    try:
        return history.utc(datetime.fromisoformat(told).astimezone())
    except ValueError as error:
        raise BadInput(
            f"{told!r} is no time.", "Write it as 2026-01-31T09:00, or as a date alone."
        ) from error

"""Commands of judgement: decide, undo, redo, log, queue, classes."""

from dataclasses import asdict
from typing import Any, cast

import click

from peakid import images
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate import bulk, classes, decisions, review_queue
from peakid.errors import BadInput
from peakid.records import Choice, ClassRow, Decision, StepResult, StepRow, Verdict
from peakid.workspace import Workspace


@click.group()
def decide() -> None:
    """Judge one image: label it, exclude it or flag it. DIGEST may be shortened."""


@decide.command("label")
@click.argument("digest")
@click.argument("name")
@actor_option
@json_option
@pass_workspace
def decide_label(workspace: Workspace, digest: str, name: str, actor: str, as_json: bool) -> None:
    """Give the image DIGEST the class NAME."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "label", name), actor, as_json)


@decide.command("exclude")
@click.argument("digest")
@click.option("--reason", required=True, help="Why it must never be trained on.")
@actor_option
@json_option
@pass_workspace
def decide_exclude(workspace: Workspace, digest: str, reason: str, actor: str, as_json: bool) -> None:
    """Keep the image DIGEST out of training; its bytes stay."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "exclude", reason=reason), actor, as_json)


@decide.command("flag")
@click.argument("digest")
@click.option("--reason", default="", help="What to look at.")
@actor_option
@json_option
@pass_workspace
def decide_flag(workspace: Workspace, digest: str, reason: str, actor: str, as_json: bool) -> None:
    """Ask for another look at the image DIGEST before it may be trained on."""
    _decide(workspace, Choice(images.resolve(workspace, digest), "flag", reason=reason), actor, as_json)


@decide.command("queue")
@click.argument("name")
@click.argument("verdict", type=click.Choice(["label", "keep", "exclude", "flag"]))
@click.argument("class_name", required=False)
@click.option("--reason", default="", help="Why they are excluded, or what to look at.")
@click.option("--yes", is_flag=True, help="Judge them; without it the number is told and nothing is done.")
@actor_option
@json_option
@pass_workspace
def decide_queue(
    workspace: Workspace, name: str, verdict: str, class_name: str | None, reason: str, yes: bool, actor: str, as_json: bool
) -> None:
    """Judge all images of the queue NAME as one step: label CLASS_NAME, keep, exclude or flag."""
    n = review_queue.count(workspace, name)
    if not yes:
        raise BadInput(f"This would {verdict} up to {_n_images(n)}.", "Add --yes to do it; undo takes all of it back.")
    if verdict == "label" and not class_name:
        raise BadInput("Labelling a queue needs a class.", "Name one, or confirm the labels they have with: keep")
    kind: Verdict = "label" if verdict == "keep" else cast(Verdict, verdict)
    _emit_step(as_json, bulk.decide_queue(workspace, name, kind, label=class_name, reason=reason, actor=actor), _SAID[kind])


@click.command()
@click.option("--step", "step_id", type=int, help="Another step than your newest; imports are undone only this way.")
@actor_option
@json_option
@pass_workspace
def undo(workspace: Workspace, step_id: int | None, actor: str, as_json: bool) -> None:
    """Take back your newest step."""
    _emit_step(as_json, decisions.undo(workspace, actor=actor, step_id=step_id), "Undid")


@click.command()
@actor_option
@json_option
@pass_workspace
def redo(workspace: Workspace, actor: str, as_json: bool) -> None:
    """Do again what your newest undo took back."""
    _emit_step(as_json, decisions.redo(workspace, actor=actor), "Did again")


@click.command()
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@click.option("--image", "digest", help="Only the decisions about this image.")
@click.option("--steps", is_flag=True, help="One line a step instead of one a decision.")
@json_option
@pass_workspace
def log(workspace: Workspace, limit: int, digest: str | None, steps: bool, as_json: bool) -> None:
    """Show the newest decisions first."""
    if steps:
        _emit_steps(as_json, decisions.steps(workspace, limit=limit))
        return
    rows = decisions.log(workspace, limit=limit, digest=images.resolve(workspace, digest) if digest else None)
    documents = [asdict(row) for row in rows]
    columns = ["decision_id", "step_id", "decided_at", "actor", "verdict", "label", "reason", "path"]
    emit(as_json, documents, table(documents, columns, empty="Nothing has been decided yet."))


@click.command()
@click.argument("name", default="unreviewed")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@json_option
@pass_workspace
def queue(workspace: Workspace, name: str, limit: int, as_json: bool) -> None:
    """List what waits in the queue NAME.

    NAME is one of: unreviewed, flagged, excluded, all, class:NAME, issue:KIND, confusion:RUN:SPLIT:GIVEN:PREDICTED.
    """
    items = review_queue.page(workspace, name, limit=limit)
    documents = [{key: getattr(item, key) for key in ("digest", "path", "label", "reason", "score")} for item in items]
    rows = [{**document, "digest": document["digest"][:12]} for document in documents]
    emit(as_json, documents, table(rows, ["digest", "label", "reason", "path"], empty=f"Nothing waits in {name}."))


@click.group("classes")
def classes_() -> None:
    """The classes one can choose, in key order."""


@classes_.command("list")
@json_option
@pass_workspace
def classes_list(workspace: Workspace, as_json: bool) -> None:
    """List the classes with their images."""
    documents = [_class_document(row) for row in classes.list_classes(workspace)]
    columns = ["class_name", "n_images", "n_reviewed", "is_retired"]
    emit(as_json, documents, table(documents, columns, empty="There is no class yet. Add one with: peakid classes add NAME"))


@classes_.command("add")
@click.argument("name")
@json_option
@pass_workspace
def classes_add(workspace: Workspace, name: str, as_json: bool) -> None:
    """Add the class NAME, or bring it back from retirement."""
    _emit_class(as_json, classes.add(workspace, name), "Added")


@classes_.command("rename")
@click.argument("name")
@click.argument("new_name")
@json_option
@pass_workspace
def classes_rename(workspace: Workspace, name: str, new_name: str, as_json: bool) -> None:
    """Call the class NAME from now on NEW_NAME."""
    _emit_class(as_json, classes.rename(workspace, name, new_name), "Renamed to")


@classes_.command("retire")
@click.argument("name")
@json_option
@pass_workspace
def classes_retire(workspace: Workspace, name: str, as_json: bool) -> None:
    """Keep the class NAME and its images out of new snapshots."""
    _emit_class(as_json, classes.retire(workspace, name), "Retired")


_SAID: dict[Verdict, str] = {"label": "Labelled", "exclude": "Excluded", "flag": "Flagged", "clear": "Cleared"}


def _decide(workspace: Workspace, choice: Choice, actor: str, as_json: bool) -> None:
    _emit_step(as_json, decisions.decide(workspace, [choice], actor=actor), _SAID[choice.verdict])


def _emit_step(as_json: bool, step: StepResult, said: str) -> None:
    document = {"step_id": step.step_id, "n_images": step.n_images, "decisions": [asdict(d) for d in step.decisions]}
    text = "\n".join([f"{said} {_n_images(step.n_images)}.", *(_line(decision) for decision in step.decisions[:10])])
    if step.conflicts:
        document["conflicts"] = step.conflicts
        text += f"\n{_n_images(len(step.conflicts))} left as they are: somebody judged them since."
    emit(as_json, document, text)


def _emit_steps(as_json: bool, steps: list[StepRow]) -> None:
    documents = [{key: value for key, value in asdict(step).items() if key != "first"} for step in steps]
    emit(as_json, documents, table(documents, ["step_id", "made_at", "actor", "kind", "n_images"], empty="Nothing has been decided yet."))


def _line(decision: Decision) -> str:
    return f"  {decision.digest[:12]}  {decision.verdict}  {decision.label or '-'}  {decision.path}"


def _emit_class(as_json: bool, row: ClassRow, said: str) -> None:
    emit(as_json, _class_document(row), f"{said} class {row.class_name} ({_n_images(row.n_images)}).")


def _class_document(row: ClassRow) -> dict[str, Any]:
    return {"class_name": row.class_name, "n_images": row.n_images, "n_reviewed": row.n_reviewed, "is_retired": row.is_retired}


def _n_images(n: int) -> str:
    return f"{n} image" if n == 1 else f"{n} images"

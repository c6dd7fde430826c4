"""Commands for errors: the list of all, the confusion matrix, and classes that cannot be told apart."""

from dataclasses import asdict
from pathlib import Path

import click

from peakid import printable
from peakid.cli import usage
from peakid.cli.evaluation.evaluate import split_option
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate.queues import review_queue, suggested
from peakid.evaluate import figures, score_text, scored_images
from peakid.evaluate.errors import (
    confusion,
    confusion_table,
    error_evidence,
    error_list,
    matrix_order,
    mergeable,
    outdated,
    per_class,
)
from peakid.evaluate.errors.error_evidence import ErrorEvidence
from peakid.evaluate.errors.error_list import ErrorImage
from peakid.evaluate.errors.matrix_order import CellValue, MatrixOrder
from peakid.evaluate.errors.mergeable import MergeProposal
from peakid.store import images, runs
from peakid.store.workspace import Workspace

N_LISTED = 50  # Rows for people; JSON has all of them.
tta_option = click.option(
    "--tta", "with_tta", is_flag=True, help="With test-time augmentation, which `peakid tta` computes."
)


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@tta_option
@click.option(
    "--limit", type=click.IntRange(1), help="At most this many. Default: all, or 50 without --json."
)
@click.option("--explain", metavar="DIGEST", help="Show what speaks for and against the label of one error.")
@actor_option
@json_option
@pass_workspace
def errors(
    workspace: Workspace,
    run_id: int,
    split: str,
    with_tta: bool,
    limit: int | None,
    explain: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """List what RUN predicts wrongly, with the nearest training images.

    Errors whose label the live head doubts come first, then those that the run is surest of.
    Judge the same images in the queue errors:RUN:SPLIT. Runs that were trained on a label that has changed
    since are named.
    """
    shown = figures.evaluate(workspace, run_id, split=split, with_tta=with_tta, actor=actor)
    scored = shown.scored
    if explain is not None:
        _explain(workspace, images.resolve(workspace, explain), run_id, split, as_json)
        return
    run = runs.show(workspace, run_id)
    predicted = scored_images.load(workspace, run, split, with_tta=with_tta)
    found = error_list.list_errors(
        workspace, run, predicted, limit=limit if limit is not None or as_json else N_LISTED
    )
    n_errors = int((~predicted.is_right).sum())
    often = per_class.often_predicted(shown.one_per_group, scored.class_names)
    changed = outdated.outdated(workspace, runs.list_runs(workspace))
    document = {
        "run_id": run_id,
        "split": split,
        "n_images": scored.n_images,
        "n_errors": n_errors,
        "queue": review_queue.errors_queue(run_id, split),
        "errors": [each.to_json() for each in found],
        "often_predicted": [asdict(each) for each in often],
        "outdated_runs": [asdict(each) for each in changed],
    }
    is_ordered = suggested.is_error_order(workspace, document["queue"])
    order = "doubtful labels first" if is_ordered else "the most confident first"
    lines = [
        f"{n_errors:,} errors on {scored.n_images:,} images of {split}, {order}.",
        table([_row(each) for each in found], _COLUMNS, empty="There is no error."),
        *([f"Look at them with: peakid queue {document['queue']}"] if found else []),
        *(each.sentence(scored.per_class) for each in often),
        *(each.sentence for each in changed),
    ]
    emit(as_json, document, "\n".join(lines))


@click.command("confusion")
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@tta_option
@click.option(
    "--order",
    "by",
    type=usage.Choice(list(matrix_order.ORDERS)),
    default="class",
    show_default=True,
    help="Of the rows and columns. By similarity, classes that are taken for each other stand together.",
)
@click.option(
    "--values",
    "shown",
    type=usage.Choice(list(matrix_order.VALUES)),
    default="counts",
    show_default=True,
    help="Images, or their share of the row (given label) or of the column (predicted label).",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the matrix to this new CSV file.")
@actor_option
@json_option
@pass_workspace
def confusion_(
    workspace: Workspace,
    run_id: int,
    split: str,
    with_tta: bool,
    by: MatrixOrder,
    shown: CellValue,
    out: Path | None,
    actor: str,
    as_json: bool,
) -> None:
    """Print the confusion matrix of RUN as CSV: rows are given labels, columns predicted labels."""
    scored = figures.evaluate(workspace, run_id, split=split, with_tta=with_tta, actor=actor).scored
    names, matrix = scored.class_names, scored.confusion
    order = matrix_order.positions(names, matrix, by)
    cells = matrix_order.values(matrix, shown)[order][:, order]
    document = {
        "run_id": run_id,
        "split": split,
        "order": by,
        "values": shown,
        "class_names": [names[n] for n in order],
        "cells": cells.tolist(),
        "out": None,
    }
    if out is None:
        emit(as_json, document, confusion_table.csv_text(names, matrix, by=by, shown=shown).rstrip("\n"))
        return
    document["out"] = str(confusion_table.write(names, matrix, out, by=by, shown=shown))
    emit(as_json, document, f"{confusion.finding(names, matrix)}. Written to {document['out']}.")


@click.command("mergeable")
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@tta_option
@actor_option
@json_option
@pass_workspace
def mergeable_(
    workspace: Workspace, run_id: int, split: str, with_tta: bool, actor: str, as_json: bool
) -> None:
    """List groups of classes that RUN cannot tell apart, with its score if each group were one class.

    A group is listed if its classes are taken for each other more often than chance explains. Nothing is
    merged.
    """
    shown = figures.evaluate(workspace, run_id, split=split, with_tta=with_tta, actor=actor)
    found = mergeable.of_figures(shown)
    text = "\n\n".join(_proposal_text(each) for each in found)
    emit(as_json, [each.to_json() for each in found], text or mergeable.NOTHING)


_COLUMNS = ["digest", "given", "predicted", "probability", "label now", "nearest in train", "path"]


def _explain(workspace: Workspace, digest: str, run_id: int, split: str, as_json: bool) -> None:
    queue = review_queue.errors_queue(run_id, split)
    found = error_evidence.explain(workspace, digest, queue=queue)
    emit(as_json, found.to_json(), _evidence_text(found))


def _evidence_text(found: ErrorEvidence) -> str:
    near = [
        f"{each.class_name}: "
        + ", ".join(f"{image.path} ({printable.percent(image.similarity)})" for image in each.images)
        for each in found.near
    ]
    return "\n".join([*near, *found.sentences])


def _row(each: ErrorImage) -> dict[str, object]:
    nearest = ", ".join(f"{near.label} {printable.percent(near.similarity)}" for near in each.nearest)
    return {
        "digest": each.digest[:12],
        "given": each.given_label,
        "predicted": each.predicted_label,
        "probability": score_text.percent(each.confidence),
        "label now": "excluded or new" if each.newest_label is None else each.newest_label,
        "nearest in train": f"{nearest}; a near duplicate" if each.train_duplicates else nearest,
        "path": each.path,
    }


def _proposal_text(each: MergeProposal) -> str:
    counts = ", ".join(f"{name} {n:,}" for name, n in zip(each.class_names, each.n_given, strict=True))
    into, *others = each.class_names
    return "\n".join(
        [
            f"{each.sentence} ({counts})",
            f"  Accuracy {each.before} as it is, {each.after} with one class for them"
            f" ({score_text.difference(each.accuracy_after - each.accuracy_before)}).",
            *(f"  {c.given_label} predicted as {c.predicted_label}: {c.n:,}" for c in each.confusions),
            *(f"  Merge with: peakid classes merge {name!r} {into!r}" for name in others),
        ]
    )

"""The command that scores a run by source, year, size and other properties of its images."""

import click

from peakid.cli.evaluation.evaluate import split_option
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate.queues import selections
from peakid.errors import BadInput
from peakid.evaluate import figures, score_text, scored_images
from peakid.evaluate.slices import properties, slice_text, slicing
from peakid.evaluate.slices.slicing import Slice, SliceReport
from peakid.store import runs
from peakid.store.workspace import Workspace

COLUMNS = ["value", "images", "errors", "accuracy", "balanced", "expected", "difference", "p"]


def _list(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[str]:
    return [each.strip() for each in (value or "").split(",") if each.strip()]


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@split_option
@click.option(
    "--by",
    callback=_list,
    metavar="PROPERTIES",
    help=f"Separated by commas; all by default: {', '.join(properties.KEYS)}.",
)
@click.option(
    "--cross",
    callback=_list,
    metavar="A,B",
    help="Also the combinations of two properties, such as source,class.",
)
@click.option(
    "--errors-of",
    metavar="VALUE",
    help="Make a queue of the errors of the slice with this value, as it is printed here.",
)
@actor_option
@json_option
@pass_workspace
def slices(
    workspace: Workspace,
    run_id: int,
    split: str,
    by: list[str],
    cross: list[str],
    errors_of: str | None,
    actor: str,
    as_json: bool,
) -> None:
    """Score RUN on slices of its images, and find those that are worse than chance and classes explain.

    The p-values are corrected for all slices. Differences are to other images of the same classes.
    """
    figures.evaluate(workspace, run_id, split=split, actor=actor)  # Refuses what has no score; counts a look.
    images = scored_images.load(workspace, runs.show(workspace, run_id), split)
    found = slicing.slices(workspace, images, by=by or properties.KEYS, cross=cross)
    document, text = found.to_json(), _text(found)
    if errors_of is not None:
        queue = selections.create(workspace, _errors(found, errors_of), actor=actor, run_id=run_id)
        document, text = document | {"queue": queue}, f"{text}\nQueue of the errors: {queue}"
    emit(as_json, document, text)


def _errors(found: SliceReport, value: str) -> list[int]:
    for each in (one for every in found.properties for one in every.slices):
        if each.value == value:
            if not each.n_errors:
                raise BadInput(f"The slice {value!r} has no errors.", "Choose a slice with errors.")
            return each.error_ids.tolist()
    raise BadInput(f"There is no slice {value!r}.", "Choose a value of the list.")


def _text(found: SliceReport) -> str:
    accuracy = score_text.score(found.accuracy, found.interval, found.n_images)
    lines = [f"Run {found.run_id} on {found.split}: accuracy {accuracy}"]
    lines += [slice_text.finding(each, found.n_tested) for each in found.worst] or [
        slice_text.nothing_found(found)
    ]
    hard = [one for every in found.properties for one in every.slices if one.is_of_hard_classes]
    lines += [slice_text.hard_classes(each) for each in hard]
    for each in found.properties:
        lines += ["", each.title, table([_row(one) for one in each.slices], COLUMNS, empty="")]
    lines += ["", *(f"{each.title}: {each.reason} {each.remedy}".rstrip() for each in found.missing)]
    return "\n".join(lines).rstrip()


def _row(each: Slice) -> dict[str, str | int]:
    low, high = map(score_text.percent, each.interval)
    return {
        "value": each.value,
        "images": each.n_images,
        "errors": each.n_errors,
        "accuracy": f"{score_text.percent(each.accuracy)} ({low} to {high})",
        "balanced": score_text.percent(each.balanced_accuracy),
        "expected": score_text.percent(each.expected_accuracy),
        "difference": slice_text.difference(each.compared),
        "p": slice_text.p_value(each.p_value),
    }

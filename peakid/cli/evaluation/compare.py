"""The command that compares two or more runs on the same images."""

import click

from peakid.cli.evaluation.evaluate import split_option
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.curate.queues import compared_runs
from peakid.dataset import snapshot
from peakid.evaluate import score_text
from peakid.evaluate.comparing import compare as comparing
from peakid.evaluate.comparing import compare_text
from peakid.evaluate.comparing.compare import RunsCompared
from peakid.store import runs
from peakid.store.workspace import Workspace

N_CLASSES = 20  # Rows; --json has all.


@click.command()
@click.argument("run_ids", metavar="RUN...", type=int, nargs=-1, required=True)
@split_option
@actor_option
@json_option
@pass_workspace
def compare(workspace: Workspace, run_ids: tuple[int, ...], split: str, actor: str, as_json: bool) -> None:
    """Compare two or more runs on the same images with the newest labels.

    With two runs, the second is compared with the first, also class by class.
    """
    compared = comparing.compare_runs(workspace, run_ids, split=split, actor=actor)
    if len(run_ids) > 2:
        emit(as_json, compared.to_json(), "\n".join(_lines(compared)))
        return
    digests = [runs.show(workspace, run_id).snapshot_digest for run_id in run_ids]
    changed = snapshot.diff(workspace, *digests)
    changes = ", ".join(f"{len(rows)} {kind}" for kind, rows in changed.items())
    lines = [*_lines(compared), f"Between their snapshots: {changes} images."]
    emit(as_json, compared.to_json(changed), "\n".join(lines))


def _lines(compared: RunsCompared) -> list[str]:
    scored = compare_text.images(compared.n_common, compared.split)
    lines = [f"On {scored} that all runs scored, with the newest labels:", _accuracies(compared)]
    for found, missing in zip(compared.differences, compared.needed, strict=True):
        pair = f"Run {found.b} minus run {found.a}: {compare_text.difference(found)}"
        lines.append(f"{pair}; {compare_text.only(found)}: {compare_text.finding(found)}.")
        if missing and len(compared.run_ids) == 2:
            lines.append(compare_text.unsettled(missing, compared.split))
            lines.append(compare_text.exact_decides(found))
    lines += [compare_text.overall(compared), _classes(compared), compare_text.classes(compared.by_class)]
    lines += [compare_text.left_out(compared), compare_text.duplicates(compared)]
    if len(compared.run_ids) == 2:
        a, b = compared.run_ids
        won = compared_runs.won_queue(a, b, compared.split)
        lost = compared_runs.won_queue(b, a, compared.split)
        lines.append(f"Queues of the images that only one is correct on: {won} and {lost}")
    return [line for line in (*lines, *(f"Warning: {each}" for each in compared.warnings)) if line]


def _accuracies(compared: RunsCompared) -> str:
    rows = [
        {
            "run": each.run_id,
            "accuracy": score_text.score(each.accuracy, each.interval),
            "correct": f"{each.n_right:,} of {compared.n_common:,}",
        }
        for each in compared.accuracies
    ]
    return table(rows, ["run", "accuracy", "correct"], empty="")


def _classes(compared: RunsCompared) -> str:
    ranked = sorted(compared.by_class, key=lambda each: (each.change.p, -abs(each.change.difference)))
    rows = [
        {
            "class": each.class_name,
            "images": each.change.n_images,
            "recall": f"{score_text.percent(each.change.accuracy_a)} to"
            f" {score_text.percent(each.change.accuracy_b)}",
            "change": compare_text.difference(each.change),
            "p (corrected)": compare_text.p_value(each.change.p_corrected).removeprefix("p = "),
        }
        for each in ranked[:N_CLASSES]
    ]
    return table(rows, ["class", "images", "recall", "change", "p (corrected)"], empty="")

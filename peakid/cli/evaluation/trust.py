"""Commands about how far a run can be trusted: its scores with intervals, and its threshold."""

from pathlib import Path

import click

from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.jobs import EXIT_CODES, ending, follow, job_text, request_option
from peakid.errors import BadInput
from peakid.evaluate import report, score_text, scored_images
from peakid.evaluate.trust import answers, new_photos, operating_point, trust_report, trust_text
from peakid.evaluate.trust.conformal import ConformalSets
from peakid.evaluate.trust.new_photos import Finding
from peakid.evaluate.trust.trust_report import TrustReport
from peakid.jobs.evaluation import open_set as submitting
from peakid.store import runs
from peakid.store.evaluation import operating_points
from peakid.store.workspace import Workspace


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--split",
    type=usage.Choice(["valid", "test", "cv"]),
    default="valid",
    show_default=True,
    help="Each look at the test score is counted.",
)
@click.option(
    "--level",
    type=float,
    default=trust_report.LEVEL,
    show_default=True,
    help="Probability with which the prediction sets of each class contain it.",
)
@actor_option
@json_option
@pass_workspace
def trust(workspace: Workspace, run_id: int, split: str, level: float, actor: str, as_json: bool) -> None:
    """Say how far RUN can be trusted: scores with intervals, calibration, threshold and prediction sets.

    Temperature and prediction sets are fitted on validation and reported on test. On validation and on cv,
    each fifth of the images is predicted from the other four.
    """
    found = trust_report.trust(workspace, run_id, split=split, level=level, actor=actor)
    emit(as_json, found.to_json(), _text(found))


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option("--set", "threshold", type=float, help="The confidence below which exports abstain, 0 to 1.")
@click.option(
    "--accuracy", type=float, help="The lowest threshold above which the accuracy is at least this, 0 to 1."
)
@click.option(
    "--calibrated", "is_calibrated", is_flag=True, help="Scale probabilities by the fitted temperature."
)
@click.option("--remove", "is_removing", is_flag=True, help="Remove the threshold.")
@actor_option
@json_option
@pass_workspace
def threshold(
    workspace: Workspace,
    run_id: int,
    threshold: float | None,
    accuracy: float | None,
    is_calibrated: bool,
    is_removing: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Show or choose the confidence below which the exports of RUN abstain. It is chosen on validation.

    With --accuracy, the accuracy of the answers is at least that with 95 % certainty. Exports made from then
    on carry the threshold and its temperature.
    """
    if sum([threshold is not None, accuracy is not None, is_removing]) > 1:
        raise BadInput("--set, --accuracy and --remove exclude each other.", "Give one of them.")
    if threshold is not None:
        operating_point.set_threshold(workspace, run_id, threshold, is_calibrated=is_calibrated, actor=actor)
    if accuracy is not None:
        operating_point.choose_for_accuracy(
            workspace, run_id, accuracy, is_calibrated=is_calibrated, actor=actor
        )
    if is_removing:
        operating_point.remove(workspace, run_id)
    point = operating_points.of_run(workspace, runs.show(workspace, run_id).run_id)
    if point is None:
        emit(as_json, {"run_id": run_id, "threshold": None}, f"Run {run_id} has no threshold.")
        return
    on_valid = operating_point.on_validation(workspace, run_id, point)
    sentence = f" {trust_text.coverage(on_valid)}" if on_valid else ""
    text = f"Exports of run {run_id} abstain below {point.threshold:.3f}{trust_text.scaled(point)}.{sentence}"
    emit(as_json, {**vars(point), "valid": on_valid.to_json() if on_valid else None}, text)


@click.command("open-set")
@click.argument("run_id", metavar="RUN", type=int)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Photos to predict. Default: excluded images."
)
@click.option("--list", "is_listing", is_flag=True, help="Only list what was predicted before.")
@click.option(
    "--split",
    type=usage.Choice(["valid", "test"]),
    default="valid",
    show_default=True,
    help="The images of the classes to compare the confidence with.",
)
@request_option
@actor_option
@json_option
@pass_workspace
def open_set(
    workspace: Workspace,
    run_id: int,
    folder: Path | None,
    is_listing: bool,
    split: str,
    request_id: str | None,
    actor: str,
    as_json: bool,
) -> int:
    """Predict photos outside the snapshot with RUN: does it know that they show something else?

    Without --folder, these are the images that were excluded as showing another subject. With it, the photos
    are also compared with the test images: an alarm says that they differ, so that the test score may not
    hold for them.
    """
    if not is_listing:
        job = submitting.submit(workspace, run_id, folder=folder, request_id=request_id, actor=actor)
        job = follow(workspace, job.job_id)
        if job.state != "done":
            emit(as_json, ending(job), job_text(job))
            return EXIT_CODES[job.state]
    run = runs.show(workspace, run_id)
    report.checked_predictions(workspace, run, split)
    images = scored_images.load(workspace, run, split)
    point = operating_points.of_run(workspace, run_id)
    known = answers.of(images, [point.temperature if point else 1.0])
    found = new_photos.findings(workspace, known, point)
    shown = found if is_listing else found[:1]
    text = "\n".join(_finding(each) for each in shown) or f"Run {run_id} has predicted no new photos."
    documents = [each.to_json() for each in shown]
    emit(as_json, documents if is_listing else documents[0], text)
    return 0


def _finding(found: Finding) -> str:
    lines = [trust_text.photos(found.photos)]
    if found.as_unrelated:
        lines.append(f"  As photos of something else: {trust_text.open_set(found.as_unrelated)}")
    if found.comparison:
        lines.append(f"  {trust_text.alarm(found.comparison)}")
    return "\n".join(lines)


def _text(found: TrustReport) -> str:
    rows = [
        {
            "score": trust_text.TITLES[each.name],
            "value": trust_text.value(each),
            "95 % interval": trust_text.interval(each),
            "images": each.n_images,
            "interval by": trust_text.METHODS[each.method],
        }
        for each in found.scores
    ]
    columns = ["score", "value", "95 % interval", "images", "interval by"]
    lines = [f"Run {found.run_id} on {found.split}", table(rows, columns, empty="")]
    lines.append(trust_text.calibration(found))
    if found.temperature and not found.temperature.is_at_limit:  # Else a note says so.
        lines.append(trust_text.temperature(found.temperature))
    if found.point and found.at_point:
        lines.append(trust_text.coverage(found.at_point, found.point))
    else:
        lines.append("No threshold is chosen: exports answer every image.")
    if found.conformal:
        lines += [trust_text.sets(found.conformal), _classes(found.conformal)]
    if found.split == "test":
        lines.append(f"Looks at the test score of this run: {found.n_test_looks}")
    return "\n".join([*lines, *(f"Note: {note}" for note in found.notes)])


def _classes(found: ConformalSets) -> str:
    rows = [
        {
            "class": each.class_name,
            "coverage": score_text.score(each.coverage, each.interval, each.n_images),
            "mean size": "-" if each.mean_size is None else f"{each.mean_size:.1f}",
            "calibrated on": each.n_calibration,
            "remark": "" if each.is_limited else f"in every set: needs {found.n_needed} images",
        }
        for each in found.classes
    ]
    return table(rows, ["class", "coverage", "mean size", "calibrated on", "remark"], empty="")

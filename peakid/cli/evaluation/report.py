"""The command that writes the report of a run as one HTML page and as JSON."""

from pathlib import Path

import click

from peakid.cli.evaluation.evaluate import split_option
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace
from peakid.errors import BadInput
from peakid.evaluate import score_text
from peakid.evaluate.report_file import writing
from peakid.evaluate.report_file.gather import RunReport
from peakid.store import runs
from peakid.store.workspace import Workspace
from peakid.suggest import linear_probe


@click.command()
@click.argument("run_id", metavar="RUN", type=int)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write one HTML page.")
@click.option("--figures", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures as JSON.")
@click.option(
    "--gallery",
    "with_gallery",
    is_flag=True,
    help="Include thumbnails of the errors, without metadata. They leave the workspace with the file.",
)
@split_option
@click.option("--tta", "with_tta", is_flag=True, help="Of the predictions with test-time augmentation.")
@actor_option
@json_option
@pass_workspace
def report(
    workspace: Workspace,
    run_id: int,
    html: Path | None,
    figures: Path | None,
    with_gallery: bool,
    split: str,
    with_tta: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Write the score of RUN as a report: matrix, errors, classes, confidence, slices and how it was made.

    The HTML page is one file that loads nothing, follows the light or dark theme, and prints on A4. Names of
    reviewers are left out. With --json the figures are printed.
    """
    if html is None and figures is None and not as_json:
        raise BadInput("No file is named.", "Name a file for the HTML page or for the JSON document.")
    made = writing.of_run(
        workspace,
        run_id,
        split=split,
        with_tta=with_tta,
        with_gallery=with_gallery,
        actor=actor,
        probe=linear_probe.baseline(workspace, runs.show(workspace, run_id), split),
    )
    writing.write(made, html=html, json=figures)
    emit(as_json, made.to_json(), _text(made, html, figures))


def _text(made: RunReport, *written: Path | None) -> str:
    scored = made.scored
    accuracy = score_text.score(scored.accuracy, scored.accuracy_interval, scored.n_images)
    lines = [f"{made.title}: accuracy {accuracy}"]
    lines += [f"Wrote {path}" for path in written if path is not None]
    return "\n".join([*lines, *(f"Warning: {sentence}" for sentence in made.warnings)])

"""Write the report of a run to files: HTML for people, JSON for programs."""

import json
from pathlib import Path

from peakid import files
from peakid.errors import BadInput
from peakid.evaluate import figures, scored_images
from peakid.evaluate.report_file import gather, page
from peakid.evaluate.report_file.gather import Baseline, RunReport
from peakid.store import runs
from peakid.store.workspace import Workspace


def of_run(
    workspace: Workspace,
    run_id: int,
    *,
    split: str,
    with_tta: bool,
    with_gallery: bool,
    actor: str,
    probe: Baseline | None = None,
) -> RunReport:
    """Evaluate a run and gather its report. A look at test is counted.

    Raises:
        NotFound: If there is no such run.
        BadInput: If there is no such split, or no predictions for it.
    """
    scored = figures.evaluate(workspace, run_id, split=split, with_tta=with_tta, actor=actor).scored
    run = runs.show(workspace, run_id)
    images = scored_images.load(workspace, run, split, with_tta=with_tta)
    return gather.gather(workspace, run, scored, images, with_gallery=with_gallery, probe=probe)


def as_html(report: RunReport) -> bytes:
    return page.write(report).encode("utf-8")


def as_json(report: RunReport) -> bytes:
    return json.dumps(report.to_json(), ensure_ascii=False, indent=1, allow_nan=False).encode("utf-8")


def write(report: RunReport, *, html: Path | None, json: Path | None) -> None:
    """Write the report to the files that are named; existing ones are replaced.

    Raises:
        BadInput: If one of them is a folder.
    """
    wanted = [(html, as_html), (json, as_json)]
    for path, _ in wanted:
        if path is not None and path.is_dir():
            raise BadInput(f"{path} is a folder.", "Name a file in it.")
    for path, content in wanted:
        if path is not None:
            files.write_bytes(path, content(report))

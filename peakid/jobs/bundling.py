"""Bundle an export with the facts that the workspace knows about its run, its data and its licences.

In a job for the workspace, or at once into a given file.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from peakid.dataset import credits
from peakid.dataset import snapshot as snapshots
from peakid.errors import PeakidError
from peakid.evaluate import figures, report, score_text
from peakid.evaluate.report import EvaluationReport
from peakid.evaluate.trust import operating_point
from peakid.job_settings import JobSettings
from peakid.jobs import queue
from peakid.jobs.arguments import BundleArguments
from peakid.jobs.job import Job
from peakid.jobs.ledger import Work
from peakid.jobs.queueing import queued
from peakid.jobs.results import BundleResult
from peakid.records import Export, Run, SnapshotItem
from peakid.serve import opening
from peakid.serve.bundle import bundle, signing
from peakid.serve.bundle.model_card import ClassFacts, ModelFacts
from peakid.store import exports, origins, runs
from peakid.store.collecting.credits import n_by_licence, of_snapshot
from peakid.store.evaluation import operating_points
from peakid.store.workspace import Workspace

LICENCES = {"efficientnet-lite": "Apache-2.0"}  # By a part of the file's name.
OTHER_LICENCE = "see their publisher"


def write(
    workspace: Workspace,
    export: Export,
    out: Path,
    *,
    threshold: float | None = None,
    names_people: bool = False,
    intended_use: str = "",
    key: Path | None = None,
    actor: str,
) -> list[str]:
    """Write a bundle of an export and return the names of its files.

    Args:
        threshold: Confidence in 0..1 below which the model abstains; None = that of the export.
        names_people: The model card warns that classes name people.
        intended_use: What the model is for, in words.
        key: The private key (PEM) that signs the files; None = they are not signed.

    Raises:
        NotFound, BadInput, WeightsUnfit, ExtraMissing, DiskError: As `bundle.write`.
    """
    run = runs.show(workspace, export.run_id)
    facts = model_facts(workspace, run, names_people=names_people, intended_use=intended_use, actor=actor)
    found = credits.of_export(workspace, export.export_id)
    if any(line.is_known for line in found.lines):
        facts = dataclasses.replace(facts, credits=found.files())
    return bundle.write(exports.folder(export), out, facts, threshold=threshold, key=key)


def write_page(workspace: Workspace, export: Export, out: Path, *, threshold: float | None = None) -> int:
    """Write an export as one HTML page that runs it in a browser, and return its bytes.

    Args:
        threshold: As of `write`.

    Raises:
        NotFound, BadInput, WeightsUnfit, DiskError: As `bundle.write_page`.
    """
    title = f"Run {runs.show(workspace, export.run_id).run_id}"
    return bundle.write_page(exports.folder(export), out, ModelFacts(title), threshold=threshold)


def submit(
    workspace: Workspace,
    export_id: int,
    *,
    threshold: float | None = None,
    names_people: bool = False,
    intended_use: str = "",
    key: Path | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue a bundle of an export, which is written into the workspace's exports; arguments as of `write`.

    The job holds the path of the key, not the key.

    Raises:
        NotFound: If there is no such export, or it is outside the workspace and only a backup says so.
        BadInput, WeightsUnfit: If its card does not fit.
        BadInput, ExtraMissing: If the key cannot be read, or the package that signs is not installed.
    """
    opening.card(exports.folder(exports.show(workspace, export_id)))
    if key is not None:
        signing.check(key)
    key_path = str(key.absolute()) if key else ""
    arguments = BundleArguments(export_id, threshold, names_people, intended_use.strip(), key_path)
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def submit_page(
    workspace: Workspace,
    export_id: int,
    *,
    threshold: float | None = None,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the page of `write_page`, which is written into the workspace's exports.

    Raises:
        NotFound, BadInput, WeightsUnfit: As `submit`.
    """
    opening.card(exports.folder(exports.show(workspace, export_id)))
    arguments = BundleArguments(export_id, threshold, is_page=True)
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def run_job(work: Work) -> None:
    """Write the bundle or the page under a name that is not taken."""
    arguments = work.arguments_as(BundleArguments)
    export = exports.show(work.workspace, arguments.export_id)
    if arguments.is_page:
        out = new_file(work.workspace, export, suffix=".html")
        work.report("Writing the page", 0, 0, out.name)
        size = write_page(work.workspace, export, out, threshold=arguments.threshold)
        work.note(BundleResult(export.export_id, str(out), bytes=size))
        return
    out = new_file(work.workspace, export)
    work.report("Writing the bundle", 0, 0, out.name)
    names = write(
        work.workspace,
        export,
        out,
        threshold=arguments.threshold,
        names_people=arguments.names_people,
        intended_use=arguments.intended_use,
        key=Path(arguments.key) if arguments.key else None,
        actor=work.actor,
    )
    work.note(BundleResult(export.export_id, str(out), tuple(names), out.stat().st_size))


def new_file(workspace: Workspace, export: Export, *, suffix: str = ".zip") -> Path:
    """Return a file in the workspace's exports that does not exist yet: `run-4-export-3.zip`, then `-2`."""
    stem = f"run-{export.run_id}-export-{export.export_id}"
    file, n = workspace.exports_dir / f"{stem}{suffix}", 1
    while file.exists():
        n += 1
        file = workspace.exports_dir / f"{stem}-{n}{suffix}"
    return file


def made(workspace: Workspace, export_id: int, *, is_page: bool = False) -> list[Job]:
    """Return the jobs that bundle or have bundled an export, or that write its page, the newest first."""
    found = []
    for job in queue.list_jobs(workspace):
        if job.kind == BundleArguments.kind and job.arguments is not None:
            arguments = job.arguments_as(BundleArguments)
            if (arguments.export_id, arguments.is_page) == (export_id, is_page):
                found.append(job)
    return found


def model_facts(
    workspace: Workspace, run: Run, *, names_people: bool = False, intended_use: str = "", actor: str
) -> ModelFacts:
    """Return what the workspace knows about a run. It looks at no test score that was not shown before."""
    items = snapshots.items(workspace, run.snapshot_digest)
    split = "cv" if run.is_cross_validated else "valid"
    valid = _scored(workspace, run, split, actor)
    return ModelFacts(
        title=f"{run.snapshot_name or 'Images'}, run {run.run_id}",
        score=_score(valid),
        accuracy=valid.accuracy if valid else None,
        test_score=_test_score(workspace, run),
        other_figures=_other_figures(workspace, run, valid),
        confusion=valid.confusion if valid else None,
        classes=_classes(run, items, valid),
        sources=origins.n_by_source(workspace, run.snapshot_id),
        licences=n_by_licence(of_snapshot(workspace, run.snapshot_id)),
        recipe=run.recipe,
        snapshot=run.snapshot_digest,
        weights=_weights(run),
        warnings=[*(each.text for each in run.warnings), *(valid.warnings if valid else [])],
        intended_use=intended_use,
        names_people=names_people,
    )


def _scored(workspace: Workspace, run: Run, split: str, actor: str) -> EvaluationReport | None:
    try:
        return report.evaluate(workspace, run.run_id, split=split, actor=actor)
    except PeakidError:  # Without predictions for that split, the card says that there is no figure.
        return None


def _score(scored: EvaluationReport | None) -> str:
    return score_text.score(scored.accuracy, scored.accuracy_interval, scored.n_images) if scored else ""


def _test_score(workspace: Workspace, run: Run) -> str:
    """Return the test score if someone has looked at it before: showing it first here would be a look."""
    if not run.n_test_looks:
        return ""
    try:
        found = figures.of_run(workspace, run, "test")
    except PeakidError:
        found = None
    shown = f"{_score(found.scored)}; " if found else ""
    times = "once" if run.n_test_looks == 1 else f"{run.n_test_looks:,} times"
    return f"{shown}looked at {times}"


def _other_figures(workspace: Workspace, run: Run, valid: EvaluationReport | None) -> dict[str, str]:
    """Return what else the validation images say, and what the threshold does to them."""
    if valid is None:
        return {}
    found = {f"always {valid.majority_class}": score_text.percent(valid.majority_accuracy)}
    if valid.top5_accuracy is not None:
        found["right class among the first five"] = score_text.percent(valid.top5_accuracy)
    found["calibration error (ECE; 0 = calibrated)"] = f"{valid.ece:.3f}"
    point = operating_points.of_run(workspace, run.run_id)
    coverage = operating_point.on_validation(workspace, run.run_id, point) if point else None
    if coverage is not None:
        found[f"answered at the threshold {coverage.threshold:.2f}"] = score_text.score(
            coverage.coverage, coverage.coverage_interval, coverage.n_images
        )
        found["accuracy of these answers"] = score_text.score(
            coverage.accuracy, coverage.accuracy_interval, coverage.n_answered
        )
    return found


def _classes(run: Run, items: list[SnapshotItem], scored: EvaluationReport | None) -> list[ClassFacts]:
    counts = Counter((item.label, item.split) for item in items)
    recalls: Mapping[str, str] = {}
    if scored:
        recalls = {
            each.class_name: score_text.score(each.recall, each.recall_interval, each.support)
            for each in scored.per_class
        }
    return [
        ClassFacts(
            name,
            counts[name, "train"],
            counts[name, "valid"],
            counts[name, "test"],
            recalls.get(name, ""),
        )
        for name in run.class_names
    ]


def _weights(run: Run) -> str:
    weights = run.starting_weights
    if weights is None or not weights.is_pretrained:
        return "random weights"
    licence = next((text for part, text in LICENCES.items() if part in weights.file_name), OTHER_LICENCE)
    return f"{run.started_from}. Licence of these weights: {licence}"

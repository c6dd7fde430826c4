"""The task of each kind of job, from its arguments to its result. Imported only in a job's process."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from peakid import paths, store_urls
from peakid.acquire import archive, folder, table, verification
from peakid.acquire.objects import importing
from peakid.acquire.tables.columns import ColumnChoice
from peakid.curate import scan
from peakid.errors import BadInput
from peakid.jobs import bundling, embedding, refusals, search
from peakid.jobs.albums import sorting
from peakid.jobs.arguments import (
    ExportArguments,
    ImportArguments,
    TtaArguments,
)
from peakid.jobs.collecting import browsing, retraining
from peakid.jobs.collecting import job as collecting_job
from peakid.jobs.evaluation import figures, heat_maps, open_set
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.results import (
    ExportResult,
    ImportResult,
    ScanResult,
    TtaResult,
    VerifyResult,
)
from peakid.jobs.tasks import (
    calibration,
    changed_copies,
    curve_trainings,
    embedding_tasks,
    map_jobs,
    proof_images,
    training_tasks,
)
from peakid.recipe import tta_views
from peakid.records import ImportReport, Report, Run
from peakid.store import comparisons, exports, images, run_predictions, runs, tombstones
from peakid.store.evaluation import operating_points
from peakid.store.objects import waiting
from peakid.store.workspace import Workspace, now
from peakid.store_urls import StoreUrl

MAX_LISTED = 100  # A disk that lost everything would otherwise put a million rows into one result.


def run(work: Work) -> None:
    """Run the task of a job.

    Raises:
        BadInput: If this version does not know the kind of job or its arguments.
        Cancelled: If the task stopped because the job was cancelled.
    """
    if work.kind not in TASKS or work.arguments is None:
        raise BadInput(f"Unknown kind of job {work.kind!r}.", f"Known kinds are {', '.join(TASKS)}.")
    with waiting.told(functools.partial(_say_waiting, work)):
        TASKS[work.kind](work)


def _say_waiting(work: Work, message: str) -> None:
    if work.should_stop():
        raise Cancelled
    work.say(message)


def score_with_tta(work: Work) -> None:
    """Average a run's predictions over views of each image; the plain predictions stay as they are."""
    arguments = work.arguments_as(TtaArguments)
    run, n_views = runs.show(work.workspace, arguments.run_id), arguments.n_views
    refusals.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn import start, tta
    from peakid.learn.batches.data import Stopped

    views = tta_views.of(n_views, is_mirrored=run.recipe.get("is_mirrored", False))
    device = start.find_device("cpu" if run.recipe.get("device") == "cpu" else "auto")
    predicted: dict[str, tuple[list[str], np.ndarray]] = {}
    try:
        for split, (digests, expected) in _scored(work.workspace, run.run_id).items():
            pred_probs = tta.pred_probs(
                runs.folder(work.workspace, run.run_id),
                digests,
                expected=expected,
                views=views,
                read=lambda digest: images.read_bytes(work.workspace, digest),
                device=device,
                report=work.report,
                should_stop=work.should_stop,
            )
            predicted[split] = digests, pred_probs
    except Stopped as error:
        raise Cancelled from error
    run_predictions.add_tta(work.workspace, run.run_id, predicted, n_views=n_views)
    n_images = {split: len(digests) for split, (digests, _) in predicted.items()}
    work.note(TtaResult(run_id=run.run_id, n_views=n_views, n_images=n_images))


def export(work: Work) -> None:
    """Export a run's model and verify it on the run's validation images."""
    arguments = work.arguments_as(ExportArguments)
    run = runs.show(work.workspace, arguments.run_id)
    refusals.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn.export import export as exporting

    proven = proof_images.of(work.workspace, run)
    learned, labels = proof_images.learned(work.workspace, run)
    out = Path(arguments.out or _new_folder(work.workspace, run.run_id))
    point = operating_points.of_run(work.workspace, run.run_id)
    proof = exporting.export(
        runs.folder(work.workspace, run.run_id),
        formats=list(arguments.formats),
        out=out,
        images=proof_images.read(work.workspace, proven.digests),
        pred_probs=proven.pred_probs,
        facts=_facts(work.workspace, run),
        report=_stopping_report(work),
        training_images=lambda: calibration.training_images(work.workspace, run),
        temperature=point.temperature if point else 1.0,
        given_labels=proven.given_labels,
        n_valid=proven.n_valid,
        interval=proven.interval,
        learned=exporting.TrainingImages(labels, lambda: proof_images.read(work.workspace, learned)),
    )
    kept = exports.add(
        work.workspace,
        run_id=run.run_id,
        path=out,
        files=proof.files,
        parity=proof.parity,
        figures=proof.figures,
    )
    work.note(
        ExportResult(
            export_id=kept.export_id,
            path=kept.path,
            files=tuple(kept.files),
            parity=kept.parity,
            figures=kept.figures,
        )
    )


def verify(work: Work) -> None:
    """Read every image and compare its bytes with its digest; find moved files."""
    found = verification.verify(work.workspace, actor=work.actor, report=_stopping_report(work))
    work.note(
        VerifyResult(
            n_images=found.n_images,
            n_damaged=len(found.damaged),
            damaged=tuple(found.damaged[:MAX_LISTED]),
            n_moved=len(found.moved),
            moved=tuple(found.moved[:MAX_LISTED]),
            n_redrawn=found.n_redrawn,
            database=tuple(found.database),
            losses=tuple(found.losses),
            n_unknown=found.n_unknown,
            notes=tuple(found.notes),
        )
    )


def scan_images(work: Work) -> None:
    """Scan for duplicates and image issues. A resumed job continues where it stopped."""
    work.note(ScanResult(scan=scan.scan(work.workspace, report=_stopping_report(work))))
    embedding.embed_new(work.workspace, settings=work.settings, actor=work.actor)


def import_images(work: Work) -> None:
    """Import a folder, zip archive or table, then scan for duplicates and image issues.

    A resumed job imports everything again: images that are already stored are recognised by their digest.
    """
    arguments, report = work.arguments_as(ImportArguments), _stopping_report(work)
    imported = _imported(work, arguments, report)
    result = ImportResult(
        n_added=imported.n_added,
        n_known=imported.n_known,
        n_rejected=imported.n_rejected,
        rejections=tuple(imported.rejections[:MAX_LISTED]),
        seconds=imported.seconds,
        reading=imported.reading,
        n_mended=imported.n_mended,
    )
    work.note(result)
    work.note(replace(result, scan=scan.scan(work.workspace, report=report)))
    path = store_urls.place(arguments.path)
    if isinstance(path, Path) and paths.is_below(path, work.workspace.uploads_dir):
        # Its images are stored now. The upload of a failed import stays, so that it can be resumed.
        path.unlink(missing_ok=True)
    embedding.embed_new(work.workspace, settings=work.settings, actor=work.actor)


TASKS: dict[str, Callable[[Work], None]] = {
    "train": training_tasks.train,
    "lr-find": training_tasks.find_rate,
    "sweep": training_tasks.sweep,
    "attribute": training_tasks.attribute,
    "tta": score_with_tta,
    "estimate": training_tasks.estimate,
    "export": export,
    "bundle": bundling.run_job,
    "verify": verify,
    "scan": scan_images,
    "changed-copies": changed_copies.search,
    "import": import_images,
    "collect": collecting_job.run,
    "retrain": retraining.run_job,
    "browse": browsing.run,
    "map": map_jobs.run,
    "embed": embedding_tasks.embed,
    "similar": search.run_similar,
    "name-images": search.run_names,
    "evaluate": figures.run,
    "open-set": open_set.run_open_set,
    "learning-curve": curve_trainings.run,
    "heat-maps": heat_maps.run_job,
    "preview-albums": sorting.run_preview,
    "write-albums": sorting.run_write,
    "undo-albums": sorting.run_undo,
}


def _imported(work: Work, arguments: ImportArguments, report: Report) -> ImportReport:
    path = store_urls.place(arguments.path)
    if isinstance(path, StoreUrl):
        return importing.import_store(work.workspace, path, actor=work.actor, report=report)
    if arguments.source == "folder":
        within = None if arguments.links_within is None else Path(arguments.links_within)
        return folder.import_folder(
            work.workspace,
            path,
            in_place=arguments.in_place,
            links=folder.Links(arguments.follow_links, within),
            actor=work.actor,
            report=report,
        )
    if arguments.source == "zip":
        return archive.import_zip(work.workspace, path, actor=work.actor, report=report)
    root = Path(arguments.root or path.parent)
    columns = ColumnChoice(arguments.path_column, arguments.label_column, arguments.split_column)
    return table.import_csv(work.workspace, path, root=root, columns=columns, actor=work.actor, report=report)


def _scored(workspace: Workspace, run_id: int) -> dict[str, tuple[list[str], np.ndarray]]:
    """Return digests and pred_probs of validation and test, without images that were forgotten since.

    A model that was refitted on the validation images has no score on them.
    """
    found, forgotten = {}, set(tombstones.digests(workspace))
    is_refit = run_predictions.has_pred_probs(workspace, run_id, run_predictions.REFIT)
    for split in ("test",) if is_refit else ("valid", "test"):
        if run_predictions.has_pred_probs(workspace, run_id, split):
            digests, pred_probs = run_predictions.pred_probs(workspace, run_id, split)
            rows = [row for row, digest in enumerate(digests) if digest not in forgotten]
            found[split] = [digests[row] for row in rows], np.asarray(pred_probs)[rows]
    return found


def _facts(workspace: Workspace, run: Run) -> dict[str, Any]:
    """Return the provenance of a model for the card in its export."""
    compared = comparisons.of_snapshot(workspace, run.snapshot_id)
    point = operating_points.of_run(workspace, run.run_id)
    return {
        "threshold": point.threshold if point else 0.0,
        "temperature": 1.0,  # The files apply the one of their card themselves.
        "accuracy_target": point.target if point else None,
        "n_images": compared.n_images,
        "n_compared": compared.n_compared,
        "n_not_compared": compared.n_missing,
        "leaks": compared.finding,
        "run_id": run.run_id,
        "snapshot": run.snapshot_digest,
        "snapshot_name": run.snapshot_name,
        "seed": run.seed,
        "best_epoch": run.best_epoch,
        "valid_metrics": run.metrics,
        "code_version": run.code_version,
        "trained_at": run.created_at,
        "exported_at": now(),
    }


def _new_folder(workspace: Workspace, run_id: int) -> Path:
    """Return a folder that does not exist yet. Exports run one after the other, so no other job takes it."""
    folder, n = workspace.exports_dir / f"run-{run_id}", 1
    while folder.exists():
        n += 1
        folder = workspace.exports_dir / f"run-{run_id}-{n}"
    return folder


def _stopping_report(work: Work) -> Report:
    """Return a report that raises `Cancelled` if the job was cancelled, for tasks without partial results."""

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    return report

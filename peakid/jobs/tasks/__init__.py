"""The task of each kind of job, from its arguments to its result. Imported only in a job's process."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from peakid import paths, store_urls
from peakid.acquire import archive, folder, table, verification
from peakid.acquire.objects import importing
from peakid.acquire.tables.columns import ColumnChoice
from peakid.curate import scan
from peakid.engines.records import Stopped
from peakid.errors import BadInput
from peakid.jobs import bundling, embedding, search
from peakid.jobs.albums import sorting
from peakid.jobs.arguments import ImportArguments
from peakid.jobs.collecting import browsing, retraining
from peakid.jobs.collecting import job as collecting_job
from peakid.jobs.evaluation import averaging, figures, heat_maps, open_set
from peakid.jobs.from_embeddings import index as index_job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.maps import measuring
from peakid.jobs.results import ImportResult, ScanResult, VerifyResult
from peakid.jobs.tasks import (
    changed_copies,
    curve_trainings,
    embedding_tasks,
    exporting,
    map_jobs,
    training_tasks,
)
from peakid.records import ImportReport, Report
from peakid.store.objects import waiting
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
    try:
        used = measuring.before_scan(
            work.workspace,
            work.settings,
            report=work.report,
            should_stop=work.should_stop,
            on_death=work.log,
        )
    except Stopped as error:
        raise Cancelled from error
    work.note(ScanResult(scan=scan.scan(work.workspace, report=_stopping_report(work)), engine=used))
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
    "tta": averaging.run_job,
    "estimate": training_tasks.estimate,
    "export": exporting.run_job,
    "bundle": bundling.run_job,
    "verify": verify,
    "scan": scan_images,
    "changed-copies": changed_copies.search,
    "import": import_images,
    "collect": collecting_job.run,
    "retrain": retraining.run_job,
    "browse": browsing.run,
    "map": map_jobs.run,
    "index-neighbours": index_job.run,
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


def _stopping_report(work: Work) -> Report:
    """Return a report that raises `Cancelled` if the job was cancelled, for tasks without partial results."""

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    return report

"""Jobs that preview the albums of a folder, write them, and take them back."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from peakid.acquire import not_photos, reading, roots
from peakid.engines import opening, shard_files
from peakid.engines.records import EngineUse, Stopped
from peakid.engines.shard_files import ShardFiles
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs.albums.arguments import PreviewAlbumsArguments, UndoAlbumsArguments, WriteAlbumsArguments
from peakid.jobs.albums.results import PreviewAlbumsResult, UndoAlbumsResult, WriteAlbumsResult
from peakid.jobs.job import Job
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.maps import sorting as mapped
from peakid.jobs.queueing import queued
from peakid.records import Export, Report
from peakid.serve.albums import photos, placing, plan, previews, writing
from peakid.serve.albums.journal import Mode
from peakid.serve.albums.photos import PredictedPhoto, Unreadable
from peakid.serve.albums.plan import AlbumPlan, AlbumRules
from peakid.serve.albums.preview_file import Preview
from peakid.serve.predictor import Predictor
from peakid.store import exports
from peakid.store.workspace import Workspace

MAX_LISTED = 100


def preview(
    workspace: Workspace,
    export_id: int,
    folder: Path,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the prediction of the photos of a folder. What was predicted before is not predicted again.

    Raises:
        NotFound: If there is no such export.
        BadInput: If there is no such folder, or it has no photo.
        NotPhotos: If the folder is a workspace, a backup or an export.
    """
    exports.folder(exports.show(workspace, export_id))
    path = reading.checked_folder(folder)
    not_photos.refuse_folder(path)
    photos.checked_photos(path)
    arguments = PreviewAlbumsArguments(export_id=export_id, folder=str(path))
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def write(
    workspace: Workspace,
    key: str,
    out: Path,
    rules: AlbumRules,
    *,
    mode: Mode = "copy",
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue the writing of the albums of a preview into a folder.

    Args:
        key: Of the preview.
        rules: The albums that a person gave photos are taken from the workspace.

    Raises:
        NotFound: If there is no such preview.
        BadInput: If the preview is not complete, a group names a class that the model does not know, or as
            `writing.check`; also if photos are to be moved that a workspace reads from their place.
    """
    found = checked_preview(workspace, key)
    plan.make(found.photos, rules)
    writing.check(found.photos.folder, out, mode)
    if mode == "move":
        _refuse_read_in_place(workspace, found.photos.folder)
    arguments = WriteAlbumsArguments(
        preview=key,
        out=str(out),
        mode=mode,
        threshold=rules.threshold,
        groups=dict(rules.groups),
        is_nested=rules.is_nested,
        keeps_twins=rules.keeps_twins,
        others_unfamiliar=rules.others_unfamiliar,
    )
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def take_back(
    workspace: Workspace,
    out: Path,
    *,
    settings: JobSettings | None = None,
    request_id: str | None = None,
    actor: str = "",
) -> Job:
    """Queue taking back what was sorted into a folder.

    Raises:
        BadInput: If nothing was sorted into it.
    """
    writing.checked_journal(out)
    arguments = UndoAlbumsArguments(out=str(out))
    return queued(workspace, arguments, "cpu", settings=settings, request_id=request_id, actor=actor)


def planned(workspace: Workspace, found: Preview, rules: AlbumRules) -> AlbumPlan:
    """Return the album of every photo of a preview, with those that a person gave.

    Raises:
        BadInput: If a group names a class that the model does not know, or two groups share one.
    """
    return plan.make(found.photos, placing.with_placed(workspace, found, rules))


def checked_preview(workspace: Workspace, key: str) -> Preview:
    """Return a complete preview.

    Raises:
        NotFound: If there is no such preview.
        BadInput: If its prediction was stopped.
    """
    found = previews.show(workspace, key)
    if not found.is_complete:
        raise BadInput(f"The preview of {found.photos.folder} was stopped.", "Preview the folder again.")
    return found


def run_preview(work: Work) -> None:
    """Predict the photos that are new."""
    arguments = work.arguments_as(PreviewAlbumsArguments)
    export = exports.show(work.workspace, arguments.export_id)
    work.report("Loading the model", 0, 0, "")
    predictor = Predictor(exports.folder(export), n_threads=1)
    folder = Path(arguments.folder)
    used: EngineUse | None = None
    if opening.is_used(work.settings):
        found, n_new, used = _in_engine(work, export, predictor, folder)
    else:
        found, n_new = previews.predict(work.workspace, export, predictor, folder, report=_stopping(work))
    work.note(
        PreviewAlbumsResult(
            preview=found.key,
            export_id=export.export_id,
            folder=arguments.folder,
            n_photos=len(found.photos.paths),
            n_new=n_new,
            n_unreadable=len(found.photos.unreadable),
            engine=used,
        )
    )


def _in_engine(
    work: Work, export: Export, predictor: Predictor, folder: Path
) -> tuple[Preview, int, EngineUse]:
    """Predict the photos that are new in the workers of an engine."""
    kept = ShardFiles(shard_files.folder_of(work.workspace))
    with opening.opened(work.settings, on_death=work.log) as engine:

        def predict_files(
            paths: Sequence[str], n_before: int
        ) -> Iterable[tuple[list[PredictedPhoto], list[Unreadable]]]:
            return mapped.predict_files(
                engine,
                kept,
                exports.folder(export),
                folder,
                paths,
                n_before=n_before,
                report=work.report,
                should_stop=work.should_stop,
            )

        try:
            found, n_new = previews.predict(
                work.workspace, export, predictor, folder, predict_files=predict_files
            )
        except Stopped as error:
            raise Cancelled from error
        return found, n_new, engine.use()


def run_write(work: Work) -> None:
    """Write the albums. What a job wrote before it failed stays; another one continues, or takes it back."""
    arguments = work.arguments_as(WriteAlbumsArguments)
    found = checked_preview(work.workspace, arguments.preview)
    rules = AlbumRules(
        arguments.threshold,
        arguments.groups,
        arguments.is_nested,
        keeps_twins=arguments.keeps_twins,
        others_unfamiliar=arguments.others_unfamiliar,
    )
    made = planned(work.workspace, found, rules)
    out = Path(arguments.out)
    done = writing.write(made, found.photos.folder, out, mode=arguments.mode, report=_stopping(work))
    work.note(
        WriteAlbumsResult(
            preview=arguments.preview,
            out=arguments.out,
            mode=arguments.mode,
            albums=made.counts(),
            n_made=done.n_made,
            n_kept=done.n_kept,
            n_removed=done.n_removed,
            n_left=len(done.left),
            left=done.left[:MAX_LISTED],
        )
    )


def run_undo(work: Work) -> None:
    """Take albums back. A cancelled job leaves the rest, and another one continues."""
    out = Path(work.arguments_as(UndoAlbumsArguments).out)
    done = writing.undo(out, report=_stopping(work))
    work.note(
        UndoAlbumsResult(
            out=str(out),
            n_removed=done.n_removed,
            n_left=len(done.left),
            left=done.left[:MAX_LISTED],
        )
    )


def _refuse_read_in_place(workspace: Workspace, folder: Path) -> None:
    for root in roots.list_roots(workspace, is_in_place=True):
        place = Path(root.path)
        if place.is_relative_to(folder) or folder.is_relative_to(place):
            raise BadInput(
                f"The photos of {folder} cannot be moved: images of this workspace stay in {root.path} and"
                " are read from there.",
                "Use copies or links.",
            )


def _stopping(work: Work) -> Report:
    """Return a report that raises `Cancelled` once the job was cancelled."""

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    return report

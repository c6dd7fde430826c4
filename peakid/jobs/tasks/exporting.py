"""The task that exports a run's model, proven on its validation images. Imported only in a job's process."""

import contextlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakid.engines import opening
from peakid.engines.records import Stopped
from peakid.errors import ParityBroken
from peakid.jobs import refusals
from peakid.jobs.arguments import ExportArguments
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.maps.proving import Prover
from peakid.jobs.results import ExportResult
from peakid.jobs.tasks import calibration, proof_images
from peakid.jobs.tasks.proof_images import ProofImages
from peakid.records import Report, Run
from peakid.store import comparisons, exports, runs
from peakid.store.evaluation import operating_points
from peakid.store.workspace import Workspace, now

if TYPE_CHECKING:
    from peakid.learn.export.export import ExportProof


def run_job(work: Work) -> None:
    """Export the model of a run and verify it, in the workers of an engine where the settings name one."""
    arguments = work.arguments_as(ExportArguments)
    run = runs.show(work.workspace, arguments.run_id)
    refusals.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    out = Path(arguments.out or _new_folder(work.workspace, run.run_id))
    proven, learned = proof_images.of(work.workspace, run), proof_images.learned(work.workspace, run)
    with _prover(work, proven.digests, learned[0]) as prover:
        proof = _exported(work, run, out, proven, learned, prover)
        used = prover.engine.use() if prover else None
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
            engine=used,
        )
    )


@contextlib.contextmanager
def _prover(work: Work, digests: Sequence[str], learned: Sequence[str]) -> Generator[Prover | None]:
    """Yield what runs the files in an engine; None where the job does it in one process of this machine.

    The results of a job that was stopped stay on the disk; those of an export that was published or refused
    go: they were compared.
    """
    if not opening.is_used(work.settings):
        yield None
        return
    with opening.opened(work.settings, ahead=0, on_death=work.log) as engine:
        prover = Prover(work.workspace, engine, digests, learned, _stopping(work), work.should_stop)
        try:
            yield prover
        except Stopped as error:
            raise Cancelled from error
        except ParityBroken:
            prover.forget()
            raise
        prover.forget()


def _exported(
    work: Work,
    run: Run,
    out: Path,
    proven: ProofImages,
    learned: tuple[Sequence[str], Sequence[str]],
    prover: Prover | None,
) -> "ExportProof":
    from peakid.learn.export import export as exporting

    digests, labels = learned
    point = operating_points.of_run(work.workspace, run.run_id)
    return exporting.export(
        runs.folder(work.workspace, run.run_id),
        formats=list(work.arguments_as(ExportArguments).formats),
        out=out,
        images=proof_images.read(work.workspace, proven.digests),
        pred_probs=proven.pred_probs,
        facts=_facts(work.workspace, run),
        report=_stopping(work),
        training_images=lambda: calibration.training_images(work.workspace, run),
        temperature=point.temperature if point else 1.0,
        given_labels=proven.given_labels,
        n_valid=proven.n_valid,
        interval=proven.interval,
        learned=exporting.TrainingImages(labels, lambda: proof_images.read(work.workspace, digests)),
        check=prover.check if prover else None,
    )


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


def _stopping(work: Work) -> Report:
    """Return a report that raises `Cancelled` if the job was cancelled: a half export is of no use."""

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    return report

"""The job of test-time augmentation: it averages a run's predictions over views of each image."""

from collections.abc import Mapping, Sequence

import numpy as np

from peakid.engines import opening
from peakid.engines.mapping import Done
from peakid.engines.records import EngineUse, Stopped
from peakid.jobs import refusals
from peakid.jobs.arguments import TtaArguments
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.maps import averaging, run_units
from peakid.jobs.results import TtaResult
from peakid.recipe import tta_views
from peakid.recipe.tta_views import TtaView
from peakid.records import Run
from peakid.store import images, run_predictions, runs, tombstones
from peakid.store.workspace import Workspace

Scored = Mapping[str, tuple[list[str], np.ndarray]]
"""By split: the digests of its n images, and probabilities of them, float32 (n, K)."""


def run_job(work: Work) -> None:
    """Average the predictions of validation and test. The plain ones stay as they are."""
    arguments = work.arguments_as(TtaArguments)
    run, n_views = runs.show(work.workspace, arguments.run_id), arguments.n_views
    refusals.refuse_without_model(run)
    views = tta_views.of(n_views, is_mirrored=run.recipe.get("is_mirrored", False))
    work.report("Loading libraries", 0, 0, "torch")
    plain, used, finished = _scored(work.workspace, run.run_id), None, list[Done]()
    if opening.is_used(work.settings):
        predicted, used, finished = _in_engine(work, run, views, plain)
    else:
        predicted = _here(work, run, views, plain)
    run_predictions.add_tta(work.workspace, run.run_id, predicted, n_views=n_views)
    for each in finished:
        each.forget()
    n_images = {split: len(digests) for split, (digests, _) in predicted.items()}
    work.note(TtaResult(run_id=run.run_id, n_views=n_views, n_images=n_images, engine=used))


def _here(work: Work, run: Run, views: Sequence[TtaView], plain: Scored) -> Scored:
    """Return the averaged probabilities, computed in this process."""
    from peakid.learn import start, tta
    from peakid.learn.batches import data

    device, found = start.find_device(run_units.device_of(run)), {}
    try:
        for split, (digests, expected) in plain.items():
            averaged = tta.pred_probs(
                runs.folder(work.workspace, run.run_id),
                digests,
                expected=expected,
                views=views,
                read=lambda digest: images.read_bytes(work.workspace, digest),
                device=device,
                report=work.report,
                should_stop=work.should_stop,
            )
            found[split] = digests, averaged
    except data.Stopped as error:
        raise Cancelled from error
    return found


def _in_engine(
    work: Work, run: Run, views: Sequence[TtaView], plain: Scored
) -> tuple[Scored, EngineUse, list[Done]]:
    """Return what `_here` does, what the engine was used for, and the shards to forget once it is stored."""
    found, finished = {}, list[Done]()
    work.report(f"Starting the engine {work.settings.engine}", 0, 0, "")
    uses_gpu = run_units.device_of(run) == "auto"
    with opening.opened(work.settings, uses_gpu=uses_gpu, on_death=work.log) as engine:
        try:
            for split, (digests, expected) in plain.items():
                averaged, some = averaging.pred_probs(
                    work.workspace,
                    engine,
                    run,
                    digests,
                    views,
                    expected=expected,
                    report=work.report,
                    should_stop=work.should_stop,
                )
                found[split] = digests, averaged
                finished += some
        except Stopped as error:
            raise Cancelled from error
        return found, engine.use(), finished


def _scored(workspace: Workspace, run_id: int) -> Scored:
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

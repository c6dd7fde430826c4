"""What each kind of job does, from its arguments to its result. Imported only in a job's process."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from peakid import settings
from peakid.acquire import archive, folder, table, verification
from peakid.curate import scan
from peakid.dataset import snapshot as snapshots
from peakid.errors import BadInput
from peakid.jobs import submit
from peakid.jobs import sweep as sweeps
from peakid.jobs.ledger import Cancelled, Work
from peakid.recipe import loading as recipes
from peakid.recipe import run_files, tta_views
from peakid.recipe.recipe import Recipe
from peakid.records import ImportReport, Report, Run, Snapshot, SnapshotItem
from peakid.run_records import StartingWeights
from peakid.store import exports, images, runs, tombstones
from peakid.store.workspace import Workspace, now

if TYPE_CHECKING:
    from peakid.learn.batches.data import TrainingImages
    from peakid.learn.train import TrainResult

MAX_TOLD = 100  # A disk that lost everything would otherwise put a million rows into one result.


def run(work: Work) -> None:
    """Do what the job asks.

    Raises:
        BadInput: If there is no such kind of job.
        Cancelled: If it stopped because it was asked to.
    """
    if work.kind not in TASKS:
        raise BadInput(f"There is no kind of job named {work.kind!r}.", f"There are: {', '.join(TASKS)}.")
    TASKS[work.kind](work)


def train(work: Work) -> None:
    """Train on a snapshot: arguments `snapshot` (digest) and `recipe`; the result names the run.

    A job that is resumed goes on with its run, from the newest checkpoint in the run's folder.
    """
    frozen = snapshots.show(work.workspace, work.arguments["snapshot"])
    recipe = Recipe.model_validate(work.arguments["recipe"])
    submit.refuse_leaks(frozen, recipe)
    _train(work, frozen, recipe, earlier=runs.of_job(work.workspace, work.job_id), report=work.report)


def sweep(work: Work) -> None:
    """Try combinations of settings, each as a run: arguments as of `train`, `tried` and `minutes`; see jobs/sweep.py for the result."""
    frozen = snapshots.show(work.workspace, work.arguments["snapshot"])
    recipe = Recipe.model_validate(work.arguments["recipe"])
    submit.refuse_leaks(frozen, recipe)
    sweeps.run(
        work, recipe, lambda each, earlier, report: _train(work, frozen, each, earlier=earlier, report=report)
    )


def score_with_views(work: Work) -> None:
    """Average a run's answers over views of each image: arguments `run_id` and `n_views`; stored beside the plain answers."""
    run, n_views = runs.show(work.workspace, work.arguments["run_id"]), work.arguments["n_views"]
    submit.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn import start, tta
    from peakid.learn.batches.data import Stopped

    asked: dict[str, Any] = {
        "views": tta_views.of(n_views, is_mirrored=run.recipe.get("is_mirrored", False)),
        "read": lambda digest: images.read_bytes(work.workspace, digest),
        "device": start.find_device("cpu" if run.recipe.get("device") == "cpu" else "auto"),
        "report": work.report,
        "should_stop": work.should_stop,
    }
    answers = {}
    try:
        for split, (digests, expected) in _scored(work.workspace, run.run_id).items():
            answers[split] = (
                digests,
                tta.pred_probs(runs.folder(work.workspace, run.run_id), digests, expected=expected, **asked),
            )
    except Stopped as error:
        raise Cancelled from error
    runs.add_tta(work.workspace, run.run_id, answers, n_views=n_views)
    work.note(
        run_id=run.run_id,
        n_views=n_views,
        n_images={split: len(digests) for split, (digests, _) in answers.items()},
    )


def find_rate(work: Work) -> None:
    """Measure which learning rates a recipe bears: arguments as of `train`; the result holds curve and suggestions."""
    work.report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import train as training

    found = _measured(work, training.find_rate, _asked_images(work))
    work.note(suggestions=found.suggestions, rates=found.rates, losses=found.losses)


def estimate(work: Work) -> None:
    """Measure what a training would take: arguments as of `train`; the result holds times, memory and the images as the model sees them."""
    work.report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import estimate as estimating

    asked = _asked_images(work)
    found, folder = _measured(work, estimating.estimate, asked), runs.seen_folder(work.workspace, work.job_id)
    costs = ("name", "epochs", "image_size_px", "batch_size", "epoch_s", "extra_s", "memory_mb")
    whole = ("seconds", "memory_mb", "decode_s", "predict_s", "device", "notes")
    work.note(
        pretrained=found.starting_weights.text(),
        **{name: getattr(found, name) for name in whole},
        phases=[{name: getattr(phase, name) for name in costs} for phase in found.phases],
        seen=estimating.write_images(found, asked, folder),
        folder=str(folder.relative_to(work.workspace.path)),
    )


def _asked_images(work: Work) -> "TrainingImages":
    frozen = snapshots.show(work.workspace, work.arguments["snapshot"])
    return _training_images(
        work.workspace, snapshots.items(work.workspace, frozen.digest), frozen.class_names
    )


def _measured(work: Work, measure: Callable[..., Any], asked: "TrainingImages") -> Any:
    """Let `measure` work on the job's images and recipe; one that is stopped has nothing to keep."""
    from peakid.learn.batches.data import Stopped

    try:
        return measure(
            asked,
            _with_weights(work.workspace, Recipe.model_validate(work.arguments["recipe"])),
            cache_dir=work.workspace.cache_dir,
            weights_dir=settings.current().weights,
            report=work.report,
            should_stop=work.should_stop,
        )
    except Stopped as error:
        raise Cancelled from error


def export(work: Work) -> None:
    """Export a run's model: arguments `run_id`, `formats` and `out` (a folder or None); the result is the export."""
    run = runs.show(work.workspace, work.arguments["run_id"])
    submit.refuse_without_model(run)
    work.report("Loading libraries", 0, 0, "torch")
    from peakid.learn.network import export as exporting

    digests, pred_probs = runs.pred_probs(work.workspace, run.run_id, "valid")
    out = Path(work.arguments["out"] or _free_folder(work.workspace, run.run_id))
    proof = exporting.export(
        runs.folder(work.workspace, run.run_id),
        formats=work.arguments["formats"],
        out=out,
        images=_with_bytes(work.workspace, digests),
        pred_probs=np.asarray(pred_probs),
        facts=_facts(run),
        report=_stopping_report(work),
    )
    kept = exports.add(work.workspace, run_id=run.run_id, path=out, files=proof.files, parity=proof.parity)
    work.note(export_id=kept.export_id, path=kept.path, files=kept.files, parity=kept.parity)


def verify(work: Work) -> None:
    """Read every image and compare its bytes with its digest; the result counts and names the damaged and the moved."""
    found = verification.verify(work.workspace, actor=work.actor, report=_stopping_report(work))
    work.note(
        n_images=found.n_images,
        n_damaged=len(found.damaged),
        damaged=[asdict(one) for one in found.damaged[:MAX_TOLD]],
        n_moved=len(found.moved),
        moved=[asdict(one) for one in found.moved[:MAX_TOLD]],
        n_redrawn=found.n_redrawn,
    )


def import_images(work: Work) -> None:
    """Import a folder, zip or table, then scan: arguments as `submit.import_images` writes them; the result counts both.

    One that was cut short is resumed by importing again: what is held already is known by its digest.
    """
    report = _stopping_report(work)
    brought = _imported(work, report)
    work.note(**asdict(brought) | {"rejections": [asdict(row) for row in brought.rejections[:MAX_TOLD]]})
    found = scan.scan(work.workspace, report=report)
    work.note(scan=asdict(found))
    path = Path(work.arguments["path"])
    if path.is_relative_to(
        work.workspace.uploads_dir
    ):  # Its images are stored; one that failed stays, to be tried again.
        path.unlink(missing_ok=True)


TASKS: dict[str, Callable[[Work], None]] = {
    "train": train,
    "lr-find": find_rate,
    "sweep": sweep,
    "tta": score_with_views,
    "estimate": estimate,
    "export": export,
    "verify": verify,
    "import": import_images,
}


def _imported(work: Work, report: Report) -> ImportReport:
    path, source = Path(work.arguments["path"]), work.arguments["source"]
    if source == "folder":
        return folder.import_folder(
            work.workspace, path, in_place=work.arguments["in_place"], actor=work.actor, report=report
        )
    if source == "zip":
        return archive.import_zip(work.workspace, path, actor=work.actor, report=report)
    root = Path(work.arguments["root"] or path.parent)
    return table.import_csv(work.workspace, path, root=root, actor=work.actor, report=report)


def _train(work: Work, frozen: Snapshot, recipe: Recipe, *, earlier: Run | None, report: Report) -> int:
    """Make a run of a recipe, or go on with the earlier one; answer its id.

    Raises:
        Cancelled: If someone asked for that; the best epoch so far is kept.
    """
    report("Loading libraries", 0, 0, "torch and fastai")
    from peakid.learn import train as training  # Costs seconds, and no other kind of job needs it.

    items = snapshots.items(work.workspace, frozen.digest)
    run_id, earlier_s = _begin_run(work, frozen, recipe, earlier)
    result = training.train(
        _training_images(work.workspace, items, frozen.class_names),
        _with_weights(work.workspace, recipe),
        folder=runs.folder(work.workspace, run_id),
        cache_dir=work.workspace.cache_dir,
        weights_dir=settings.current().weights,
        report=report,
        on_epoch=lambda metrics: runs.add_epoch(work.workspace, run_id, metrics),
        should_stop=work.should_stop,
    )
    _keep(
        work.workspace,
        run_id,
        recipe,
        result,
        {item.digest: item.label for item in items},
        earlier_s=earlier_s,
    )
    if result.is_cancelled:
        raise Cancelled
    return run_id


def _scored(workspace: Workspace, run_id: int) -> dict[str, tuple[list[str], np.ndarray]]:
    """Answer digests and probabilities of valid and test, without images that were removed for good since."""
    found, forgotten = {}, set(tombstones.digests(workspace))
    for split in ("valid", "test"):
        if runs.has_pred_probs(workspace, run_id, split):
            digests, pred_probs = runs.pred_probs(workspace, run_id, split)
            rows = [row for row, digest in enumerate(digests) if digest not in forgotten]
            found[split] = [digests[row] for row in rows], np.asarray(pred_probs)[rows]
    return found


def _begin_run(work: Work, frozen: Snapshot, recipe: Recipe, earlier: Run | None) -> tuple[int, float]:
    """Begin a run, or open the earlier one again; answer its id and the seconds it has taken before."""
    if earlier is not None:
        runs.reopen(work.workspace, earlier.run_id)
        work.note(run_id=earlier.run_id)
        return earlier.run_id, earlier.seconds or 0.0
    run_id = runs.create(
        work.workspace,
        job_id=work.job_id,
        snapshot_id=frozen.snapshot_id,
        recipe=recipe.model_dump(),
        class_names=frozen.class_names,
        seed=recipe.seed,
        code_version=runs.code_version(),
        libraries={},  # Told by the training itself, which knows what it loaded.
    )
    work.note(run_id=run_id)
    return run_id, 0.0


def _with_weights(workspace: Workspace, recipe: Recipe) -> Recipe:
    """Put the file of an earlier run's weights where the recipe names the run."""
    run_id = recipes.run_of(recipe.pretrained)
    if run_id is None:
        return recipe
    return recipe.model_copy(update={"pretrained": str(runs.folder(workspace, run_id) / run_files.WEIGHTS)})


def _training_images(
    workspace: Workspace, items: Sequence[SnapshotItem], class_names: list[str]
) -> "TrainingImages":
    from peakid.learn.batches.data import TrainingImages

    column = {name: k for k, name in enumerate(class_names)}
    return TrainingImages(
        digests=[item.digest for item in items],
        labels=np.array([column[item.label] for item in items], dtype=np.int64),  # (N,)
        splits=[item.split for item in items],
        class_names=class_names,
        read=lambda digest: images.read_bytes(workspace, digest),
        groups=[item.group_key for item in items],
    )


def _keep(
    workspace: Workspace,
    run_id: int,
    recipe: Recipe,
    result: "TrainResult",
    label_of: dict[str, str],
    *,
    earlier_s: float,
) -> None:
    """Store what a training gave; one that was cancelled after an epoch is a usable run of its best one."""
    for split, (digests, pred_probs) in result.pred_probs.items():
        given = [label_of[digest] for digest in digests]
        runs.add_predictions(
            workspace, run_id, split, digests, pred_probs, given, is_out_of_sample=split != "train"
        )
    runs.finish(
        workspace,
        run_id,
        "cancelled" if result.is_cancelled else "done",
        best_epoch=result.best_epoch,
        metrics=result.metrics,
        device=result.device,
        n_workers=result.n_workers,
        starting_weights=_starting_weights(result.starting_weights, recipe),
        warnings=result.warnings,
        seconds=earlier_s + result.seconds,
        libraries=result.libraries,
    )


def _starting_weights(found: StartingWeights, recipe: Recipe) -> StartingWeights:
    """Name the run that a training continued from, which it saw as a file."""
    run_id = recipes.run_of(recipe.pretrained)
    return found if run_id is None else replace(found, kind="run", run_id=run_id)


def _facts(run: Run) -> dict[str, Any]:
    """What a card tells of where its model comes from, for readers who have only the exported folder."""
    return {
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


def _free_folder(workspace: Workspace, run_id: int) -> Path:
    """Name a folder that is not there yet; jobs of one lane follow each other, so nobody else takes it."""
    folder, n = workspace.exports_dir / f"run-{run_id}", 1
    while folder.exists():
        n += 1
        folder = workspace.exports_dir / f"run-{run_id}-{n}"
    return folder


def _with_bytes(workspace: Workspace, digests: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    return ((digest, images.read_bytes(workspace, digest)) for digest in digests)


def _stopping_report(work: Work) -> Callable[[str, int, int, str], None]:
    """Answer a report that ends a task where someone asked for that: for tasks that have nothing to keep."""

    def report(phase: str, step: int, total: int, message: str) -> None:
        if work.should_stop():
            raise Cancelled
        work.report(phase, step, total, message)

    return report

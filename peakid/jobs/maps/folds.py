"""Trains the folds of a cross-validation in the workers of an engine, several at a time."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from peakid.engines import locations, opening, shard_files
from peakid.engines.opening import Engine
from peakid.engines.records import EngineUse, Shard, Stopped
from peakid.engines.shard_files import ShardFiles
from peakid.jobs.ledger import Work
from peakid.jobs.maps import packing, units
from peakid.recipe.recipe import Recipe
from peakid.records import Report
from peakid.store.workspace import Workspace

if TYPE_CHECKING:
    from peakid.learn.train import FoldOrder

PHASE = "Training folds"


class FoldJob:
    """Trains the folds of a job in the engine that its settings name.

    Attributes:
        used: What the engine was used for; None before the folds are trained.
    """

    def __init__(self, work: Work, *, allows_random: bool, report: Report) -> None:
        self._work, self._allows_random, self._report = work, allows_random, report
        self.used: EngineUse | None = None

    def train(self, order: "FoldOrder") -> None:
        """Train folds elsewhere, as `learn.train.FoldTrainer` says.

        Raises:
            data.Stopped: If the job was cancelled.
        """
        from peakid.learn.batches import data

        if not order.numbers:
            return
        work, settings = self._work, self._work.settings
        self._report(f"Starting the engine {settings.engine}", 0, 0, "")
        with opening.opened(
            settings,
            n_threads=None,
            uses_gpu=order.start.device.type == "cuda",
            ahead=0,
            most_workers=len(order.numbers),
            on_death=work.log,
        ) as engine:
            try:
                train(
                    work.workspace,
                    engine,
                    order,
                    allows_random=self._allows_random,
                    report=self._report,
                    should_stop=work.should_stop,
                )
            except Stopped as error:
                raise data.Stopped from error
            finally:
                self.used = engine.use()


def is_used(work: Work, recipe: Recipe) -> bool:
    """Return whether a recipe has folds that an engine trains."""
    return bool(recipe.folds) and opening.is_used(work.settings)


def train(
    workspace: Workspace,
    engine: Engine,
    order: "FoldOrder",
    *,
    allows_random: bool,
    report: Report,
    should_stop: Callable[[], bool],
) -> None:
    """Train the folds of an order, and store each where the training looks for it.

    A fold that was interrupted continues from its checkpoint where the workers see the folder of the run.

    Raises:
        Stopped: If `should_stop` returns True. Folds that are trained stay.
        DatasetError, TrainingError: As a training in this process raises them.
    """
    from peakid.learn import train as training
    from peakid.learn.batches import subsets

    kept, n = ShardFiles(shard_files.folder_of(workspace)), len(order.numbers)
    report(PHASE, 0, n, f"0 of {n} folds")
    shards = _shards(workspace, engine, order, allows_random)
    for n_done, done in enumerate(engine.map(shards, kept, should_stop=should_stop), 1):
        facts, arrays = packing.unpacked(done.data)
        number = int(done.shard.arguments["number"])
        subsets.write_fold(training.fold_folder(order.folder, number), arrays["pred_probs"], facts)
        done.forget()
        report(PHASE, n_done, n, f"{n_done} of {n} folds, {engine.mapper.tally.progress(n)}")


def _shards(workspace: Workspace, engine: Engine, order: "FoldOrder", allows_random: bool) -> Iterator[Shard]:
    images, start = order.images, order.start
    recipe, weights = start.recipe.model_dump(), start.found.record
    files = {
        "folder": str(order.folder),
        "cache": str(workspace.cache_dir),
        "pretrained": recipe.pop("pretrained"),
    }
    order.folder.mkdir(parents=True, exist_ok=True)
    places = tuple(locations.of(workspace, images.digests))
    for number in order.numbers:
        arguments = {
            "recipe": recipe,
            "weights": weights.sha256 or weights.kind,
            "epochs": [phase.epochs for phase in start.phases],
            "labels": images.labels.tolist(),
            "groups": list(images.groups if images.groups is not None else images.digests),
            "class_names": list(images.class_names),
            "number": number,
            "n_threads": engine.n_threads,  # The sums of a training depend on it in their last bits.
            "allows_random": allows_random,
        }
        yield Shard(
            unit=units.FOLD,
            version=units.VERSION,
            digests=tuple(images.digests),
            arguments=arguments,
            locations=places,
            files=files,
            title=f"fold {number + 1} of {start.recipe.folds}",
        )

"""How one model is made from some images: by a linear head on what a frozen body sees, or by gradient descent."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastai.data.core import DataLoaders
from torch import Tensor, nn

from peakid.errors import TrainingDiverged
from peakid.learn import linear_head, rate_finder, samples
from peakid.learn import start as starting
from peakid.learn.batches.data import Prepared, TrainingImages
from peakid.learn.batches.gather import Pixels
from peakid.learn.fit import Fit
from peakid.learn.network import checkpoint
from peakid.learn.network.checkpoint import Checkpoints
from peakid.learn.rate_finder import Sweep
from peakid.learn.start import Start
from peakid.learn.watch import History, Watch
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Report


class Learning:
    """What making a model takes, from fold to fold the same."""

    def __init__(
        self,
        start: Start,
        views: dict[int, Prepared],
        *,
        report: Report,
        on_epoch: Callable[[EpochMetrics], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.start, self.views = start, views
        self.report, self.on_epoch, self.should_stop = report, on_epoch, should_stop
        self.features: Tensor | None = None  # Of all images; folds share them.

    def loaders(self, images: TrainingImages, phase: Phase, batch_size: int | None = None) -> DataLoaders:
        """Make a phase's loaders of these images."""
        return self.start.loaders(images, self.views[starting.kept_px(phase)], phase, batch_size)

    @property
    def canonical(self) -> Pixels:
        return next(iter(self.views.values())).canonical

    def one(self, images: TrainingImages, folder: Path, **told: Any) -> tuple[nn.Sequential, History]:
        """Make one model; it holds its best epoch afterwards.

        Args:
            folder: Holds its checkpoints.
            told: `prefix`, `n_before` and `part`, as `Watch` takes them.

        Raises:
            Stopped: If someone asks to stop before there is anything to keep.
            TrainingDiverged: If the loss is no longer a number.
        """
        model = self.start.model()
        if self.start.is_linear:
            history = self._solve(
                model, images, prefix=told.get("prefix", ""), n_before=told.get("n_before", 0)
            )
        else:
            history = self._descend(model, images, folder, told)
        if history.best is not None:
            model.load_state_dict(history.best_state)
        return model, history

    def _solve(self, model: nn.Sequential, images: TrainingImages, *, prefix: str, n_before: int) -> History:
        if self.features is None:
            self.features = linear_head.embed(
                model, self.canonical, self.start, report=self.report, should_stop=self.should_stop
            )
        history = linear_head.fit(model, images, self.features, self.start, epoch=n_before + 1, prefix=prefix)
        self.on_epoch(history.epochs[0])
        return history

    def _descend(
        self, model: nn.Sequential, images: TrainingImages, folder: Path, told: dict[str, Any]
    ) -> History:
        start = self.start
        watched: dict[str, Any] = {
            "report": self.report,
            "on_epoch": self.on_epoch,
            "should_stop": self.should_stop,
        }
        watch = Watch(**watched, samples=samples.choose(images, folder, seed=start.recipe.seed), **told)

        def find_rate(phase: Phase, dls: DataLoaders) -> float:
            return self.sweep(model, dls, phase).suggestions["valley"]

        checkpoints = Checkpoints(folder, identity(images, start))
        loaders_of = partial(self.loaders, images)
        fit = Fit(
            model, start.recipe, start.phases, start.found.is_pretrained, loaders_of, find_rate, checkpoints
        )
        history = fit.run(watch)
        if history.diverged_in is not None:
            raise _diverged(history.diverged_in, watch, start.recipe)
        return history

    def sweep(self, model: nn.Sequential, dls: DataLoaders, phase: Phase) -> Sweep:
        """Measure which peak rates a phase bears on a model as it stands.

        Raises:
            Stopped: If `should_stop` says so.
            TrainingDiverged: If the loss breaks before anything was learned.
        """
        asked: dict[str, Any] = {
            "freezes_norms": self.start.found.is_pretrained,
            "report": self.report,
            "should_stop": self.should_stop,
        }
        return rate_finder.sweep(model, dls, self.start.recipe, phase, **asked)


def identity(images: TrainingImages, start: Start) -> str:
    """Name what is trained on what, so that no checkpoint of another training is taken up."""
    return checkpoint.identity(
        start.recipe.model_dump(),
        start.found.note,
        images.class_names,
        images.digests,
        images.labels.tolist(),
        images.splits,
    )


def _diverged(epoch: int, watch: Watch, recipe: Recipe) -> TrainingDiverged:
    rate = watch.place.rate or float(watch.phase.base_lr)
    where = " in that phase of the recipe" if recipe.phases else ""
    return TrainingDiverged(
        f"The loss is no longer a number in epoch {epoch} (base_lr={rate:g}).",
        f"Try a tenth of the rate: --set base_lr={rate / 10:g}"
        if not where
        else f"Try a tenth of the rate{where}: {rate / 10:g}.",
    )

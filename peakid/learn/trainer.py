"""Train one model on some images: a linear head on a frozen body's features, or gradient descent."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

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
from peakid.learn.ranks.ranks import ALONE, Ranks
from peakid.learn.rate_finder import RateFinderResult
from peakid.learn.start import Start
from peakid.learn.watch import History, Watch
from peakid.recipe.phase import Phase
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Report
from peakid.remedies import action


class Trainer:
    """Trains models from one start: one, or one per fold.

    Args:
        pixels: By size of the training images.
        ranks: Those that train together: on each one, the same trainer does its part.
        n_parts: As in `Fit`.
    """

    def __init__(
        self,
        start: Start,
        pixels: dict[int, Prepared],
        *,
        report: Report,
        on_epoch: Callable[[EpochMetrics], None],
        should_stop: Callable[[], bool],
        ranks: Ranks = ALONE,
        n_parts: int = 1,
    ) -> None:
        self.start, self.pixels = start, pixels
        self.ranks, self.n_parts = ranks, n_parts
        self.report, self.on_epoch, self.should_stop = report, on_epoch, should_stop
        self.features: Tensor | None = None  # Of all images; folds share them.

    def loaders(self, images: TrainingImages, phase: Phase, batch_size: int | None = None) -> DataLoaders:
        """Return a phase's loaders of these images, without other ranks: to measure something."""
        return self.start.loaders(images, self.pixels[starting.stored_px(phase)], phase, batch_size)

    def _shared_loaders(self, images: TrainingImages, phase: Phase, batch_size: int) -> DataLoaders:
        pixels = self.pixels[starting.stored_px(phase)]
        return self.start.loaders(images, pixels, phase, batch_size, self.ranks)

    @property
    def canonical(self) -> Pixels:
        return next(iter(self.pixels.values())).canonical

    def train_one(
        self,
        images: TrainingImages,
        folder: Path,
        *,
        prefix: str = "",
        n_before: int = 0,
        part: tuple[int, int] = (0, 1),
    ) -> tuple[nn.Sequential, History]:
        """Train one model; it has the weights of its best epoch afterwards.

        Args:
            folder: For its checkpoints.
            prefix, n_before, part: As in `Watch`.

        Raises:
            Stopped: If a stop is requested before there is anything to keep.
            TrainingDiverged: If the loss is no longer a number.
        """
        model, (number, n_parts) = self.start.model(), part
        if self.start.is_linear:
            history = self._fit_linear_head(model, images, prefix=prefix, n_before=n_before)
        else:
            watch = Watch(
                report=self.report,
                on_epoch=self.on_epoch,
                should_stop=self.should_stop,
                prefix=prefix,
                n_before=n_before,
                part=part,
                n_to_predict=len(images.digests) * (n_parts - number) // n_parts,
                samples=samples.choose(images, folder, seed=self.start.recipe.seed)
                if self.ranks.is_first
                else None,
                ranks=self.ranks,
            )
            history = self._fine_tune(model, images, folder, watch)
        if history.best is not None:
            model.load_state_dict(history.best_state)
        return model, history

    def _fit_linear_head(
        self, model: nn.Sequential, images: TrainingImages, *, prefix: str, n_before: int
    ) -> History:
        if self.features is None:
            n = len(self.canonical)
            pixels = self.canonical if self.ranks.is_alone else self.canonical.only(self.ranks.part(n))
            own = self.ranks.unless_stopped(
                lambda: linear_head.embed(
                    model, pixels, self.start, report=self.report, should_stop=self.should_stop
                )
            )
            self.features = self.ranks.joined(own, n)
        history = linear_head.fit(
            model,
            images,
            self.features,
            self.start,
            epoch=n_before + 1,
            prefix=prefix,
            report=self.report,
        )
        self.on_epoch(history.epochs[0])
        return history

    def _fine_tune(self, model: nn.Sequential, images: TrainingImages, folder: Path, watch: Watch) -> History:
        def find_rate(phase: Phase, dls: DataLoaders) -> float:
            if not self.ranks.is_alone:
                dls = self.loaders(images, phase, dls.train.bs)
            return self.ranks.of_first(lambda: self.find_rates(model, dls, phase).suggestions["valley"])

        start = self.start
        fit = Fit(
            model=model,
            recipe=start.recipe,
            phases=start.phases,
            is_pretrained=start.found.is_pretrained,
            loaders=partial(self._shared_loaders, images),
            find_rate=find_rate,
            checkpoints=Checkpoints(folder, identity(images, start)),
            ranks=self.ranks,
            n_parts=self.n_parts,
        )
        history = fit.run(watch)
        if history.is_stopped and self.ranks.is_first:
            fit.checkpoints.keep_newest()
        if history.diverged_in is not None:
            raise _diverged(history.diverged_in, watch, start.recipe)
        return history

    def find_rates(self, model: nn.Sequential, dls: DataLoaders, phase: Phase) -> RateFinderResult:
        """Run the LR finder for a phase on the current model.

        Raises:
            Stopped: If `should_stop` returns True.
            TrainingDiverged: If the loss diverges too early.
        """
        return rate_finder.find(
            model,
            dls,
            self.start.recipe,
            phase,
            freezes_norms=self.start.found.is_pretrained,
            report=self.report,
            should_stop=self.should_stop,
        )


def identity(images: TrainingImages, start: Start) -> str:
    """Return a name for this training, so that it never resumes from a checkpoint of another one."""
    weights = start.found.record
    return checkpoint.identity(
        start.recipe.model_dump(),
        weights.sha256 or weights.kind,
        images.class_names,
        images.digests,
        images.labels.tolist(),
        images.splits,
    )


def _diverged(epoch: int, watch: Watch, recipe: Recipe) -> TrainingDiverged:
    rate = watch.position.rate or float(watch.phase.base_lr)
    message = f"The loss is no longer a number in epoch {epoch} (base_lr={rate:g})."
    if recipe.phases:
        return TrainingDiverged(
            message, f"Use a tenth of the learning rate in that phase of the recipe: {rate / 10:g}."
        )
    return TrainingDiverged(
        message,
        f"Use a tenth of the learning rate: {rate / 10:g}.",
        action("set_recipe", key="base_lr", value=float(f"{rate / 10:g}")),
    )

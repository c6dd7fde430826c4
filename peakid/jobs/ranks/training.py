"""The head of a training on several ranks: it stores what they tell, and starts them again if one is lost."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peakid
from peakid import errors
from peakid.engines import fit as fits
from peakid.engines import locations, opened_fit
from peakid.engines.fit import Head, Loss, Message, Order
from peakid.errors import JobError, PeakidError
from peakid.jobs.ledger import Cancelled, Work
from peakid.jobs.ranks import rank as rank_side
from peakid.recipe.ranks import LEAST_IMAGES
from peakid.recipe.recipe import Recipe
from peakid.records import EpochMetrics, Report, SnapshotItem
from peakid.remedies import Action, action
from peakid.run_records import RunWarning

if TYPE_CHECKING:
    from peakid.learn.train_result import TrainResult

UNIT = "peakid.jobs.ranks.rank:run"


@dataclass(frozen=True)
class Told:
    """What a training tells while it runs, and `allows_random` as in `TrainArguments`."""

    report: Report
    on_epoch: Callable[[EpochMetrics], None]
    allows_random: bool


@dataclass
class Attempts:
    """What is known about the attempts of one job.

    Attributes:
        n_parts: Into how many parts batches are split, because memory was too short.
        failures: What ranks of the present attempt told before they ended.
    """

    n_ranks: int
    n_restarts: int = 0
    n_parts: int = 1
    warnings: list[RunWarning] = field(default_factory=list)
    failures: list[Mapping[str, Any]] = field(default_factory=list)
    is_memory_short: bool = False

    def begin(self) -> None:
        self.failures, self.is_memory_short = [], False

    def next_text(self, losses: Sequence[Loss], recipe: Recipe) -> str:
        """Return a sentence about why the ranks start again.

        Raises:
            PeakidError: If another attempt would end in the same way, or there were too many.
        """
        if self.is_memory_short:
            return self._smaller_parts(recipe)
        own = [each for each in self.failures if not each["is_exchange"]]
        if own and not losses[0].is_killed:
            raise _error_of(own[0])
        self.n_restarts += 1
        text = fits.lost_text(losses[0], self.n_ranks)
        if self.n_restarts > fits.MAX_RESTARTS:
            raise JobError(
                f"{text} The ranks were started {self.n_restarts} times.",
                "See the log for the reason. Resume the training, with fewer ranks if memory is short.",
            )
        again = f"restart {self.n_restarts} of at most {fits.MAX_RESTARTS}"
        text = f"{text} The training continues from its newest checkpoint ({again})."
        self.warnings.append(RunWarning("restarted", text))
        return text

    def _smaller_parts(self, recipe: Recipe) -> str:
        self.n_parts *= 2
        n_images = recipe.batch_size // (self.n_parts * self.n_ranks)
        if recipe.batch_size and n_images < LEAST_IMAGES:
            raise errors.OutOfMemory(
                f"{LEAST_IMAGES} images do not fit into the memory of a device with {recipe.arch}.",
                "Use a smaller image size or network.",
                action("set_recipe", key="image_size_px", value=max(32, recipe.image_size_px // 2)),
            )
        return "A batch did not fit into memory: the ranks start again with batches in smaller parts."


def train(
    work: Work,
    recipe: Recipe,
    items: Sequence[SnapshotItem],
    class_names: Sequence[str],
    told: Told,
    *,
    n_ranks: int,
    folder: Path,
) -> "TrainResult":
    """Train a recipe on several ranks, as `learn.train.train` does on one.

    Args:
        folder: As there; for the ranks of another machine, its files are sent there and back.

    Raises:
        TooManyRanks, ExtraMissing: If the engine has no place for the ranks.
        PeakidError: What a rank raised.
        JobError: If ranks were lost again and again.
        Cancelled: If the job was cancelled before there was anything to keep.
    """
    from peakid.learn.ranks import result_file

    told.report("Starting the ranks", 0, 0, f"{n_ranks} ranks, engine {work.settings.engine}")
    result_file.remove(folder)
    attempts = Attempts(n_ranks)
    document = {
        "version": peakid.__version__,
        "recipe": recipe.model_dump(),
        "images": _columns(work, items, class_names),
        "cache_dir": str(work.workspace.cache_dir),
        "settings": work.settings.to_json(),
        "allows_random": told.allows_random,
    }
    head = Head(lambda message: _hear(message, attempts, told), work.should_stop)
    with opened_fit.opened(work.settings, recipe.device, n_ranks) as (attempt, uses_gpu):
        while True:
            attempts.begin()
            order = Order(
                unit=UNIT,
                document=document | {"n_parts": attempts.n_parts},
                folder=folder,
                n_ranks=n_ranks,
                uses_gpu=uses_gpu,
                settings=work.settings,
            )
            losses = attempt(order, head)
            if not losses:
                break
            if work.should_stop():
                raise Cancelled
            told.report("Restarting the ranks", 0, 0, attempts.next_text(losses, recipe))
    result = result_file.take(folder)
    if result is None:
        raise JobError("The ranks ended without a result.", "The log has the details.")
    return dataclasses.replace(result, warnings=[*attempts.warnings, *result.warnings])


def _hear(message: Message, attempts: Attempts, told: Told) -> None:
    said = message.document
    match message.kind:
        case rank_side.REPORT:
            told.report(said["phase"], said["step"], said["total"], said["message"])
        case rank_side.EPOCH:
            told.on_epoch(EpochMetrics(**said))
        case rank_side.MEMORY:
            attempts.is_memory_short = True
        case rank_side.FAILED:
            attempts.failures.append(said)


def _error_of(failure: Mapping[str, Any]) -> PeakidError:
    kind = getattr(errors, failure["error"], JobError)
    if not (isinstance(kind, type) and issubclass(kind, PeakidError)):
        kind = JobError
    actions = [Action(kind, arguments) for kind, arguments in failure["actions"]]
    try:
        return kind(failure["message"], failure["remedy"], *actions)
    except TypeError:  # A kind with other arguments.
        return JobError(failure["message"], failure["remedy"], *actions)


def _columns(work: Work, items: Sequence[SnapshotItem], class_names: Sequence[str]) -> Mapping[str, object]:
    column = {name: k for k, name in enumerate(class_names)}
    digests = [item.digest for item in items]
    return {
        "digests": digests,
        "labels": [column[item.label] for item in items],
        "splits": [item.split for item in items],
        "class_names": list(class_names),
        "groups": [item.group_key for item in items],
        "locations": locations.of(work.workspace, digests),
    }

"""A training that would start from random weights without being asked to: how long, and what else to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from peakid.errors import ConfirmationNeeded
from peakid.job_settings import JobSettings
from peakid.recipe import architectures, cost_guess, weight_files
from peakid.recipe.recipe import Recipe
from peakid.records import Snapshot
from peakid.remedies import Action, action
from peakid.store import runs
from peakid.store.workspace import Workspace

N_ALTERNATIVES = 2  # Architectures with weights on this machine that are suggested.


@dataclass(frozen=True)
class RandomStart:
    """A training whose recipe wants pretrained weights that are not on this machine.

    Attributes:
        download_mb: Size of the published weights in MB (10^6 bytes); 0 = there are none.
        epochs: Of the training from random weights; early stopping may end it sooner.
        seconds: Its estimated duration.
        run_id: The run that the duration is estimated from; None = from the network's size, on a CPU.
        others: Architectures with weights on this machine.
        is_linear: Whether the recipe asks for a linear head, which random weights replace by fine-tuning.
    """

    arch: str
    download_mb: float
    epochs: int
    seconds: float
    run_id: int | None
    others: tuple[str, ...]
    is_linear: bool

    def duration(self) -> str:
        """Return the duration in words: `88 min`, `2 h 5 min`."""
        minutes = max(1, round(self.seconds / 60))
        return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"

    def cost(self) -> str:
        """Return how long the training takes: `30 epochs, about 88 min on a CPU`."""
        basis = "on a CPU" if self.run_id is None else f"according to run {self.run_id}"
        epochs = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        return f"{epochs}, about {self.duration()} {basis}"

    def message(self) -> str:
        """Return what would happen, in two or three sentences."""
        if self.download_mb:
            found = f"Pretrained weights for {self.arch} are not on this machine."
            when = f"If the download ({self.download_mb:.0f} MB) fails, all layers are trained"
        else:
            found, when = f"{self.arch} has no published weights.", "All layers are trained"
        instead = " instead of a linear head" if self.is_linear else ""
        return (
            f"{found} {when} from random weights{instead}: {self.cost()}. "
            "Random weights need many more images for the same accuracy."
        )

    def actions(self) -> tuple[Action, ...]:
        """Return what to do instead, then the confirmation."""
        instead = [action("set_recipe", key="arch", value=other) for other in self.others[:N_ALTERNATIVES]]
        if self.download_mb:
            instead.append(action("set_recipe", key="pretrained", value="require"))
        return (*instead, action("list_weights"))


def find(
    workspace: Workspace, recipe: Recipe, frozen: Snapshot, n_train_of: dict[str, int], settings: JobSettings
) -> RandomStart | None:
    """Return what a training without its pretrained weights would do; None where it has or wants none.

    Args:
        n_train_of: Training images by snapshot digest, to estimate the duration from earlier runs.
    """
    kind = weight_files.start(recipe, settings)
    if kind in ("pretrained", "random"):
        return None
    n_train = frozen.splits["train"]
    guess = cost_guess.guess_s(recipe, n_train, runs.list_runs(workspace), n_train_of, is_pretrained=False)
    seconds = guess[0] if guess else cost_guess.rough_s(recipe, n_train, is_pretrained=False)
    others = [name for name in weight_files.found(settings) if name != recipe.arch]
    return RandomStart(
        arch=recipe.arch,
        download_mb=architectures.find(recipe.arch).download_mb if kind == "download" else 0.0,
        epochs=sum(phase.epochs for phase in recipe.planned(is_pretrained=False)) * max(1, recipe.folds),
        seconds=seconds,
        run_id=guess[1].run_id if guess else None,
        others=tuple(others),
        is_linear=recipe.method == "linear-head",
    )


def refuse(
    workspace: Workspace,
    recipes: Sequence[Recipe],
    frozen: Snapshot,
    n_train_of: dict[str, int],
    settings: JobSettings,
    *confirmation: Action,
) -> None:
    """Refuse a training that would start from random weights without being asked to.

    Args:
        recipes: Those that would be trained; the first without weights is named.
        confirmation: Confirms it.

    Raises:
        ConfirmationNeeded: With the estimated duration, and what to do instead.
    """
    for recipe in recipes:
        found = find(workspace, recipe, frozen, n_train_of, settings)
        if found is not None:
            raise ConfirmationNeeded(
                found.message(),
                "Set the folder of weights, require weights, choose an architecture with weights on this "
                "machine, or confirm random weights.",
                *found.actions(),
                *confirmation,
            )

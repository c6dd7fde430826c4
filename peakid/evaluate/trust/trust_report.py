"""Everything that the tab Trust says about a run on one split, as one record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from peakid.errors import BadInput
from peakid.evaluate import report, scored_images
from peakid.evaluate.report import EvaluatedSplit
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import calibration, conformal, operating_point, scores, selective, temperature
from peakid.evaluate.trust.calibration import Bin
from peakid.evaluate.trust.conformal import ConformalSets
from peakid.evaluate.trust.scores import Score
from peakid.evaluate.trust.selective import Coverage
from peakid.evaluate.trust.temperature import TemperatureEffect
from peakid.records import Run
from peakid.store import run_predictions, runs
from peakid.store.evaluation import operating_points
from peakid.store.evaluation.operating_points import OperatingPoint
from peakid.store.workspace import Workspace

LEVEL = 0.9  # Of conformal sets, unless asked for another.
LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)  # Stored; the first and last are limits.
MOST_FITTED = 100_000  # Images; of more, a random sample is what prediction sets are fitted to and shown of.


@dataclass(frozen=True)
class TrustReport:
    """How far a run can be trusted on one split.

    Attributes:
        ece: Expected calibration error, 0 = calibrated; without an interval, since none holds.
        chance_ece: What a calibrated model stays below 19 times in 20 on as many images.
        temperature: None where too few other images are there to fit it.
        curve: Coverage and accuracy by threshold, at the temperature of `point`.
        point: The chosen threshold; None where none was chosen. `at_point` is what it does to these images.
        conformal: None where no other images are there to calibrate on.
        notes: Sentences about what limits these figures.
    """

    run_id: int
    split: EvaluatedSplit
    n_images: int
    n_groups: int
    scores: tuple[Score, ...]
    ece: float
    chance_ece: float | None
    bins: tuple[Bin, ...]
    temperature: TemperatureEffect | None
    curve: tuple[Coverage, ...]
    point: OperatingPoint | None
    at_point: Coverage | None
    conformal: ConformalSets | None
    notes: tuple[str, ...]
    n_test_looks: int

    def to_json(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        return asdict(self)


def trust(
    workspace: Workspace, run_id: int, *, split: str = "valid", level: float = LEVEL, actor: str
) -> TrustReport:
    """Return how far a run can be trusted on a split that it was not trained on. Looks at test are counted.

    Args:
        split: valid, test or cv.
        level: Of the conformal sets, 0.5..0.99.

    Raises:
        NotFound: If there is no such run.
        BadInput: If there are no predictions for the split, the run was trained on it, or the level is out of
            range.
    """
    run = runs.show(workspace, run_id)
    if report.checked_split(run_id, split) == "train":
        raise BadInput(
            f"Run {run_id} was trained on the images of train: its confidence in them says nothing.",
            "Use valid or test.",
        )
    if not LEVELS[0] <= level <= LEVELS[-1]:
        raise BadInput(f"A level of {level:g} is out of range.", f"Give {LEVELS[0]:g} to {LEVELS[-1]:g}.")
    report.checked_predictions(workspace, run, split)
    n_looks = runs.look_at_test(workspace, run_id, actor) if split == "test" else run.n_test_looks
    images = scored_images.load(workspace, run, split)
    return of_images(
        images,
        fitting_images(workspace, run, split),
        point=operating_points.of_run(workspace, run_id),
        level=level,
        n_test_looks=n_looks,
        is_refit=run_predictions.has_pred_probs(workspace, run_id, run_predictions.REFIT),
    )


def fitting_images(workspace: Workspace, run: Run, split: str) -> ScoredImages | None:
    """Return the validation images on which temperature and limits are fitted for test; None = cross-fit."""
    if split != "test" or not run_predictions.has_pred_probs(workspace, run.run_id, "valid"):
        return None
    found = scored_images.load(workspace, run, "valid")
    return found if len(found) else None


def of_images(
    images: ScoredImages,
    fitted_on: ScoredImages | None,
    *,
    point: OperatingPoint | None = None,
    level: float = LEVEL,
    n_test_looks: int = 0,
    is_refit: bool = False,
) -> TrustReport:
    """Return the report of at least one image.

    Args:
        fitted_on: Validation images, from which temperature and conformal limits come; None = cross-fit.
    """
    sets = conformal_sets(images, fitted_on, [level])
    found = without_sets(images, fitted_on, point=point, n_test_looks=n_test_looks, is_refit=is_refit)
    return replace(found, conformal=sets[0] if sets else None)


def conformal_sets(
    images: ScoredImages, fitted_on: ScoredImages | None, levels: Sequence[float]
) -> list[ConformalSets]:
    """Return the prediction sets of each level; none where no other images are there to fit them on."""
    if (images.split == "test" and fitted_on is None) or len(images) < 2 or not images.has_all_probabilities:
        return []
    return conformal.reports(_some(images), None if fitted_on is None else _some(fitted_on), levels)


def without_sets(
    images: ScoredImages,
    fitted_on: ScoredImages | None,
    *,
    point: OperatingPoint | None = None,
    n_test_looks: int = 0,
    is_refit: bool = False,
) -> TrustReport:
    """Return the report without its prediction sets."""
    split = report.checked_split(images.run_id, images.split)
    found = scores.all_scores(images)
    at_point = None if point is None else operating_point.on(images, point)
    confidence = temperature.confidence(images.pred_probs, point.temperature if point else 1.0)
    effect = None
    if images.has_all_probabilities and (split != "test" or fitted_on is not None):
        fitted = temperature.fit(images if fitted_on is None else fitted_on)
        effect = temperature.effect(_some(images), None if fitted_on is None else _some(fitted_on), fitted)
    return TrustReport(
        run_id=images.run_id,
        split=split,
        n_images=len(images),
        n_groups=found[0].n_groups,
        scores=tuple(found),
        ece=calibration.ece(images.confidence, images.is_right),
        chance_ece=calibration.chance_ece(images.confidence, images.groups),
        bins=tuple(calibration.bins(images.confidence, images.is_right, images.groups)),
        temperature=effect,
        curve=tuple(selective.curve(confidence, images.is_right, images.groups)),
        point=point,
        at_point=at_point,
        conformal=None,
        notes=tuple(_notes(images, fitted_on, effect, is_refit=is_refit)),
        n_test_looks=n_test_looks,
    )


def _some(images: ScoredImages) -> ScoredImages:
    """Return the images, or of many a random sample, the same each time."""
    if len(images) <= MOST_FITTED:
        return images
    chosen = np.random.default_rng(0).choice(len(images), MOST_FITTED, replace=False)
    return scored_images.subset(images, np.sort(chosen))


def _notes(
    images: ScoredImages,
    fitted_on: ScoredImages | None,
    effect: TemperatureEffect | None,
    *,
    is_refit: bool,
) -> list[str]:
    notes = []
    label = scores.labels(images)
    names = images.class_names
    missing = [name for k, name in enumerate(names) if not (label == k).any()]
    if missing:
        notes.append(
            f"{_listed(missing)} {'has' if len(missing) == 1 else 'have'} no image here: balanced accuracy"
            f" and macro F1 are means of the other {len(names) - len(missing)} of {len(names)} classes."
        )
    if len(set(images.predicted.tolist())) == 1 and len(set(label.tolist())) > 1:
        notes.append(f"Every image is predicted as {names[int(images.predicted[0])]!r}.")
    if not images.has_all_probabilities:
        notes.append(
            "The imported table has the probability of the predicted class only: log loss, Brier score,"
            " temperature and prediction sets need those of all classes."
        )
    elif images.split == "test" and fitted_on is None:
        notes.append(
            "The run has no validation images: no temperature and no prediction sets can be fitted for test."
        )
    elif effect is None:
        notes.append(f"A temperature is fitted on {temperature.LEAST_IMAGES} images at least.")
    elif effect.is_at_limit:
        notes.append(
            f"The best temperature is {effect.temperature:.2f}, the end of the range: the images to fit it on"
            " do not determine it. They have no error, or are predicted no better than by chance."
        )
    if len(images) > MOST_FITTED:
        notes.append(
            f"Temperature and prediction sets are those of {MOST_FITTED:,} images, drawn at random from"
            f" {len(images):,}."
        )
    if is_refit:
        notes.append(
            "The saved model was fitted again with the validation images. Its threshold and temperature were"
            " chosen with the model before that."
        )
    return notes


def _listed(class_names: list[str], most: int = 3) -> str:
    shown = ", ".join(repr(name) for name in class_names[:most])
    return shown if len(class_names) <= most else f"{shown} and {len(class_names) - most} others"

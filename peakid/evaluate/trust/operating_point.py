"""Choose below which confidence the exports of a run abstain: on validation, so that test stays unseen."""

from peakid.errors import BadInput, NotFound
from peakid.evaluate import score_text, scored_images
from peakid.evaluate.report import checked_predictions
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust import selective, temperature
from peakid.evaluate.trust.selective import Coverage
from peakid.records import Run
from peakid.remedies import action
from peakid.store import runs
from peakid.store.evaluation import operating_points
from peakid.store.evaluation.operating_points import OperatingPoint
from peakid.store.workspace import Workspace

CHOSEN_ON = "valid"


def set_threshold(
    workspace: Workspace, run_id: int, threshold: float, *, is_calibrated: bool = False, actor: str
) -> OperatingPoint:
    """Store a threshold, which the exports made from now on carry.

    Args:
        threshold: Confidence in 0..1; 0 = answer every image.
        is_calibrated: Scale the probabilities by the temperature fitted on validation.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If the threshold is not in 0..1, or there are too few validation images for a temperature.
    """
    run = _with_model(workspace, run_id)
    if not 0 <= threshold <= 1:
        raise BadInput(f"A threshold of {threshold:g} is no confidence.", "Give a number from 0 to 1.")
    value = _temperature(workspace, run) if is_calibrated else 1.0
    return operating_points.put(workspace, run_id, threshold=threshold, temperature=value, actor=actor)


def choose_for_accuracy(
    workspace: Workspace, run_id: int, accuracy: float, *, is_calibrated: bool = False, actor: str
) -> OperatingPoint:
    """Store the lowest threshold above which the accuracy is at least `accuracy`, with 95 % certainty.

    Raises:
        NotFound: If there is no such run, or it has no model.
        BadInput: If validation has too few images, or too many errors, to show that accuracy.
    """
    run = _with_model(workspace, run_id)
    if not 0 < accuracy < 1:
        raise BadInput(
            f"An accuracy of {accuracy:g} cannot be promised.",
            "Give a share above 0 and below 1, such as .97.",
        )
    value = _temperature(workspace, run) if is_calibrated else 1.0
    images = _valid(workspace, run)
    confidence = temperature.confidence(images.pred_probs, value)
    chosen = selective.choose(confidence, images.is_right, images.groups, accuracy)
    if chosen.threshold is None:
        wanted, shown = score_text.percent(accuracy), score_text.percent(chosen.most_certain)
        raise BadInput(
            f"No threshold can be shown to reach {wanted} on the {len(images):,} validation images of run"
            f" {run_id}: the most that they show is {shown}.",
            f"Ask for less, or label more images: it takes {chosen.n_needed:,} that are answered without an"
            " error.",
        )
    return operating_points.put(
        workspace,
        run_id,
        threshold=chosen.threshold,
        temperature=value,
        target=accuracy,
        actor=actor,
    )


def remove(workspace: Workspace, run_id: int) -> None:
    """Remove the threshold of a run: exports made from now on answer every image.

    Raises:
        NotFound: If there is no such run.
    """
    runs.show(workspace, run_id)
    operating_points.remove(workspace, run_id)


def on(images: ScoredImages, point: OperatingPoint) -> Coverage:
    """Return what a threshold does to images, of which there is at least one."""
    confidence = temperature.confidence(images.pred_probs, point.temperature)
    return selective.at(confidence, images.is_right, images.groups, point.threshold)


def on_validation(workspace: Workspace, run_id: int, point: OperatingPoint) -> Coverage | None:
    """Return what a threshold does to the validation images of a run; None where it has none."""
    images = scored_images.load(workspace, runs.show(workspace, run_id), CHOSEN_ON)
    return on(images, point) if len(images) else None


def _temperature(workspace: Workspace, run: Run) -> float:
    images = _valid(workspace, run)
    found = temperature.fit(images)
    if found is None or found.is_at_limit:
        why = (
            f"there are only {len(images)}"
            if found is None
            else "they do not determine it, as without any error"
        )
        raise BadInput(
            f"No temperature can be fitted on the validation images of run {run.run_id}: {why}.",
            "Set the threshold without calibration.",
        )
    return found.temperature


def _valid(workspace: Workspace, run: Run) -> ScoredImages:
    checked_predictions(workspace, run, CHOSEN_ON)
    return scored_images.load(workspace, run, CHOSEN_ON)


def _with_model(workspace: Workspace, run_id: int) -> Run:
    run = runs.show(workspace, run_id)
    if not run.has_model:
        why = "was cross-validated" if run.is_cross_validated else f"is {run.state}"
        raise NotFound(
            f"Run {run_id} {why} and has no model, so that nothing can be exported with a threshold.",
            "Choose a run with a model.",
            action("list_runs"),
        )
    return run

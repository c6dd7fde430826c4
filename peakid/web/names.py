"""How pages name runs, snapshots, recipes and the score of a run: `Run 4`, `Snapshot 3 (before cleaning)`."""

from collections.abc import Mapping

from peakid.evaluate import run_scores, score_text
from peakid.records import Run, Snapshot
from peakid.web import words


def run_name(run: Run | int) -> str:
    """Return `Run 4`, from a run or its id."""
    return f"Run {run if isinstance(run, int) else run.run_id}"


def run_option(run: Run) -> str:
    """Return a run as an entry of a menu: `Run 4 · resnet18 · 91 % on validation · 5 min ago`."""
    score = run.state if run.accuracy is None else f"{score_text.percent(run.accuracy)} on validation"
    model = words.shown(run.imported.name) if run.imported else str(run.recipe.get("arch", ""))
    return " · ".join([run_name(run), model, score, words.ago(run.created_at)])


def run_score(run: Run, snapshot: Snapshot | None) -> str:
    """Return the validation accuracy of a run: `91 % (80-96 %, n = 55)`; `-` where there is none.

    Args:
        snapshot: The one it was trained on, for the number of images. None = the percentage alone.
    """
    found = run_scores.of(run, snapshot) if snapshot else None
    return found.text() if found else score_text.percent(run.accuracy)


def snapshot_name(snapshot: Snapshot) -> str:
    """Return `Snapshot 3 (before cleaning)`, or `Snapshot 3` where it was given no name."""
    return numbered_snapshot(snapshot.snapshot_id, snapshot.name)


def snapshot_of(run: Run) -> str:
    """Return the name of the snapshot that a run was trained on."""
    return numbered_snapshot(run.snapshot_id, run.snapshot_name)


def snapshot_option(snapshot: Snapshot) -> str:
    """Return a snapshot as an entry of a menu: `Snapshot 3 (before cleaning) · 348 images · 5 min ago`."""
    n_images = words.n_of(snapshot.n_images, "image")
    return f"{snapshot_name(snapshot)} · {n_images} · {words.ago(snapshot.created_at)}"


def model_summary(run: Run) -> str:
    """Return what made the predictions of a run: `resnet18 at 160 px`, or `imported: NAME`."""
    return f"imported: {words.shown(run.imported.name)}" if run.imported else recipe_summary(run.recipe)


def recipe_summary(values: Mapping[str, object]) -> str:
    """Return what a run is trained with: `resnet18 at 160 px`."""
    return f"{values.get('arch', 'model')} at {values.get('image_size_px', '?')} px"


def numbered_snapshot(number: int, name: str) -> str:
    """Return the name of a snapshot from its id and the name it was given, '' for none."""
    return f"Snapshot {number} ({words.shown(name)})" if name else f"Snapshot {number}"

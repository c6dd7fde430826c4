"""How a snapshot, a run and a training's recipe are named on a page, in one line each."""

from collections.abc import Mapping
from typing import Any

from peakid.records import Run, Snapshot
from peakid.web import words

SHORT_DIGEST = 8


def snapshot(frozen: Snapshot) -> str:
    """Name a snapshot to choose by: `first · 348 images · 5 min ago`."""
    return f"{short_snapshot(frozen.name, frozen.digest)} · {words.n_of(frozen.n_images, 'image')} · {words.ago(frozen.created_at)}"


def short_snapshot(name: str, digest: str) -> str:
    """Answer the name a person gave, or the beginning of the digest."""
    return name or digest[:SHORT_DIGEST]


def run(trained: Run) -> str:
    """Name a run to choose by: `Run 3 · resnet18 · 0.87 on valid · 5 min ago`."""
    accuracy = trained.metrics.get("accuracy")
    score = trained.state if accuracy is None else f"{accuracy:.2f} on valid"
    return (
        f"Run {trained.run_id} · {trained.recipe.get('arch', '')} · {score} · {words.ago(trained.created_at)}"
    )


def recipe(values: Mapping[str, Any]) -> str:
    """Say what a training is made with: `resnet18 at 160 px`."""
    return f"{values.get('arch', 'model')} at {values.get('image_size_px', '?')} px"

"""Suggestions written by hand, as the live head would write them."""

from collections.abc import Callable, Sequence

import pytest

from peakid.curate import classes, decisions
from peakid.records import Choice
from peakid.store.workspace import Workspace


@pytest.fixture
def suggest_labels(workspace: Workspace) -> Callable[..., None]:
    """Store suggestions: `suggest_labels((digest, "dom", 0.97), ...)` for images without a label.

    A fourth value is the label quality, for an image with a label.
    """

    def stored(*rows: Sequence) -> None:
        with workspace.transaction() as connection:
            for digest, name, confidence, *quality in rows:
                connection.execute(
                    "INSERT OR REPLACE INTO suggestion (image_id, given_class_id, suggested_class_id,"
                    " confidence, label_quality) SELECT i.id, iif(?4 IS NULL, NULL, s.class_id), c.id, ?3, ?4"
                    " FROM image i JOIN image_state s ON s.image_id = i.id JOIN class c ON c.name = ?2"
                    " WHERE i.digest = ?1",
                    (digest, name, confidence, quality[0] if quality else None),
                )

    return stored


@pytest.fixture
def judge(workspace: Workspace) -> Callable[..., None]:
    """Judge images in a queue: `judge(digests, "dom", queue="audit:labels:100")`."""

    def judged(
        digests: Sequence[str], label: str, *, queue: str = "", verdict: str = "label", reason=""
    ) -> None:
        basis = {"queue": queue}
        choices = [
            Choice(digest, verdict, label or None, reason, basis=basis)  # type: ignore[arg-type]
            for digest in digests
        ]
        decisions.decide(workspace, choices, actor="human:anna")

    return judged


@pytest.fixture
def add_labels(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> Callable[..., list[str]]:
    """Add images without pixels and with folder labels: `add_labels(river=3, sea=2)`; return digests."""

    def added(**n_images: int) -> list[str]:
        names = {f"{label}-{n:03}": label for label, count in n_images.items() for n in range(count)}
        return list(plant(names).values())

    return added


@pytest.fixture
def without_labels(workspace: Workspace, plant: Callable[..., dict[str, str]]) -> Callable[..., list[str]]:
    """Add images without pixels and without a label, and the classes they may get."""

    def added(**n_images: int) -> list[str]:
        for name in n_images:
            classes.add(workspace, name)
        return list(
            plant({f"{label}-{n:03}": None for label in n_images for n in range(n_images[label])}).values()
        )

    return added

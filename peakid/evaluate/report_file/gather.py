"""Gather everything that the report of a run has to say, as one record and as `report.json`."""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

import peakid
from peakid.errors import PeakidError
from peakid.evaluate import score_warnings
from peakid.evaluate.errors import confusion
from peakid.evaluate.report import EvaluationReport
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.slices import slicing
from peakid.evaluate.slices.slicing import SliceReport
from peakid.evaluate.trust import calibration
from peakid.evaluate.trust import scores as all_scores
from peakid.evaluate.trust.calibration import Bin
from peakid.evaluate.trust.scores import Score
from peakid.imaging.metadata import removal
from peakid.records import Run
from peakid.store import images as stored_images
from peakid.store.workspace import Workspace

N_CONFUSIONS = 15
N_GALLERY = 60  # Errors with a thumbnail, about 10 KB each.
_NAMED = ("not reviewed",)  # Values of the property reviewer that are no name.


@dataclass(frozen=True)
class SnapshotFacts:
    """The snapshot of a run. `splits`: images per split."""

    name: str
    digest: str
    n_images: int
    n_groups: int
    n_leaks: int
    n_unreviewed: int
    splits: dict[str, int]


@dataclass(frozen=True)
class Confusion:
    """Images of the class `given` that are predicted as `predicted`; `n_given` images have that label."""

    given: str
    predicted: str
    n_images: int
    n_given: int


@dataclass(frozen=True)
class ErrorImage:
    """One error. `thumbnail`: a JPEG without metadata; None where its file cannot be read."""

    digest: str
    given: str
    predicted: str
    probability: float
    thumbnail: bytes | None

    @property
    def address(self) -> str:
        """Return the thumbnail as a `data:` address; '' without one."""
        encoded = base64.b64encode(self.thumbnail).decode("ascii") if self.thumbnail else ""
        return f"data:image/jpeg;base64,{encoded}" if encoded else ""


@dataclass(frozen=True)
class Baseline:
    """The accuracy of another classifier on the same images, with its 95 % interval."""

    title: str
    accuracy: float
    interval: tuple[float, float]
    n_images: int


@dataclass(frozen=True)
class RunReport:
    """The content of a report.

    Attributes:
        made_at: ISO time in UTC.
        n_predicted: Images predicted as each class, in the order of the classes.
        gallery: The surest errors; () unless a gallery was asked for.
        probe: A linear classifier on frozen features; None where it was not computed.
    """

    made_at: str
    run: Run
    snapshot: SnapshotFacts
    scored: EvaluationReport
    n_predicted: tuple[int, ...]
    confusions: tuple[Confusion, ...]
    n_errors: int
    scores: tuple[Score, ...]
    bins: tuple[Bin, ...]
    slices: SliceReport
    warnings: tuple[str, ...]
    gallery: tuple[ErrorImage, ...]
    probe: Baseline | None = None

    @property
    def title(self) -> str:
        """Return `Run 4 on validation`."""
        return f"Run {self.run.run_id} on {SPLITS.get(self.scored.split, self.scored.split)}"

    def to_json(self) -> dict[str, Any]:
        """Return `report.json`: the figures of the page."""
        run = self.run
        return {
            "title": self.title,
            "made_at": self.made_at,
            "peakid_version": peakid.__version__,
            "run": {
                "run_id": run.run_id,
                "recipe": run.recipe,
                "starting_weights": run.started_from,
                "seed": run.seed,
                "device": run.device,
                "n_ranks": run.n_ranks,
                "engine": run.engine,
                "libraries": run.libraries,
                "imported": asdict(run.imported) if run.imported else None,
                "code_version": run.code_version,
                "best_epoch": run.best_epoch,
                "created_at": run.created_at,
                "seconds": run.seconds,
            },
            "snapshot": asdict(self.snapshot),
            "evaluation": self.scored.to_json(),
            "confusions": [asdict(each) for each in self.confusions],
            "n_predicted": dict(zip(self.scored.class_names, self.n_predicted, strict=True)),
            "scores": [each.to_json() for each in self.scores],
            "reliability": [
                asdict(each) | {"accuracy_interval": list(each.accuracy_interval)} for each in self.bins
            ],
            "slices": self.slices.to_json(),
            "linear_probe": asdict(self.probe) | {"interval": list(self.probe.interval)}
            if self.probe
            else None,
            "warnings": list(self.warnings),
            "gallery": [
                {
                    "digest": each.digest,
                    "given": each.given,
                    "predicted": each.predicted,
                    "probability": each.probability,
                }
                for each in self.gallery
            ],
        }


SPLITS = {
    "train": "training images",
    "valid": "validation",
    "test": "test",
    "cv": "all images, cross-validated",
}


def gather(
    workspace: Workspace,
    run: Run,
    scored: EvaluationReport,
    images: ScoredImages,
    *,
    with_gallery: bool = False,
    probe: Baseline | None = None,
) -> RunReport:
    """Gather the report of a run on the split of `scored`, whose look at test is counted already."""
    snapshot = _snapshot(workspace, run)
    names, matrix = scored.class_names, scored.confusion
    frequent = confusion.most_frequent(matrix, N_CONFUSIONS)
    return RunReport(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        run=run,
        snapshot=snapshot,
        scored=scored,
        n_predicted=tuple(matrix.sum(axis=0).tolist()),
        confusions=tuple(
            Confusion(names[i], names[j], int(matrix[i, j]), int(matrix[i].sum())) for i, j in frequent
        ),
        n_errors=int((~images.is_right).sum()),
        scores=tuple(all_scores.all_scores(images)),
        bins=tuple(calibration.bins(images.confidence, images.is_right, images.groups)),
        slices=without_names(slicing.slices(workspace, images)),
        warnings=tuple(score_warnings.of(workspace, scored, run, n_leaks=snapshot.n_leaks)),
        gallery=tuple(_gallery(workspace, images)) if with_gallery else (),
        probe=probe,
    )


def without_names(report: SliceReport) -> SliceReport:
    """Return a report of slices in which reviewers have numbers: a file leaves the workspace."""
    return replace(report, properties=tuple(map(_numbered, report.properties)))


def _numbered(found: slicing.SlicedProperty) -> slicing.SlicedProperty:
    if found.key != "reviewer":
        return found
    people = [each.value for each in found.slices if each.value not in _NAMED]
    number = {value: f"reviewer {n}" for n, value in enumerate(people, 1)}
    slices = (replace(each, value=number.get(each.value, each.value)) for each in found.slices)
    return replace(found, slices=tuple(slices))


def _snapshot(workspace: Workspace, run: Run) -> SnapshotFacts:
    row = workspace.query(
        "SELECT name, digest, n_images, n_groups, n_leaks, n_unreviewed FROM snapshot WHERE id = ?",
        (run.snapshot_id,),
    )[0]
    splits = workspace.query(
        "SELECT split, COUNT(*) AS n FROM snapshot_item WHERE snapshot_id = ? GROUP BY split",
        (run.snapshot_id,),
    )
    counted = {each["split"]: each["n"] for each in splits}
    ordered = {split: counted[split] for split in ("train", "valid", "test") if split in counted}
    return SnapshotFacts(**dict(row), splits=ordered)


def _gallery(workspace: Workspace, images: ScoredImages) -> Sequence[ErrorImage]:
    errors = np.flatnonzero(~images.is_right)
    surest = errors[np.argsort(-images.confidence[errors], kind="stable")][:N_GALLERY]
    return [
        ErrorImage(
            images.digests[n],
            images.class_names[images.given[n]],
            images.class_names[images.predicted[n]],
            float(images.confidence[n]),
            _thumbnail(workspace, images.digests[n]),
        )
        for n in surest.tolist()
    ]


def _thumbnail(workspace: Workspace, digest: str) -> bytes | None:
    """Return a thumbnail without metadata; None where the file is gone or damaged."""
    try:
        return removal.clean(stored_images.thumbnail(workspace, digest)).data
    except (PeakidError, removal.NotUnderstood, OSError):
        return None

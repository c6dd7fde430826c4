"""The baseline that a trained network has to beat: a linear head on frozen features, on the same images.

It is trained on the training images of the run's snapshot, with the embeddings that are stored, and computed
in a second. A run that is not better than it has learned nothing that the pretrained backbone did not know.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from peakid import documents, files
from peakid.documents import UnreadableDocument
from peakid.embed import stored
from peakid.embed.stored import EmbeddingSet
from peakid.errors import BadInput, DiskError, NoEmbeddings
from peakid.evaluate import report
from peakid.evaluate.comparing.grouped import difference_interval, exchange_p
from peakid.evaluate.report_file.gather import Baseline
from peakid.evaluate.scored_images import ScoredImages
from peakid.evaluate.trust.grouped import share_interval
from peakid.records import Run
from peakid.remedies import action
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace
from peakid.suggest.head import LiveHead

VERSION = 3  # Of the file.
MAX_IMAGES = 20_000  # Training images, and scored ones; of more, a random sample. About 3 s together.
SIGNIFICANT = 0.05  # p-value, as in `Comparison.is_real`.


@dataclass(frozen=True)
class ProbeScore:
    """The linear head and the run on the images that both predict, against the labels of the training.

    Attributes:
        size_px: Side of the square that the backbone was shown; 0 for imported embeddings.
        n_train: Images that the head was fitted to.
        n_images: Images that both were scored on.
        n_all: Images of the split; more than `n_images` where some have no embedding, or after sampling.
        difference: Accuracy of the run minus accuracy of the head, with its 95 % interval.
        mcnemar_p: Exact p-value of McNemar's test.
    """

    backbone: str
    size_px: int
    n_train: int
    n_images: int
    n_all: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    run_accuracy: float
    difference: float
    difference_interval: tuple[float, float]
    mcnemar_p: float

    @property
    def verdict(self) -> str:
        """Whether the run is `better` or `worse` than the head, or there is no `difference established`."""
        if self.mcnemar_p >= SIGNIFICANT:
            return "no difference established"
        return "better" if self.difference > 0 else "worse"

    def to_json(self) -> dict[str, Any]:
        """Return the score as `--json` prints it."""
        return asdict(self) | {
            "accuracy_interval": list(self.accuracy_interval),
            "difference_interval": list(self.difference_interval),
            "verdict": self.verdict,
        }


def of_run(workspace: Workspace, run: Run, split: str, images: ScoredImages | None = None) -> ProbeScore:
    """Return the score of the linear head, stored or computed with the embeddings in use.

    Args:
        images: Those of the run and split, where they are loaded already; without test-time augmentation.

    Raises:
        NoEmbeddings: If no image has an embedding.
        BadInput: If the run has no predictions for the split, or too few of its images have an embedding.
    """
    found = stored_score(workspace, run, split)
    if found is not None:
        return found
    used = stored.find(workspace)
    found = _compute(workspace, run, images or report.checked_images(workspace, run, split), used)
    if not workspace.is_read_only:
        document = {"version": VERSION, "key": _key(workspace, run, split, used), "probe": asdict(found)}
        with contextlib.suppress(OSError, DiskError):  # It is computed again next time.
            files.write_json(_path(workspace, run, split), document)
    return found


def stored_score(workspace: Workspace, run: Run, split: str) -> ProbeScore | None:
    """Return the stored score with the embeddings in use; None where it has to be computed.

    Raises:
        NoEmbeddings: If no image has an embedding.
    """
    used = stored.find(workspace)
    return _read(_path(workspace, run, split), _key(workspace, run, split, used))


def baseline(workspace: Workspace, run: Run, split: str) -> Baseline | None:
    """Return the stored score as a baseline for the report of a run; None where there is none."""
    try:
        probe = stored_score(workspace, run, split)
    except NoEmbeddings:
        return None
    if probe is None:
        return None
    title = f"Linear probe ({probe.backbone})"
    return Baseline(title, probe.accuracy, probe.accuracy_interval, probe.n_images)


def _compute(workspace: Workspace, run: Run, images: ScoredImages, used: EmbeddingSet) -> ProbeScore:
    rng = np.random.default_rng(0)
    column = {name: n for n, name in enumerate(run.class_names)}
    own = [] if images.split == report.CV else _train_rows(workspace, run)
    train_ids = np.array([row["image_id"] for row in own], dtype=np.int64)
    train_labels = np.array([column[row["label"]] for row in own], dtype=np.int64)
    vectors = stored.load(workspace, used.set_id)
    scored = _sampled(np.flatnonzero(np.isin(images.image_ids, vectors.image_ids)), rng)
    learned = _sampled(np.flatnonzero(np.isin(train_ids, vectors.image_ids)), rng)
    labels = images.given[scored].astype(np.int64)
    fitted = labels if images.split == report.CV else train_labels[learned]
    if not len(scored) or len(np.unique(fitted)) < 2:
        raise BadInput(
            f"Too few images of run {run.run_id} have an embedding of {used.backbone} for a linear probe.",
            "Compute the embeddings of all images.",
            action("embed"),
        )
    ids = np.concatenate([train_ids[learned], images.image_ids[scored]])
    features = vectors.features[np.searchsorted(vectors.image_ids, ids)].astype(np.float32)
    # In a cross-validation each image is predicted without its group; otherwise without a label.
    hidden = labels if images.split == report.CV else np.full(len(scored), -1)
    groups = np.concatenate([_groups([row["group_key"] for row in own])[learned], -1 - images.groups[scored]])
    head = LiveHead(features, groups).fit(np.concatenate([train_labels[learned], hidden]), len(column))
    is_hit = head.probabilities[len(learned) :].argmax(axis=1) == labels
    n_train = len(scored) if images.split == report.CV else len(learned)
    is_run_hit = images.predicted[scored] == labels
    return _score(used, is_hit, is_run_hit, images.groups[scored], n_train=n_train, n_all=len(images))


def _score(
    used: EmbeddingSet,
    is_hit: np.ndarray,
    is_run_hit: np.ndarray,
    groups: np.ndarray,
    *,
    n_train: int,
    n_all: int,
) -> ProbeScore:
    """Compare the head with the run, image by image: bool of shape (n,) each.

    Args:
        groups: int64 of shape (n,), equal for near duplicates, which count once.
    """
    return ProbeScore(
        backbone=used.backbone,
        size_px=used.size_px,
        n_train=n_train,
        n_images=len(is_hit),
        n_all=n_all,
        accuracy=float(is_hit.mean()),
        accuracy_interval=share_interval(is_hit, groups),
        run_accuracy=float(is_run_hit.mean()),
        difference=float(is_run_hit.mean() - is_hit.mean()),
        difference_interval=difference_interval(is_hit, is_run_hit, groups),
        mcnemar_p=exchange_p(is_hit, is_run_hit, groups),
    )


def _train_rows(workspace: Workspace, run: Run) -> list:
    return workspace.query(
        "SELECT image_id, label, group_key FROM snapshot_item WHERE snapshot_id = ? AND split = 'train'"
        " ORDER BY image_id",
        (run.snapshot_id,),
    )


def _groups(keys: list[str]) -> np.ndarray:
    numbers = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.int64)


def _sampled(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(places) <= MAX_IMAGES:
        return places
    return np.sort(rng.choice(places, MAX_IMAGES, replace=False))


def _path(workspace: Workspace, run: Run, split: str) -> Path:
    return runs.folder(workspace, run.run_id) / f"probe_{report.checked_split(run.run_id, split)}.json"


def _key(workspace: Workspace, run: Run, split: str, used: EmbeddingSet) -> list[Any]:
    return [used.set_id, used.n_images, run_predictions.identity(workspace, run.run_id, split)]


def _read(path: Path, key: list[Any]) -> ProbeScore | None:
    try:
        document = documents.read_json(path)
        if (
            not isinstance(document, Mapping)
            or document["version"] != VERSION
            or list(document["key"]) != key
        ):
            return None
        values = dict(document["probe"])
        for name in ("accuracy_interval", "difference_interval"):
            values[name] = tuple(values[name])
        return ProbeScore(**values)
    except (FileNotFoundError, UnreadableDocument, KeyError, TypeError, ValueError):
        return None

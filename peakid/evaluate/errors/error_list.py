"""What a run predicts wrongly, doubtful labels first, with the training images that are most like each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from peakid.curate.queues import run_errors
from peakid.embed import neighbours, stored
from peakid.evaluate.scored_images import NO_CLASS, ScoredImages
from peakid.records import Run
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace

N_NEAREST = 3  # Training images of each error.
NONE_DOUBTED: Mapping[int, float] = {}
N_OF_GROUP = 20  # Near duplicates of an image that may be nearer, in cross-validation.


@dataclass(frozen=True)
class NearTrained:
    """A training image, its label in the snapshot, and its cosine similarity to the error in -1..1."""

    digest: str
    path: str
    label: str
    similarity: float


@dataclass(frozen=True)
class ErrorImage:
    """An image whose predicted label is not the given one.

    Attributes:
        confidence: Probability of the predicted label, in 0..1.
        given_probability: Probability of the given label, in 0..1.
        newest_label: The label now; None where the image was excluded since or has a label that the run does
            not know.
        is_reviewed: A person confirmed the newest label.
        nearest: The most similar training images, the nearest first; empty without embeddings. In
            cross-validation, images of other groups: most of them, or all, trained the fold of the image.
        train_duplicates: Digests of near duplicates that the model was trained on; in cross-validation, of
            those in another group, which train the fold of the image unless they are in it by chance.
    """

    digest: str
    path: str
    given_label: str
    predicted_label: str
    confidence: float
    given_probability: float
    newest_label: str | None
    is_reviewed: bool
    nearest: tuple[NearTrained, ...]
    train_duplicates: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def order(images: ScoredImages, doubted: Mapping[int, float] = NONE_DOUBTED) -> np.ndarray:
    """Return the positions of the errors, int64 of shape (M,): as in the queue of the errors of a run.

    A wrong prediction that the model is sure of is most often a wrong label, or what it has learned wrongly.

    Args:
        doubted: Label quality by image of those whose label the live head doubts: they come first.
    """
    errors = np.flatnonzero(~images.is_right)
    ids = images.image_ids[errors]
    quality = np.array([doubted.get(each, 2.0) for each in ids.tolist()])  # 2: none, which is above 1.
    is_doubted = quality <= 1
    return errors[
        np.lexsort(
            (
                np.where(is_doubted, ids, -ids),
                np.where(is_doubted, 0, -images.confidence[errors]),
                quality,
            )
        )
    ]


def list_errors(
    workspace: Workspace, run: Run, images: ScoredImages, *, limit: int | None = None
) -> list[ErrorImage]:
    """Return the errors of a run on one split: those with a doubtful label first, then the most confident.

    Args:
        images: Its predictions.
        limit: At most this many; None = all.
    """
    places = order(images, run_errors.doubted(workspace, images.split))[:limit]
    image_ids = images.image_ids[places]
    paths = _paths(workspace, image_ids.tolist())
    trained = _trained_on(workspace, run, images.split)
    duplicates = _train_duplicates(workspace, image_ids.tolist(), trained)
    nearest = _nearest(workspace, image_ids, trained, n=N_NEAREST)
    names = images.class_names
    return [
        ErrorImage(
            digest=images.digests[place],
            path=paths[image_id],
            given_label=names[images.given[place]],
            predicted_label=names[images.predicted[place]],
            confidence=round(float(images.confidence[place]), 6),
            given_probability=round(float(images.pred_probs[place, images.given[place]]), 6),
            newest_label=None if images.newest[place] == NO_CLASS else names[images.newest[place]],
            is_reviewed=bool(images.is_reviewed[place]),
            nearest=nearest.get(image_id, ()),
            train_duplicates=duplicates.get(image_id, ()),
        )
        for place, image_id in zip(places.tolist(), image_ids.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class _Trained:
    """The training images of a run, or of the other folds.

    Attributes:
        label: By image id.
        group: In cross-validation the group of each image, whose members have the same fold; else empty.
    """

    label: Mapping[int, str]
    group: Mapping[int, str]

    def teaches(self, other: int, image_id: int) -> bool:
        """Return whether the model that predicted an image was trained on another one."""
        if other not in self.label:
            return False
        return not self.group or self.group[other] != self.group.get(image_id)


def _trained_on(workspace: Workspace, run: Run, split: str) -> _Trained:
    if split != "cv":
        rows = workspace.query(
            "SELECT image_id, label FROM snapshot_item WHERE snapshot_id = ? AND split = 'train'",
            (run.snapshot_id,),
        )
        return _Trained({row["image_id"]: row["label"] for row in rows}, {})
    rows = workspace.query(
        "SELECT m.image_id, m.label, m.group_key FROM prediction p JOIN snapshot_item m"
        " ON m.snapshot_id = ? AND m.image_id = p.image_id WHERE p.run_id = ? AND p.split = 'cv'",
        (run.snapshot_id, run.run_id),
    )
    labels = {row["image_id"]: row["label"] for row in rows}
    return _Trained(labels, {row["image_id"]: row["group_key"] for row in rows})


def _paths(workspace: Workspace, image_ids: Sequence[int]) -> dict[int, str]:
    return {image_id: path for image_id, (_, path) in _named(workspace, image_ids).items()}


def _named(workspace: Workspace, image_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return digest and path of images by id."""
    found = {}
    for image_id in image_ids:  # One lookup by key each: a list of a hundred thousand has no better plan.
        row = workspace.one(f"SELECT i.digest, {FIRST_PATH} AS path FROM image i WHERE i.id = ?", (image_id,))
        if row is not None:
            found[image_id] = (row["digest"], row["path"])
    return found


_DUPLICATES = (
    "SELECT d.other, i.digest FROM (SELECT image_b_id AS other FROM duplicate_pair WHERE image_a_id = :id"
    " UNION ALL SELECT image_a_id FROM duplicate_pair WHERE image_b_id = :id) d"
    " JOIN image i ON i.id = d.other WHERE COALESCE((SELECT j.verdict FROM pair_judgement j"
    " WHERE j.image_a_id = MIN(:id, d.other) AND j.image_b_id = MAX(:id, d.other)"
    " ORDER BY j.id DESC LIMIT 1), 'open') <> 'different' ORDER BY d.other"
)


def _train_duplicates(
    workspace: Workspace, image_ids: Sequence[int], trained: _Trained
) -> dict[int, tuple[str, ...]]:
    found = {}
    for image_id in image_ids if trained.label else ():
        rows = workspace.query(_DUPLICATES, {"id": image_id})
        if digests := tuple(row["digest"] for row in rows if trained.teaches(row["other"], image_id)):
            found[image_id] = digests
    return found


def _nearest(
    workspace: Workspace, image_ids: np.ndarray, trained: _Trained, *, n: int
) -> dict[int, tuple[NearTrained, ...]]:
    """Return the nearest training images by id, from the embeddings that were used last."""
    sets = stored.sets(workspace)
    if not sets or not trained.label or not len(image_ids):
        return {}
    own = stored.load(workspace, sets[0].set_id, image_ids.tolist())
    others = stored.load(workspace, sets[0].set_id, list(trained.label))
    # In cross-validation, the image and its near duplicates are among them.
    near = neighbours.nearest(others.features, own.features, n + N_OF_GROUP if trained.group else n)
    named = _named(workspace, np.unique(others.image_ids[near.indices[near.indices >= 0]]).tolist())
    found = {}
    for image_id, rows, similarities in zip(
        own.image_ids.tolist(), near.indices.tolist(), near.similarity.tolist(), strict=True
    ):
        ids = [int(others.image_ids[row]) for row in rows if row >= 0]
        found[image_id] = tuple(
            NearTrained(*named[each], trained.label[each], round(similarity, 4))
            for each, similarity in zip(ids, similarities, strict=False)
            if trained.teaches(each, image_id)
        )[:n]
    return found

"""What a run predicts wrongly, doubtful labels first, with the training images that are most like each."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from peakid.curate.queues import run_errors
from peakid.embed import stored
from peakid.embed.index import among as search_among
from peakid.embed.index.among import Among
from peakid.evaluate.scored_images import NO_CLASS, ScoredImages
from peakid.records import Run
from peakid.store import origins
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
    named = origins.named(workspace, image_ids.tolist())
    trained = _trained_on(workspace, run, images.split)
    duplicates = _train_duplicates(workspace, image_ids.tolist(), trained)
    nearest = _nearest(workspace, image_ids, trained, n=N_NEAREST)
    names = images.class_names
    return [
        ErrorImage(
            digest=images.digests[place],
            path=named[image_id][1],
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
class _Taught:
    """A training image: its label and, in cross-validation, its group, whose members have the same fold."""

    label: str
    group: str | None


@dataclass(frozen=True)
class _Trained:
    """The training images of a run, or of the other folds: of millions, those that are asked for are read."""

    workspace: Workspace
    among: Among
    is_by_group: bool

    def read(self, image_ids: Iterable[int]) -> dict[int, _Taught]:
        """Return those of some images that are training images, by id."""
        group = "group_key" if self.is_by_group else "NULL"
        rows = self.workspace.query(
            f"SELECT image_id, label, {group} AS group_key FROM ({self.among.sql})"
            " WHERE image_id IN (SELECT value FROM json_each(:within))",
            {**self.among.parameters, "within": json.dumps(sorted(set(image_ids)))},
        )
        return {row["image_id"]: _Taught(row["label"], row["group_key"]) for row in rows}


def _teaches(other: _Taught | None, own: _Taught | None) -> bool:
    """Return whether the model that predicted an image was trained on another one."""
    if other is None:
        return False
    return other.group is None or own is None or other.group != own.group


def _trained_on(workspace: Workspace, run: Run, split: str) -> _Trained:
    of_run = {"snapshot": run.snapshot_id, "run": run.run_id}
    if split != "cv":
        sql = "SELECT image_id, label FROM snapshot_item WHERE snapshot_id = :snapshot AND split = 'train'"
        return _Trained(workspace, Among(sql, of_run), is_by_group=False)
    sql = (
        "SELECT m.image_id, m.label, m.group_key FROM snapshot_item m WHERE m.snapshot_id = :snapshot"
        " AND EXISTS (SELECT 1 FROM prediction p WHERE p.run_id = :run AND p.image_id = m.image_id"
        " AND p.split = 'cv')"
    )
    return _Trained(workspace, Among(sql, of_run), is_by_group=True)


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
    pairs = {
        image_id: [(row["other"], row["digest"]) for row in workspace.query(_DUPLICATES, {"id": image_id})]
        for image_id in image_ids
    }
    taught = trained.read([*image_ids, *(other for each in pairs.values() for other, _ in each)])
    found = {}
    for image_id, others in pairs.items():
        own = taught.get(image_id)
        if digests := tuple(digest for other, digest in others if _teaches(taught.get(other), own)):
            found[image_id] = digests
    return found


def _nearest(
    workspace: Workspace, image_ids: np.ndarray, trained: _Trained, *, n: int
) -> dict[int, tuple[NearTrained, ...]]:
    """Return the nearest training images by id, from the embeddings that were used last."""
    sets = stored.sets(workspace)
    if not sets or not len(image_ids):
        return {}
    own = stored.load(workspace, sets[0].set_id, image_ids.tolist())
    # In cross-validation, the image and its near duplicates are among them.
    n_wanted = n + N_OF_GROUP if trained.is_by_group else n
    near = search_among.nearest(workspace, sets[0], own.features, n_wanted, among=trained.among)
    ids = np.unique(near.image_ids[near.image_ids >= 0]).tolist()
    named = origins.named(workspace, ids)
    taught = trained.read([*ids, *own.image_ids.tolist()])
    found = {}
    for image_id, others, similarities in zip(
        own.image_ids.tolist(), near.image_ids.tolist(), near.similarity.tolist(), strict=True
    ):
        found[image_id] = tuple(
            NearTrained(*named[other], taught[other].label, round(similarity, 4))
            for other, similarity in zip(others, similarities, strict=True)
            if _teaches(taught.get(other), taught.get(image_id))
        )[:n]
    return found

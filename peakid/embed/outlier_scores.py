"""Keep the outlier scores of a workspace, computed from its embeddings and labels."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakid import near_names, progress_text
from peakid.embed import outliers, reading, stored
from peakid.embed.index import search
from peakid.embed.neighbours import ChosenRows, Neighbours
from peakid.embed.outliers import Outliers
from peakid.embed.stored import EmbeddingSet
from peakid.errors import NotFound
from peakid.records import Report, no_report
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace, now

PHASE = "Finding outliers"
MOST_AT_ONCE = 100_000  # Images that a page waits for: half a minute.
LEAST_LISTED = 40  # Of a varied collection the threshold finds few or none, but the strangest are listed.
LEAST_SHARE = 0.1  # Of a small collection, at most this share is listed without being below the threshold.
ALL_CLASSES = 0  # Key of `outlier_limit` for the scores over all classes. Ids of classes begin at 1.


@dataclass(frozen=True)
class ScoredImage:
    """An image with its outlier score: 0 = strange, 1 = like the others."""

    digest: str
    path: str
    label: str | None
    outlier_score: float
    is_outlier: bool
    why: str


@dataclass(frozen=True)
class _State:
    """What scores are computed from: equal states give equal scores."""

    set_id: int
    n_images: int
    decision_id: int


def refresh(workspace: Workspace, *, most: int | None = None, report: Report = no_report) -> bool:
    """Compute the scores again if embeddings or labels have changed since; return whether it was done.

    Excluded images are neither scored nor compared with. 10,000 images take a few seconds. Each is compared
    with a sample of 5,000. Where an index of neighbours is there, the images that seem strangest are compared
    with the nearest ones among all, of which it may miss a few (bench/outliers.py).

    Args:
        most: Of more images, the scores stay as they are: they take minutes. None = compute them in any case.

    Raises:
        NoEmbeddings: If no image has an embedding.
        NotFound: If more than `most` images have no scores yet.
    """
    chosen = stored.find(workspace)
    if most is not None and chosen.n_images > most:
        _refuse_without_scores(workspace, most)
        return False
    state = _State(chosen.set_id, chosen.n_images, _newest_decision(workspace))
    if state == _stored_state(workspace):
        return False
    report(PHASE, 0, 0, "")
    scored = _scored(workspace, chosen)
    found = outliers.score(scored.features, scored.labels, n_references=outliers.N_REFERENCES)
    if search.is_complete(workspace, chosen):
        found = _compared_further(workspace, chosen, scored, found, report)
    _write(workspace, state, scored, found)
    return True


def is_outdated(workspace: Workspace) -> bool:
    """Return whether images have been embedded or forgotten since the scores were computed, or none were."""
    found, before = stored.sets(workspace), _stored_state(workspace)
    if not found:
        return False
    return before is None or (before.set_id, before.n_images) != (found[0].set_id, found[0].n_images)


def list_outliers(
    workspace: Workspace, *, class_name: str | None = None, limit: int | None = None
) -> list[ScoredImage]:
    """Return the scored images, the strangest first: over all classes, or those of one class within it.

    Raises:
        NotFound: If there is no such class.
    """
    class_id = ALL_CLASSES if class_name is None else _class_id(workspace, class_name)
    score, where = ("score", "1") if class_name is None else ("class_score", "q.class_id = :class_id")
    rows = workspace.query(
        f"SELECT i.digest, {FIRST_PATH} AS path, c.name AS label, n.name AS nearest, q.{score} AS score,"
        " q.score AS best, COALESCE((SELECT outlier_below FROM outlier_limit WHERE class_id = :class_id), 0)"
        " AS below FROM outlier_score q JOIN image i ON i.id = q.image_id"
        " JOIN image_state s ON s.image_id = i.id LEFT JOIN class c ON c.id = s.class_id"
        f" LEFT JOIN class n ON n.id = q.nearest_class_id WHERE {where} AND q.{score} IS NOT NULL"
        f" ORDER BY q.{score}, q.image_id LIMIT :limit",
        {"class_id": class_id, "limit": -1 if limit is None else limit},
    )
    return [
        ScoredImage(
            digest=row["digest"],
            path=row["path"],
            label=row["label"],
            outlier_score=round(row["score"], 6),
            is_outlier=row["score"] < row["below"],
            why=_why(class_name, row["nearest"], row["score"], row["best"]),
        )
        for row in rows
    ]


def _why(class_name: str | None, nearest: str | None, score: float, best: float) -> str:
    if class_name is not None:
        other = f"; nearest is {nearest} at {best:.2f}" if nearest not in (None, class_name) else ""
        return f"similarity {score:.2f} to the nearest {class_name}{other}"
    return f"nearest is {nearest or 'no class, but images without a label'} at {score:.2f}"


def _class_id(workspace: Workspace, name: str) -> int:
    row = workspace.one("SELECT id FROM class WHERE name = ?", (name,))
    if row is None:
        names = [each["name"] for each in workspace.query("SELECT name FROM class ORDER BY position, id")]
        remedy = near_names.remedy(name, names, f"There are: {', '.join(names) or 'no classes yet'}.")
        raise NotFound(f"There is no class {name!r}.", remedy)
    return row["id"]


def _refuse_without_scores(workspace: Workspace, most: int) -> None:
    if _stored_state(workspace) is None:
        raise NotFound(
            f"Outliers among more than {most:,} images take minutes to find; none were looked for.",
            "Find them with: peakid outliers",
        )


def _newest_decision(workspace: Workspace) -> int:
    row = workspace.one("SELECT MAX(id) AS id FROM decision")
    return row["id"] or 0 if row else 0


@dataclass(frozen=True)
class _Scored:
    """The images that are scored: with an embedding and not excluded.

    Attributes:
        image_ids: int64 of shape (N,), ascending.
        features: Read from the file in parts.
        labels: int64 of shape (N,): the id of the class, -1 = no label.
    """

    image_ids: np.ndarray
    features: ChosenRows
    labels: np.ndarray

    def places(self, image_ids: np.ndarray) -> np.ndarray:
        """Return the places of images among them, -1 for others: int64 of the same shape."""
        at = np.minimum(np.searchsorted(self.image_ids, image_ids), len(self.image_ids) - 1)
        return np.where(self.image_ids[at] == image_ids, at, -1)


def _scored(workspace: Workspace, chosen: EmbeddingSet) -> _Scored:
    every = reading.every(workspace, chosen.set_id)
    known = workspace.connection().execute(
        "SELECT image_id, COALESCE(class_id, -1) FROM image_state WHERE verdict <> 'exclude'"
        " ORDER BY image_id"
    )
    # Without a list of rows, which of millions would take a gigabyte.
    pairs = np.fromiter(itertools.chain.from_iterable(known), dtype=np.int64).reshape(-1, 2)
    image_ids, at, of_pair = np.intersect1d(
        every.image_ids, pairs[:, 0], assume_unique=True, return_indices=True
    )
    return _Scored(image_ids, every.features.take(at), pairs[of_pair, 1])


def _compared_further(
    workspace: Workspace, chosen: EmbeddingSet, scored: _Scored, found: Outliers, report: Report
) -> Outliers:
    """Compare the images that seem strangest with the nearest ones that the index finds."""

    def nearest(at: np.ndarray) -> Neighbours:
        own = scored.image_ids[at]
        near = search.nearest(workspace, chosen, scored.features[at], outliers.N_NEAREST, exclude=own)
        # Excluded images have no place: they are left out.
        return Neighbours(scored.places(near.image_ids), near.similarity)

    def told(n_done: int, n: int) -> None:
        report(PHASE, n_done, n, progress_text.counted(n_done, n, "strange images"))

    return outliers.compare_further(
        scored.features, scored.labels, found, nearest, n_references=outliers.N_REFERENCES, told=told
    )


def _stored_state(workspace: Workspace) -> _State | None:
    row = workspace.one("SELECT set_id, n_images, decision_id FROM outlier_state")
    return None if row is None else _State(row["set_id"], row["n_images"], row["decision_id"])


def _write(workspace: Workspace, state: _State, scored: _Scored, found: Outliers) -> None:
    image_ids, labels = scored.image_ids, scored.labels
    rows = (
        (
            int(image_ids[n]),
            float(found.score[n]),
            _id_or_none(found.nearest_class[n]),
            _id_or_none(labels[n]),
            float(found.class_score[n]) if np.isfinite(found.class_score[n]) else None,
            float(found.nearest_similarity[n]),
        )
        for n in np.flatnonzero(np.isfinite(found.score) & np.isfinite(found.nearest_similarity)).tolist()
    )
    limits = [_limit(ALL_CLASSES, found.score, settled=found.settled_score)]
    limits += [_limit(int(each), found.class_score[labels == each]) for each in np.unique(labels) if each > 0]
    lonely = min(outliers.lonely_below(found.nearest_similarity), found.settled_similarity)
    with workspace.transaction() as connection:
        for table in ("outlier_score", "outlier_limit", "outlier_state"):
            connection.execute(f"DELETE FROM {table}")
        connection.executemany("INSERT INTO outlier_score VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.executemany("INSERT INTO outlier_limit VALUES (?, ?, ?)", limits)
        connection.execute(
            "INSERT INTO outlier_state VALUES (1, ?, ?, ?, ?, ?)",
            (state.set_id, state.n_images, state.decision_id, lonely, now()),
        )


def _limit(class_id: int, scores: np.ndarray, *, settled: float = np.inf) -> tuple[int, float, float]:
    """Return (class_id, outlier_below, listed_below) for the scores of a class or of all images.

    Args:
        settled: From there on, scores seem lower than they are: none of them is listed.
    """
    known: Sequence[float] = np.sort(scores[np.isfinite(scores)]).tolist()
    below = min(outliers.threshold(np.asarray(known)), settled)
    n_least = min(LEAST_LISTED, int(np.ceil(LEAST_SHARE * len(known))))
    listed = max(below, known[n_least]) if n_least < len(known) else max(below, 0.0)
    return class_id, below, min(listed, settled)


def _id_or_none(value: np.int64) -> int | None:
    return int(value) if value > 0 else None

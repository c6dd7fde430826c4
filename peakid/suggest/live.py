"""Keep the live head of a workspace in memory: refit it after judgements and store what it suggests."""

import json
import time
from dataclasses import dataclass, replace

import numpy as np

import peakid
from peakid.curate.queues import queue_plans
from peakid.embed import averaged, neighbours, stored
from peakid.embed.index import build, search
from peakid.embed.stored import EmbeddingSet
from peakid.store.workspace import Workspace
from peakid.suggest import fitted, groups, label_quality, next_images, run_evidence
from peakid.suggest.fitted import NO_CLASS, HeadFit, Rows
from peakid.suggest.head import Fit, LiveHead
from peakid.suggest.known_labels import KnownLabels, Labels

FEWEST_CLASSES = 2
DOUBTED_BELOW = 0.5  # Label quality; from there on, no other class is clearly more likely.
N_NEAR = 5  # Nearest labelled images that a reason counts.
N_CANDIDATES = 20  # Nearest images of any kind: among them, the labelled ones are counted.
MOST_EXPLAINED = 600  # Images at the head of each queue whose nearest images are counted: some screens.
MOST_AT_ONCE = 64  # Images whose nearest are found before a fit is written; of the others after it.


@dataclass(frozen=True)
class Basis:
    """What a fit depends on. `pictures` is about the head itself, `judgements` about the labels.

    `set_id` is of the embeddings that the head learns from, `searched` of those that nearest images are found
    with: of one view of each photo, where those of the head are means over several.
    """

    set_id: int
    searched: EmbeddingSet
    pictures: tuple[int, ...]
    judgements: tuple[int, ...]

    @property
    def text(self) -> str:
        # Another version of Peakid may rank labels by other rules.
        return json.dumps([peakid.__version__, self.set_id, self.pictures, self.judgements])

    @property
    def decision_id(self) -> int:
        return self.judgements[0]


class Live:
    """The live head of one workspace: its state is what `fitted` has stored, and can be lost at any time.

    Memory: the features of at most `groups.MOST_FOLLOWED` images, and a few hundred bytes for each image of
    the workspace. Of more images, whole groups are drawn, those that a person has judged first.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.build_seconds = 0.0
        self._built_on: Basis | None = None
        self._set: EmbeddingSet | None = None
        self._features = np.zeros((0, 0), dtype=np.float16)
        self._ids = np.zeros(0, dtype=np.int64)
        self._groups = self._ids
        self._head: LiveHead | None = None
        self._labels = KnownLabels(self._ids)
        self._written = Rows.none_of(self._ids)
        self._run_evidence: tuple[tuple[int, ...], list[np.ndarray]] | None = None
        self._near: dict[int, np.ndarray] = {}  # Row of an image -> rows of its nearest, other groups only.

    def refresh(self, *, is_rebuilt: bool = True) -> HeadFit | None:
        """Fit the head on the labels as they are now, and store what changed.

        Args:
            is_rebuilt: False keeps the head where only images were added: building takes longer than fitting.

        Returns:
            The fit; None where there are no embeddings, or labels of fewer than two classes.
        """
        began = time.monotonic()
        basis = read_basis(self.workspace)
        if basis is None:
            fitted.clear(self.workspace)
            return None
        if self._must_build(basis, is_rebuilt=is_rebuilt):
            self._build(basis)
        labels = self._labels.read(self.workspace, basis.decision_id)
        if len(labels.class_ids) < FEWEST_CLASSES or self._head is None:
            fitted.clear(self.workspace)
            self._written = Rows.none_of(self._ids)
            return None
        return self._fit(self._known(basis), labels, began)

    def is_outdated(self) -> bool:
        """Return whether the stored fit is not that of the labels and embeddings as they are now."""
        return is_outdated(self.workspace)

    def _must_build(self, basis: Basis, *, is_rebuilt: bool) -> bool:
        before = self._built_on
        if before is None or before.set_id != basis.set_id or before.pictures[1:] != basis.pictures[1:]:
            return True
        return is_rebuilt and before.pictures != basis.pictures

    def _known(self, basis: Basis) -> Basis:
        """Return the basis of a fit now: an embedding that the head does not have yet makes it outdated."""
        return basis if self._built_on is None else replace(basis, pictures=self._built_on.pictures)

    def _build(self, basis: Basis) -> None:
        began = time.monotonic()
        self._head = None  # Two of them would not fit in the memory that one may take.
        self._near, self._run_evidence = {}, None
        found = stored.load(self.workspace, basis.set_id, self._followed(basis))
        self._set, self._features, self._ids = basis.searched, found.features, found.image_ids
        self._groups = groups.of_images(self.workspace, self._ids)
        self._labels = KnownLabels(self._ids)
        if len(self._ids):
            self._head = LiveHead(self._features, self._groups)
        fitted.keep_only(self.workspace, self._ids)
        self._written = fitted.read_rows(self.workspace, self._ids)
        self._built_on = basis
        self.build_seconds = time.monotonic() - began

    def _followed(self, basis: Basis) -> list[int] | None:
        """Return the ids of the images that the head knows; None = all with an embedding."""
        ids, _ = stored.rows(self.workspace, basis.set_id)
        if len(ids) <= groups.MOST_FOLLOWED:
            return None
        is_reviewed = KnownLabels(ids).read(self.workspace, basis.decision_id).is_reviewed
        of_all = groups.of_images(self.workspace, ids)
        return ids[groups.sampled(ids, of_all, is_reviewed, groups.MOST_FOLLOWED)].tolist()

    def _fit(self, basis: Basis, labels: Labels, began: float) -> HeadFit:
        assert self._head is not None
        fit, ranking = label_quality.rank(
            self._head,
            labels.columns,
            len(labels.class_ids),
            conflicts=self._conflicts(),
            trusted=labels.is_reviewed,
            others=self._of_run(basis, labels),
        )
        rows = self._rows(labels, fit, ranking)
        wanted = self._first_of_queues(rows)
        missing = [row for row in wanted if row not in self._near]
        if len(missing) <= MOST_AT_ONCE:
            self._find_near(missing)
        rows = self._counted(rows, labels, wanted)
        number = (before.number if (before := fitted.read_fit(self.workspace)) else 0) + 1
        found = HeadFit(
            number=number,
            basis=basis.text,
            set_id=basis.set_id,
            decision_id=basis.decision_id,
            n_images=len(self._ids),
            n_labelled=int((labels.columns != NO_CLASS).sum()),
            n_classes=len(labels.class_ids),
            n_issues=int((rows.is_issue & ~labels.is_reviewed).sum()),
            seconds=time.monotonic() - began,
            fitted_at="",
        )
        fitted.write(self.workspace, rows, self._written, found)
        if len(missing) > MOST_AT_ONCE:
            self._find_near(missing)
            rows = self._counted(rows, labels, wanted)
            fitted.write(self.workspace, rows, self._written, replace(found, number=number + 1))
        return found

    def _of_run(self, basis: Basis, labels: Labels) -> list[np.ndarray]:
        """Return what the newest run predicts, read once for a run and its classes."""
        known = (basis.judgements[-1], *labels.class_ids.tolist())
        if self._run_evidence is None or self._run_evidence[0] != known:
            names = {row["id"]: row["name"] for row in self.workspace.query("SELECT id, name FROM class")}
            wanted = [names[class_id] for class_id in labels.class_ids.tolist()]
            self._run_evidence = known, run_evidence.of_newest(self.workspace, self._ids, wanted)
        return self._run_evidence[1]

    def _conflicts(self) -> np.ndarray:
        """Return which images have a near duplicate with another label: bool of shape (N,)."""
        ids = [row["image_id"] for row in self.workspace.query("SELECT image_id FROM label_conflict")]
        return np.isin(self._ids, np.array(ids, dtype=np.int64))

    def _rows(self, labels: Labels, fit: Fit, ranking: label_quality.Ranking) -> Rows:
        n = np.arange(len(self._ids))
        is_labelled = labels.columns != NO_CLASS
        suggested = np.where(is_labelled, ranking.suggested, fit.probabilities.argmax(axis=1))
        return Rows(
            self._ids,
            is_present=labels.is_present,
            given=np.where(is_labelled, labels.class_ids[labels.columns], NO_CLASS),
            suggested=labels.class_ids[suggested],
            confidence=np.clip(fit.probabilities[n, suggested].astype(np.float64), 0, 1),
            quality=np.where(is_labelled, ranking.label_quality, np.nan),
            is_issue=(ranking.is_issue | _still_doubted(ranking, labels)) & is_labelled & labels.is_present,
            usefulness=self._usefulness(labels, fit),
            n_near=np.zeros(len(n), dtype=np.int64),
            n_near_suggested=np.zeros(len(n), dtype=np.int64),
        )

    def _usefulness(self, labels: Labels, fit: Fit) -> np.ndarray:
        """Return how useful a label of each image would be: (N,), NaN but for the first ones."""
        known = np.where(labels.is_present, labels.columns, 0)  # An excluded image needs no label.
        found = next_images.usefulness(self._features, fit.probabilities, known)
        return next_images.first(found, MOST_EXPLAINED)

    def _first_of_queues(self, rows: Rows) -> list[int]:
        """Return the first images of the queues of label issues and of suggestions, in order."""
        issues = np.flatnonzero(rows.is_issue)
        issues = issues[np.argsort(rows.quality[issues], kind="stable")][:MOST_EXPLAINED]
        unlabelled = np.flatnonzero(rows.is_present & np.isnan(rows.quality))
        unlabelled = unlabelled[np.argsort(-rows.confidence[unlabelled], kind="stable")][:MOST_EXPLAINED]
        return [*issues.tolist(), *unlabelled.tolist()]

    def _find_near(self, rows: list[int]) -> None:
        """Find the nearest images of these that are not of the same picture. They do not depend on labels."""
        if not rows or self._set is None:
            return
        at = np.array(rows, dtype=np.int64)
        for row, near in zip(rows, self._nearest(self._set, at), strict=True):
            self._near[row] = near[self._groups[near] != self._groups[row]]

    def _nearest(self, chosen: EmbeddingSet, at: np.ndarray) -> list[np.ndarray]:
        """Return the rows of the nearest images of each of some rows, the nearest first."""
        if len(self._ids) <= build.BRUTE_FORCE_UP_TO:
            compared = neighbours.nearest(self._features, self._features[at], N_CANDIDATES, exclude=at)
            return [near[near >= 0] for near in compared.indices]
        asked = stored.load(self.workspace, chosen.set_id, self._ids[at].tolist())  # Ascending by id.
        found = search.nearest(self.workspace, chosen, asked.features, N_CANDIDATES, exclude=asked.image_ids)
        near = dict(zip(asked.image_ids.tolist(), map(self._rows_of, found.image_ids), strict=True))
        return [near.get(image_id, np.zeros(0, dtype=np.int64)) for image_id in self._ids[at].tolist()]

    def _rows_of(self, image_ids: np.ndarray) -> np.ndarray:
        """Return the rows of images in their order, without those that the head does not have."""
        at = np.minimum(np.searchsorted(self._ids, image_ids), len(self._ids) - 1)
        return at[self._ids[at] == image_ids]

    def _counted(self, rows: Rows, labels: Labels, wanted: list[int]) -> Rows:
        """Return the rows with the nearest labelled images counted, where those are known."""
        n_near, n_suggested = np.zeros_like(rows.n_near), np.zeros_like(rows.n_near)
        for row in wanted:
            near = self._near.get(row)
            if near is None:
                continue
            columns = labels.columns[near]
            classes = labels.class_ids[columns[columns != NO_CLASS][:N_NEAR]]
            n_near[row], n_suggested[row] = len(classes), int((classes == rows.suggested[row]).sum())
        return replace(rows, n_near=n_near, n_near_suggested=n_suggested)


def _still_doubted(ranking: label_quality.Ranking, labels: Labels) -> np.ndarray:
    """Return the confirmed labels that another class contradicts: bool of shape (N,).

    They are listed to whoever asks for them only.
    """
    is_doubted = ranking.label_quality < DOUBTED_BELOW  # NaN: no label.
    return is_doubted & labels.is_reviewed & (ranking.suggested != labels.columns)


def read_basis(workspace: Workspace) -> Basis | None:
    """Return what a fit would depend on now; None where no image has an embedding."""
    found = stored.sets(workspace)
    if not found:
        return None
    chosen = averaged.of_head(workspace, found[0])
    row = workspace.query(
        "SELECT (SELECT COALESCE(MAX(id), 0) FROM decision) AS decision_id,"
        " (SELECT revision FROM pair_revision) AS pairs,"
        " (SELECT COALESCE(MAX(id), 0) FROM pair_judgement) AS judged_pairs,"
        " (SELECT COUNT(*) FROM tombstone) AS forgotten,"
        " (SELECT COALESCE(SUM(id), 0) FROM class WHERE is_retired = 1) AS retired"
    )[0]
    return Basis(
        chosen.set_id,
        found[0],
        (chosen.n_images, row["pairs"], row["judged_pairs"], row["forgotten"]),
        (row["decision_id"], row["retired"], queue_plans.newest_run(workspace) or 0),
    )


def is_outdated(workspace: Workspace) -> bool:
    """Return whether the stored fit is not that of the labels and embeddings as they are now."""
    basis, fit = read_basis(workspace), fitted.read_fit(workspace)
    if basis is None:
        return fit is not None
    return fit is None or fit.basis != basis.text

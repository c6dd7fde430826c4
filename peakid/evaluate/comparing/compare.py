"""Compare runs on the same images with the newest labels: two of them, or several at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from peakid.errors import BadInput
from peakid.evaluate.comparing import common_images, needed, pairs, several
from peakid.evaluate.comparing.common_images import CommonImages, LeftOut
from peakid.evaluate.comparing.needed import Needed
from peakid.evaluate.comparing.pairs import ClassChange, Difference
from peakid.evaluate.comparing.several import CochranQ
from peakid.evaluate.trust import grouped
from peakid.records import Run
from peakid.remedies import action
from peakid.store import comparisons, runs
from peakid.store.workspace import Workspace

MOST_RUNS = 8  # 28 pairs. More are not read, and the correction for them hides what is there.


@dataclass(frozen=True)
class RunAccuracy:
    """The accuracy of one run on the common images. `interval` is of 95 %."""

    run_id: int
    accuracy: float
    interval: tuple[float, float]
    n_right: int


@dataclass(frozen=True)
class Comparison:
    """Two runs on the images that both were scored on. The difference is accuracy b minus accuracy a.

    Attributes:
        mcnemar_p: Of McNemar's exact test; near duplicates are exchanged together.
        warnings: Sentences about the snapshots of the runs.
    """

    a: int
    b: int
    split: str
    n_common: int
    accuracy_a: float
    accuracy_b: float
    n_only_a: int  # Images that only run a predicts correctly.
    n_only_b: int
    mcnemar_p: float
    difference_interval: tuple[float, float]
    warnings: tuple[str, ...] = ()

    @property
    def is_real(self) -> bool:
        """Whether the difference is significant at the 5 % level."""
        return self.mcnemar_p < pairs.SIGNIFICANCE


@dataclass(frozen=True)
class RunsCompared:
    """Several runs on the images that all of them were scored on.

    Attributes:
        n_groups: Groups of near duplicates among the images; as many as images where there are none.
        overall: The test of all runs at once; None for two, where the pair says it.
        differences: Of each pair, the earlier in the order given as a.
        needed: How many more images would settle each pair; None where its difference is significant.
        by_class: The change of each class from the first to the last of two runs; empty for more.
        warnings: Sentences about the snapshots of the runs.
    """

    run_ids: tuple[int, ...]
    split: str
    n_common: int
    n_groups: int
    class_names: tuple[str, ...]
    only_some_know: tuple[str, ...]
    left_out: LeftOut
    accuracies: tuple[RunAccuracy, ...]
    overall: CochranQ | None
    differences: tuple[Difference, ...]
    needed: tuple[Needed | None, ...]
    by_class: tuple[ClassChange, ...]
    warnings: tuple[str, ...] = ()

    @property
    def has_duplicates(self) -> bool:
        """Whether near duplicates are among the images."""
        return self.n_groups < self.n_common

    def to_json(self, snapshot_diff: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the comparison as `--json` prints it. Two runs have the keys of `Comparison` too.

        Args:
            snapshot_diff: The differences of the snapshots of two runs, as `snapshot.diff` returns them.
        """
        document = {
            name: value for name, value in asdict(self).items() if name not in ("by_class", "differences")
        }
        document["differences"] = [_difference_document(each) for each in self.differences]
        document["by_class"] = [
            {"class_name": each.class_name, **_difference_document(each.change)} for each in self.by_class
        ]
        if len(self.run_ids) == 2:
            document |= self._pair_document(snapshot_diff or {})
        return document

    def _pair_document(self, snapshot_diff: Mapping[str, object]) -> dict[str, Any]:
        pair = self.pair()
        plain = {name: value for name, value in vars(pair).items() if not name.startswith("accuracy_")}
        return plain | {
            "difference_interval": list(pair.difference_interval),
            "warnings": list(self.warnings),
            "accuracy": {"a": pair.accuracy_a, "b": pair.accuracy_b},
            "snapshot_diff": snapshot_diff,
        }

    def pair(self) -> Comparison:
        """Return the comparison of the first two runs."""
        found = self.differences[0]
        return Comparison(
            a=found.a,
            b=found.b,
            split=self.split,
            n_common=self.n_common,
            accuracy_a=found.accuracy_a,
            accuracy_b=found.accuracy_b,
            n_only_a=found.n_only_a,
            n_only_b=found.n_only_b,
            mcnemar_p=found.p,
            difference_interval=found.interval,
            warnings=self.warnings,
        )


def compare(workspace: Workspace, a: int, b: int, *, split: str = "valid", actor: str) -> Comparison:
    """Compare two runs image by image, as `compare_runs` does.

    Raises:
        NotFound: If there is no such run.
        BadInput: If a run has no predictions for the split, or the runs share no image with a class of both.
    """
    return compare_runs(workspace, [a, b], split=split, actor=actor).pair()


def compare_runs(
    workspace: Workspace, run_ids: Sequence[int], *, split: str = "valid", actor: str
) -> RunsCompared:
    """Compare two or more runs image by image.

    Only images that are in this split of every run count, so none of the runs was trained on them. Each is
    scored against its newest label, not the label at the time of training. On test this counts as a look at
    every run.

    Raises:
        NotFound: If there is no such run.
        BadInput: If fewer than two or too many runs are given, a run has no predictions for the split, or the
            runs share no image with a class of all.
    """
    if not 2 <= len(run_ids) <= MOST_RUNS:
        raise BadInput(
            f"{len(run_ids)} runs cannot be compared.",
            f"Give 2 to {MOST_RUNS} runs.",
            action("list_runs"),
        )
    compared = [runs.show(workspace, run_id) for run_id in run_ids]
    found = without_look(workspace, compared, split)
    if split == "test":
        for run_id in sorted(set(run_ids)):
            runs.look_at_test(workspace, run_id, actor)
    return found


def without_look(workspace: Workspace, compared: Sequence[Run], split: str) -> RunsCompared:
    """Compare runs without counting a look at test: for figures that are stored before they are shown.

    Raises:
        BadInput: If a run has no predictions for the split, or the runs share no image with a class of all.
    """
    images = common_images.load(workspace, compared, split)
    return of_images(images, tuple(_warnings(workspace, compared)))


def of_images(images: CommonImages, warnings: tuple[str, ...] = ()) -> RunsCompared:
    """Compare runs on arrays of their predictions."""
    differences = pairs.all_pairs(images)
    is_pair = len(images.run_ids) == 2
    return RunsCompared(
        run_ids=images.run_ids,
        split=images.split,
        n_common=len(images),
        n_groups=len(set(images.groups.tolist())),
        class_names=images.class_names,
        only_some_know=images.only_some_know,
        left_out=images.left_out,
        accuracies=tuple(
            RunAccuracy(
                run_id,
                float(is_right.mean()),
                grouped.share_interval(is_right, images.groups),
                int(is_right.sum()),
            )
            for run_id, is_right in zip(images.run_ids, images.is_right, strict=True)
        ),
        overall=None if is_pair else several.cochran_q(images.is_right, images.groups),
        differences=tuple(differences),
        needed=tuple(None if each.is_real else _needed(each) for each in differences),
        by_class=tuple(pairs.by_class(images, 0, 1)) if is_pair else (),
        warnings=warnings,
    )


def _needed(found: Difference) -> Needed:
    return needed.more(found.n_images, found.n_only_a, found.n_only_b, found.interval, effect=found.effect)


def _difference_document(found: Difference) -> dict[str, Any]:
    document = asdict(found) | {"difference": found.difference, "interval": list(found.interval)}
    return document | {"is_real": found.is_real}


def _warnings(workspace: Workspace, compared: Sequence[Run]) -> Iterator[str]:
    """Yield a sentence for each snapshot that has images which were never compared with all others."""
    for snapshot_id in dict.fromkeys(run.snapshot_id for run in compared):
        if warning := comparisons.of_snapshot(workspace, snapshot_id).warning:
            ids = [str(run.run_id) for run in compared if run.snapshot_id == snapshot_id]
            yield f"{'Run' if len(ids) == 1 else 'Runs'} {', '.join(ids)}: {warning}"

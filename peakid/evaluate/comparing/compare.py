"""Compare two runs on the same images with the newest labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from peakid.curate import classes
from peakid.errors import BadInput
from peakid.evaluate.intervals import mcnemar, paired_difference
from peakid.evaluate.report import checked_predictions
from peakid.records import Run
from peakid.remedies import action
from peakid.store import comparisons, runs
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Comparison:
    """Two runs on the images that both were scored on. The difference is accuracy b minus accuracy a."""

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
    warnings: tuple[str, ...] = ()  # About the snapshots of the runs.

    @property
    def is_real(self) -> bool:
        """Whether the difference is significant at the 5 % level."""
        return self.mcnemar_p < 0.05

    def to_json(self, snapshot_diff: Mapping[str, object]) -> dict[str, Any]:
        """Return the comparison as `--json` prints it.

        Args:
            snapshot_diff: The differences of the two snapshots, as `snapshot.diff` returns them.
        """
        document = {name: value for name, value in vars(self).items() if not name.startswith("accuracy_")}
        document["difference_interval"] = list(self.difference_interval)
        document["warnings"] = list(self.warnings)
        return document | {
            "accuracy": {"a": self.accuracy_a, "b": self.accuracy_b},
            "snapshot_diff": snapshot_diff,
        }


def compare(workspace: Workspace, a: int, b: int, *, split: str = "valid", actor: str) -> Comparison:
    """Compare two runs image by image.

    Only images that are in this split of both runs count, so neither run was trained on them. Each is scored
    against its newest label, not the label at the time of training. The p-value is that of McNemar's exact
    test on the images that only one of the runs predicts correctly. On test this counts as a look at both.

    Raises:
        NotFound: If there is no such run.
        BadInput: If a run has no predictions for the split, or the runs share no image with a class of both.
    """
    run_a, run_b = runs.show(workspace, a), runs.show(workspace, b)
    current = classes.current_names(workspace)  # Either run may know a class by an earlier name.
    predicted_a = _predicted(workspace, run_a, split, current)
    predicted_b = _predicted(workspace, run_b, split, current)
    labels = _newest_labels(workspace, a, split)
    names_a, names_b = ({current.get(name) for name in run.class_names} for run in (run_a, run_b))
    common = [d for d in predicted_a if d in predicted_b and labels.get(d) in names_a & names_b]
    if not common:
        raise BadInput(
            f"Runs {a} and {b} share no labelled image in {split}.",
            "Compare runs on snapshots with the same seed.",
            action("list_runs"),
        )
    is_right = [(predicted_a[d] == labels[d], predicted_b[d] == labels[d]) for d in common]
    if split == "test":
        for run_id in {a, b}:
            runs.look_at_test(workspace, run_id, actor)
    return replace(_compared(a, b, split, is_right), warnings=tuple(_warnings(workspace, run_a, run_b)))


def _warnings(workspace: Workspace, *compared_runs: Run) -> Iterator[str]:
    """Yield a sentence for each run whose snapshot has images that were never compared."""
    for run in compared_runs:
        if warning := comparisons.of_snapshot(workspace, run.snapshot_id).warning:
            yield f"Run {run.run_id}: {warning}"


def _predicted(
    workspace: Workspace, run: Run, split: str, current: Mapping[str, str]
) -> dict[str, str | None]:
    """Return the predicted labels of a run by digest, as current class names."""
    predictions = checked_predictions(workspace, run, split)
    return {each.digest: current.get(each.predicted_label) for each in predictions}


def _compared(a: int, b: int, split: str, is_right: list[tuple[bool, bool]]) -> Comparison:
    n = len(is_right)
    n_only_a, n_only_b = is_right.count((True, False)), is_right.count((False, True))
    return Comparison(
        a=a,
        b=b,
        split=split,
        n_common=n,
        accuracy_a=sum(right for right, _ in is_right) / n,
        accuracy_b=sum(right for _, right in is_right) / n,
        n_only_a=n_only_a,
        n_only_b=n_only_b,
        mcnemar_p=mcnemar(n_only_a, n_only_b),
        difference_interval=paired_difference(n, n_only_a, n_only_b),
    )


def _newest_labels(workspace: Workspace, run_id: int, split: str) -> dict[str, str]:
    rows = workspace.query(
        "SELECT i.digest, c.name FROM prediction p JOIN image i ON i.id = p.image_id"
        " JOIN image_state s ON s.image_id = i.id JOIN class c ON c.id = s.class_id"
        " WHERE p.run_id = ? AND p.split = ? AND s.verdict = 'label'",
        (run_id, split),
    )
    return {row["digest"]: row["name"] for row in rows}

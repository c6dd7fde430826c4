"""Whether one run is better than another, on the same images under the newest labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peakid.curate import classes
from peakid.errors import BadInput
from peakid.evaluate.intervals import mcnemar, paired_difference
from peakid.evaluate.report import checked_predictions
from peakid.store import runs
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class Comparison:
    """Two runs on the images both were scored on. The difference is that of accuracies, b minus a."""

    a: int
    b: int
    split: str
    n_common: int
    accuracy_a: float
    accuracy_b: float
    n_only_a: int  # Images that only run a has right.
    n_only_b: int
    mcnemar_p: float
    difference_interval: tuple[float, float]

    @property
    def is_real(self) -> bool:
        """Whether a difference as large as this would be rare between equal runs."""
        return self.mcnemar_p < 0.05

    def to_json(self, snapshot_diff: Mapping[str, object]) -> dict[str, Any]:
        """Return the comparison as the command line prints it; what changed between the snapshots is asked elsewhere."""
        document = {name: value for name, value in vars(self).items() if not name.startswith("accuracy_")}
        document["difference_interval"] = list(self.difference_interval)
        return document | {
            "accuracy": {"a": self.accuracy_a, "b": self.accuracy_b},
            "snapshot_diff": snapshot_diff,
        }


def compare(workspace: Workspace, a: int, b: int, *, split: str = "valid", actor: str) -> Comparison:
    """Compare two runs image by image.

    Only images that lie in this split for both count, so neither run has learned from them; each is scored
    against its newest label, not against the one of its time. The p-value is McNemar's exact one, from the
    images that just one of the runs has right. On test this counts as a look at both.

    Raises:
        NotFound: If there is no such run.
        BadInput: If a run has no predictions there, or they share no image that is labelled with a class of both.
    """
    run_a, run_b = runs.show(workspace, a), runs.show(workspace, b)
    current = classes.current_names(
        workspace
    )  # A renamed or merged class is the same answer under another name.
    said_a = {
        each.digest: current.get(each.predicted_label)
        for each in checked_predictions(workspace, run_a, split)
    }
    said_b = {
        each.digest: current.get(each.predicted_label)
        for each in checked_predictions(workspace, run_b, split)
    }
    labels = _newest_labels(workspace, a, split)
    known = {current.get(name) for name in run_a.class_names} & {
        current.get(name) for name in run_b.class_names
    }
    common = [digest for digest in said_a if digest in said_b and labels.get(digest) in known]
    if not common:
        raise BadInput(
            f"Runs {a} and {b} share no labelled image of {split}.", "Compare runs on snapshots of one seed."
        )
    is_right = [(said_a[digest] == labels[digest], said_b[digest] == labels[digest]) for digest in common]
    if split == "test":
        for run_id in {a, b}:
            runs.look_at_test(workspace, run_id, actor)
    return _compared(a, b, split, is_right)


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
        "SELECT i.digest, c.name FROM prediction p JOIN image i ON i.id = p.image_id JOIN image_state s ON s.image_id = i.id"
        " JOIN class c ON c.id = s.class_id WHERE p.run_id = ? AND p.split = ? AND s.verdict = 'label'",
        (run_id, split),
    )
    return {row["digest"]: row["name"] for row in rows}

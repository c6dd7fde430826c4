"""Import the predictions of another program as a run beside ours, on the splits of a snapshot."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from peakid import documents, files
from peakid.curate import classes
from peakid.embed.named_images import NamedImages
from peakid.errors import BadInput
from peakid.evaluate import figures, predictions_table, report
from peakid.evaluate.predictions_table import N_SHOWN, PredictionsTable
from peakid.records import Snapshot
from peakid.remedies import action
from peakid.run_records import ImportedPredictions, RunWarning
from peakid.store import run_predictions, runs
from peakid.store.workspace import Workspace

MAX_NAME_CHARS = 100
SAME = 1e-3  # Difference up to which probabilities are equal: identical files have one image and two rows.
_SHOWN_CHARS = 60  # Of a path in a message.


@dataclass(frozen=True)
class ImportedRun:
    """The run that an import made.

    Attributes:
        n_images: Predicted images by split.
        n_missing: Images of these splits without a prediction, by split.
        n_elsewhere: Rows of images that are not in the snapshot, left out.
        n_unknown: Rows of no image of the workspace, left out.
        n_repeated: Further rows of an image with the same prediction, as identical files have.
        has_all_probabilities: Whether the table has the probability of every class.
    """

    run_id: int
    name: str
    n_images: Mapping[str, int]
    n_missing: Mapping[str, int] = field(default_factory=dict)
    n_elsewhere: int = 0
    n_unknown: int = 0
    n_repeated: int = 0
    has_all_probabilities: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return asdict(self)

    def text(self) -> str:
        """Return it for people."""
        per_split = ", ".join(f"{n:,} of {split}" for split, n in self.n_images.items())
        lines = [f"Run {self.run_id} has the predictions {self.name!r}: {per_split}."]
        if self.n_elsewhere:
            lines.append(f"{_rows(self.n_elsewhere)} of images that are not in the snapshot were left out.")
        if self.n_unknown:
            lines.append(f"{_rows(self.n_unknown)} of no image of this workspace were left out.")
        if missing := sum(self.n_missing.values()):
            lines.append(f"{missing:,} images of these splits have no prediction and are not scored.")
        if self.n_repeated:
            lines.append(f"{_rows(self.n_repeated)} repeat an image with the same prediction.")
        if not self.has_all_probabilities:
            lines.append(ONE_PROBABILITY)
        return " ".join(lines)


ONE_PROBABILITY = (
    "Only the probability of the predicted class is known; the rest is spread evenly over the other classes,"
    " so figures of the whole distribution, such as the log loss, mean little."
)


def import_predictions(
    workspace: Workspace,
    file: Path,
    snapshot: Snapshot,
    *,
    name: str | None = None,
    is_partial: bool = False,
    actor: str = "",
) -> ImportedRun:
    """Import predictions for the images of a snapshot; everything is checked before the first one is stored.

    Splits of which the table has no image are left out. The labels are those of the snapshot.

    Args:
        file: A table as `predictions_table.read` reads it.
        name: What to call the model; None = the name of the file.
        is_partial: Import although rows belong to no image, or images of a split have no row.
        actor: Who imports it.

    Raises:
        BadInput: With counts of all that does not fit.
        ExtraMissing: If it is a Parquet file and pyarrow is not installed.
    """
    file = files.expanded(file)
    called = _checked_name(file.stem if name is None or not name.strip() else name)
    table = predictions_table.read(file, _class_numbers(workspace, snapshot), snapshot.class_names)
    members = {
        row["image_id"]: (row["digest"], row["label"], row["split"])
        for row in workspace.query(
            "SELECT m.image_id, i.digest, m.label, m.split FROM snapshot_item m"
            " JOIN image i ON i.id = m.image_id WHERE m.snapshot_id = ? ORDER BY i.digest",
            (snapshot.snapshot_id,),
        )
    }
    ids = NamedImages(workspace).find_all(table.names)
    row_of = {each: n for n, each in enumerate(ids) if each is not None and each in members}
    n_images = Counter(members[image_id][2] for image_id in row_of)
    in_split = Counter(split for _, _, split in members.values())
    n_missing = {split: in_split[split] - n for split, n in n_images.items() if in_split[split] > n}
    _refuse(file, table, ids, n_images, n_missing, in_split, is_partial=is_partial)
    imported = ImportedRun(
        run_id=0,
        name=called,
        n_images={split: n_images[split] for split in report.SPLITS if n_images[split]},
        n_missing=n_missing,
        n_elsewhere=sum(image_id is not None and image_id not in members for image_id in ids),
        n_unknown=sum(image_id is None for image_id in ids),
        n_repeated=sum(image_id is not None for image_id in ids) - len({*ids} - {None}),
        has_all_probabilities=table.has_all_probabilities,
    )
    return _stored(workspace, snapshot, imported, file, table, row_of, members)


def _stored(
    workspace: Workspace,
    snapshot: Snapshot,
    imported: ImportedRun,
    file: Path,
    table: PredictionsTable,
    row_of: Mapping[int, int],
    members: Mapping[int, tuple[str, str, str]],
) -> ImportedRun:
    """Store a checked table as a run. An error leaves a failed run without a score."""
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    origin = ImportedPredictions(imported.name, file.name, sha256, table.has_all_probabilities)
    run_id = runs.create(
        workspace,
        job_id=None,
        snapshot_id=snapshot.snapshot_id,
        recipe={},
        class_names=snapshot.class_names,
        seed=0,
        code_version=runs.code_version(),
        libraries={},
        imported=origin,
    )
    metrics: dict[str, float] = {}
    try:
        for split in imported.n_images:
            some = [each for each in members if each in row_of and members[each][2] == split]
            pred_probs = table.pred_probs[[row_of[each] for each in some]]
            labels = [members[each][1] for each in some]
            digests = [members[each][0] for each in some]
            is_out = split != "train"
            run_predictions.add(
                workspace, run_id, split, digests, pred_probs, labels, is_out_of_sample=is_out
            )
            if split == "valid":
                column = np.array([snapshot.class_names.index(label) for label in labels])
                accuracy = float((pred_probs.argmax(axis=1) == column).mean())
                metrics = {"accuracy": accuracy, "n_valid": float(len(some))}
    except BaseException:
        runs.finish(workspace, run_id, "failed")
        raise
    runs.finish(workspace, run_id, "done", metrics=metrics, warnings=_warnings(imported))
    figures.keep_scores(workspace)
    return replace(imported, run_id=run_id)


def _class_numbers(workspace: Workspace, snapshot: Snapshot) -> dict[str, int]:
    """Return the column of each class of a snapshot, by all names it has or had."""
    current = classes.current_names(workspace)
    number = {current.get(name, name): n for n, name in reversed(list(enumerate(snapshot.class_names)))}
    found = {name: number[now] for name, now in current.items() if now in number}
    return found | {name: n for n, name in enumerate(snapshot.class_names)}


def _refuse(
    file: Path,
    table: PredictionsTable,
    ids: list[int | None],
    n_images: Mapping[str, int],
    n_missing: Mapping[str, int],
    in_split: Mapping[str, int],
    *,
    is_partial: bool,
) -> None:
    """Refuse rows that do not fit the images, with all counts in one message.

    Raises:
        BadInput: If there are any.
    """
    problems = []
    repeated = _repeated(table, ids)
    if repeated:
        images = "1 image has" if len(repeated) == 1 else f"{len(repeated):,} images have"
        first = _shown(table.names[repeated[0]])
        problems.append(f"{images} several rows with different predictions (the first is {first})")
    unknown = [name for name, image_id in zip(table.names, ids, strict=True) if image_id is None]
    if unknown and (not is_partial or len(unknown) == len(ids)):
        shown = ", ".join(_shown(each) for each in unknown[:N_SHOWN])
        belong = "belongs" if len(unknown) == 1 else "belong"
        problems.append(f"{_rows(len(unknown))} {belong} to no image of this workspace ({shown})")
    if not n_images and len(unknown) < len(ids):
        problems.append("none of its images is in the snapshot")
    if n_missing and not is_partial:
        per_split = ", ".join(f"{n:,} of {in_split[split]:,} of {split}" for split, n in n_missing.items())
        problems.append(f"images of the snapshot have no row: {per_split}")
    if not problems:
        return
    can_skip = not repeated and bool(n_images)
    raise BadInput(
        f"The predictions in {documents.shown_path(file.name)} cannot be imported: {'; '.join(problems)}.",
        "Correct the table, or import what fits." if can_skip else "Correct the table.",
        *([action("import_partial_predictions", file=str(file))] if can_skip else []),
    )


def _repeated(table: PredictionsTable, ids: list[int | None]) -> list[int]:
    """Return the row of each image that an earlier row predicts differently, once for each image."""
    first: dict[int, int] = {}
    found: dict[int, int] = {}
    for n, image_id in enumerate(ids):
        if image_id is None or (at := first.setdefault(image_id, n)) == n:
            continue
        if not np.allclose(table.pred_probs[n], table.pred_probs[at], atol=SAME):
            found.setdefault(image_id, n)
    return list(found.values())


def _warnings(imported: ImportedRun) -> list[RunWarning]:
    found = []
    for split, n in imported.n_missing.items():
        text = f"{n:,} images of {split} have no imported prediction: the score is of the others."
        found.append(RunWarning("incomplete", text))
    if not imported.has_all_probabilities:
        found.append(RunWarning("incomplete", ONE_PROBABILITY))
    return found


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise BadInput(
            f"Predictions cannot be called {documents.shown(name)}.",
            f"Choose a name of 1 to {MAX_NAME_CHARS} printable characters.",
        )
    return name


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _shown(name: str) -> str:
    return documents.shown(name, max_chars=_SHOWN_CHARS)

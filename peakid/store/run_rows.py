"""How the columns of a run become a record, also in rows that earlier versions wrote."""

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from peakid.recipe import architectures, loading
from peakid.records import Run
from peakid.run_records import ImportedPredictions, MeasuredScore, RunWarning, StartingWeights

_PLAIN = (
    *("job_id", "snapshot_id", "snapshot_digest", "snapshot_name", "state", "seed", "code_version"),
    *(
        "device",
        "n_ranks",
        "engine",
        "n_workers",
        "best_epoch",
        "path",
        "created_at",
        "finished_at",
        "seconds",
        "n_test_looks",
    ),
)
# Earlier versions wrote a sentence: `none: random weights (WHY)`, `file NAME sha256 DIGITS`, `download ...`.
_RANDOM_BEFORE = re.compile(r"none(?:: random weights(?: \((?P<why>.+)\))?)?")
_FILE_BEFORE = re.compile(r"(?P<how>file|download)(?: (?P<name>.+?))?(?: sha256 (?P<sha256>[0-9a-f]+))?")
_COLLAPSED_BEFORE = "The model collapsed"


def run_of(row: sqlite3.Row) -> Run:
    """Return the run of a row with all columns of `run` and those of its snapshot."""
    recipe = json.loads(row["recipe"])
    return Run(
        run_id=row["id"],
        **{name: row[name] for name in _PLAIN},
        recipe=recipe,
        class_names=json.loads(row["class_names"]),
        libraries=json.loads(row["libraries"]),
        metrics=json.loads(row["metrics"]),
        starting_weights=starting_weights(row["pretrained"], requested=recipe.get("pretrained", "")),
        warnings=[warning(each) for each in json.loads(row["warnings"])],
        imported=_imported(row["imported"]),
        score=score(row["score"]),
    )


def score(text: str | None) -> MeasuredScore | None:
    """Read the column `score`; None where it is empty, or a restored backup has something else in it."""
    try:
        found = json.loads(text or "null")
        low, high = (float(each) for each in found["interval"])
        return MeasuredScore(float(found["accuracy"]), (low, high), int(found["n_images"]))
    except (ValueError, TypeError, KeyError):
        return None


def starting_weights(text: str, *, requested: str = "") -> StartingWeights | None:
    """Read the column `pretrained`: JSON, or the sentence of an earlier version; None where it is empty.

    Args:
        requested: `pretrained` of the run's recipe: a sentence does not say that a file is another run's.
    """
    if not text:
        return None
    if text.startswith("{"):
        return StartingWeights(**json.loads(text))
    if match := _RANDOM_BEFORE.fullmatch(text):
        why = (match["why"] or "").replace("there are none for", "no published weights for")
        return StartingWeights("random", note="requested" if why == "asked for" else why)
    match = _FILE_BEFORE.fullmatch(text)
    name, sha256 = (match["name"] or "", match["sha256"] or "") if match else (text, "")
    run_id = loading.run_of(requested)
    if run_id is not None:
        return StartingWeights("run", name, sha256, run_id=run_id)
    is_published = any(name in each.weight_files for each in architectures.TABLE.values())
    note = "downloaded" if match and match["how"] == "download" else ""
    return StartingWeights("imagenet" if is_published else "file", name, sha256, note=note)


def warning(value: str | dict[str, Any]) -> RunWarning:
    """Read one element of the column `warnings`: an object, or the sentence of an earlier version."""
    if isinstance(value, str):
        return RunWarning("collapsed" if value.startswith(_COLLAPSED_BEFORE) else "other", value)
    return RunWarning(**value)


def _imported(text: str | None) -> ImportedPredictions | None:
    if text is None:
        return None
    found = json.loads(text)  # Of any shape in a restored backup.
    names = (str(found.get(name, "")) for name in ("name", "file_name", "sha256"))
    return ImportedPredictions(*names, has_all_probabilities=bool(found.get("has_all_probabilities")))


def weights_json(weights: StartingWeights | None) -> str:
    """Return the column `pretrained`."""
    return "" if weights is None else json.dumps(asdict(weights), ensure_ascii=False)


def warnings_json(warnings: Iterable[RunWarning]) -> str:
    """Return the column `warnings`."""
    return json.dumps([asdict(each) for each in warnings], ensure_ascii=False)

"""What used some images before they are removed: snapshots, runs, exports, and repositories on a hub."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from peakid.records import ExportStage
from peakid.store import exports, run_lineage, runs
from peakid.store.workspace import Workspace

MODELS_KEEP = (
    "A model keeps what it learned. To replace it: freeze a new snapshot, train again, and retire these"
    " exports. A pushed repository is removed on the Hub itself; copies given to others are not known here."
)


class HeldSnapshot(TypedDict):
    """A snapshot that contained `n_held` of the images."""

    snapshot_id: int
    digest: str
    name: str
    n_held: int


class HeldRun(TypedDict):
    """A run whose snapshot contained one of the images, or that started from the model of such a run.

    `started_from` is that run, None where its own snapshot contained an image.
    """

    run_id: int
    snapshot_digest: str
    started_from: int | None


class HeldPush(TypedDict):
    """A revision of a repository on a model hub that has the model of an export."""

    repository: str
    revision: str
    url: str
    is_public: bool
    pushed_at: str


class HeldExport(TypedDict):
    """An export of such a run. `path` is absolute; `pushed` lists where it was published, newest first."""

    export_id: int
    run_id: int
    path: str
    stage: ExportStage
    pushed: list[HeldPush]


@dataclass(frozen=True)
class PastUses:
    """What contained at least one of the images, or learned from one, in the order of creation."""

    snapshots: list[HeldSnapshot] = field(default_factory=list)
    runs: list[HeldRun] = field(default_factory=list)
    exports: list[HeldExport] = field(default_factory=list)


def of(workspace: Workspace, digests: Sequence[str]) -> PastUses:
    """Return the past uses of images. An image that was removed earlier still has its past uses."""
    parameters = {"digests": json.dumps(list(digests))}
    held = [
        HeldSnapshot(snapshot_id=row["id"], digest=row["digest"], name=row["name"], n_held=row["n"])
        for row in workspace.query(
            "SELECT s.id, s.digest, s.name, COUNT(*) AS n FROM snapshot s JOIN snapshot_item t"
            " ON t.snapshot_id = s.id WHERE t.image_id IN"
            " (SELECT id FROM image WHERE digest IN (SELECT value FROM json_each(:digests)))"
            " GROUP BY s.id ORDER BY s.id",
            parameters,
        )
    ]
    found_runs = _runs(workspace, {each["digest"] for each in held})
    return PastUses(held, found_runs, _exports(workspace, {each["run_id"] for each in found_runs}))


def _runs(workspace: Workspace, snapshots: set[str]) -> list[HeldRun]:
    every = {run.run_id: run for run in runs.list_runs(workspace, with_attributed=True)}
    direct = {run.run_id for run in every.values() if run.snapshot_digest in snapshots}
    later = run_lineage.built_on(direct, run_lineage.parents(every.values()))
    return [
        HeldRun(run_id=run_id, snapshot_digest=every[run_id].snapshot_digest, started_from=later.get(run_id))
        for run_id in sorted(direct | later.keys())
    ]


def _exports(workspace: Workspace, run_ids: set[int]) -> list[HeldExport]:
    pushes: dict[int, list[HeldPush]] = {}
    for each in exports.pushes(workspace):
        pushed = HeldPush(
            repository=each.repository,
            revision=each.revision,
            url=each.url,
            is_public=each.is_public,
            pushed_at=each.pushed_at,
        )
        pushes.setdefault(each.export_id, []).append(pushed)
    return [
        HeldExport(
            export_id=each.export_id,
            run_id=each.run_id,
            path=each.path,
            stage=each.stage,
            pushed=pushes.get(each.export_id, []),
        )
        for each in reversed(exports.list_exports(workspace))
        if each.run_id in run_ids
    ]

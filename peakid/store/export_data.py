"""The images that an exported model saw: those of its run, and of the runs that this one goes back to."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from peakid.records import Split
from peakid.store import exports, run_lineage, runs
from peakid.store.origins import FIRST_PATH
from peakid.store.workspace import Workspace


@dataclass(frozen=True)
class SeenImage:
    """One image that a model saw, with its first origin.

    Attributes:
        label: At the time of the snapshot.
        split: train = learned from, valid = the model was chosen by it, test = only scored.
        run_id: The run that saw it: that of the export, or an earlier one whose model the training started
            from. An image of both is listed under the run of the export.
        source: The kind of place it came from, such as folder; "" if it has no origin.
        path: Of its first origin; `(forgotten)` for an image that was removed for good.
        page_url, licence, author: As named by the first origin that names one; "" if none does.
        is_forgotten: It was removed for good after the training.
    """

    digest: str
    label: str
    split: Split
    run_id: int
    source: str
    path: str
    page_url: str
    licence: str
    author: str
    is_forgotten: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def images(workspace: Workspace, export_id: int) -> list[SeenImage]:
    """List the images that the model of an export saw, in the order of run, split and path.

    Raises:
        NotFound: If there is no such export.
    """
    seen: dict[str, SeenImage] = {}
    for run_id in saw_by_runs(workspace, export_id):
        for each in _of_run(workspace, run_id):
            seen.setdefault(each.digest, each)
    return list(seen.values())


def saw_by_runs(workspace: Workspace, export_id: int) -> list[int]:
    """Return the runs whose images the model of an export saw: its own first, then those it goes back to.

    Raises:
        NotFound: If there is no such export.
    """
    run_id = exports.show(workspace, export_id).run_id
    parent_of = run_lineage.parents(runs.list_runs(workspace, with_attributed=True))
    return [run_id, *run_lineage.ancestors(run_id, parent_of)]


def _of_run(workspace: Workspace, run_id: int) -> list[SeenImage]:
    credits = ", ".join(
        f"COALESCE((SELECT o.{name} FROM origin o WHERE o.image_id = i.id AND o.{name} IS NOT NULL"
        f" ORDER BY o.id LIMIT 1), '') AS {name}"
        for name in ("source", "page_url", "licence", "author")
    )
    rows = workspace.query(
        f"SELECT i.digest, t.label, t.split, {FIRST_PATH} AS path, {credits},"
        " EXISTS (SELECT 1 FROM tombstone d WHERE d.digest = i.digest) AS is_forgotten"
        " FROM run r JOIN snapshot_item t ON t.snapshot_id = r.snapshot_id JOIN image i ON i.id = t.image_id"
        " WHERE r.id = ? ORDER BY CASE t.split WHEN 'train' THEN 0 WHEN 'valid' THEN 1 ELSE 2 END, path,"
        " i.digest",
        (run_id,),
    )
    return [
        SeenImage(
            digest=row["digest"],
            label=row["label"],
            split=row["split"],
            run_id=run_id,
            source=row["source"],
            path=row["path"],
            page_url=row["page_url"],
            licence=row["licence"],
            author=row["author"],
            is_forgotten=bool(row["is_forgotten"]),
        )
        for row in rows
    ]


COLUMNS = tuple(each.name for each in fields(SeenImage))

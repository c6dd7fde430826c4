"""Commands for the registry of exports: list them, set their stage, see what data they saw."""

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from peakid import files
from peakid.cli import usage
from peakid.cli.frame import actor_option, emit, json_option, pass_workspace, table
from peakid.cli.output import credits_out
from peakid.dataset import credits
from peakid.dataset import snapshot as snapshots
from peakid.evaluate import figures, run_scores
from peakid.export_records import NO_FIGURES
from peakid.recipe import export_formats
from peakid.records import Export, ExportStage, Run, Snapshot
from peakid.store import export_data, exports, pulled_models, runs
from peakid.store.export_data import SeenImage
from peakid.store.pulled_models import PulledModel
from peakid.store.workspace import Workspace

N_LISTED = 20  # Images that `data` prints for people.
_FORMATS = {name: each for each, name in export_formats.FILE_NAMES.items()}
_KEYS = (
    *("export", "export_id", "stage", "is_proven_here", "pulled_from", "run_id", "accuracy"),
    *("accuracy_interval", "n_scored", "score", "snapshot_digest", "snapshot_name", "n_images", "formats"),
    *("parity", "figures", "path", "is_foreign", "created_at"),
)


@click.group("exports", cls=usage.Group, invoke_without_command=True)
@json_option
@click.pass_context
def exports_(context: click.Context, as_json: bool) -> None:
    """List the exported models with stage, figures and data, and set which one is in use."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json)


@exports_.command("list")
@json_option
@pass_workspace
def list_(workspace: Workspace, as_json: bool) -> None:
    """List all exports, newest first, with stage, score, formats, snapshot and number of images."""
    figures.keep_scores(workspace)
    by_id = {run.run_id: run for run in runs.list_runs(workspace, with_attributed=True)}
    frozen = {each.digest: each for each in snapshots.list_snapshots(workspace)}
    rows = [_document(each, by_id[each.run_id], frozen) for each in exports.list_exports(workspace)]
    pulled = [_pulled_document(each) for each in pulled_models.list_models(workspace)]
    columns = ["export", "stage", "run", "score", "snapshot", "saw", "formats", "created_at"]
    empty = "There is no export yet. Make one with: peakid export RUN"
    lines = [table([_line(row) for row in [*rows, *pulled]], columns, empty=empty)]
    if rows:
        lines.append("saw: images it learned from + was chosen by + was only scored on.")
    if pulled:
        lines.append("hub: pulled from the Hugging Face Hub. Its figures were measured elsewhere, not here.")
    emit(as_json, [*rows, *pulled], "\n".join(lines))


@exports_.command()
@click.argument("export", metavar="EXPORT")
@click.argument("stage", type=usage.Choice(get_args(ExportStage)))
@actor_option
@json_option
@pass_workspace
def stage(workspace: Workspace, export: str, stage: ExportStage, actor: str, as_json: bool) -> None:
    """Make EXPORT a candidate, the current one, or a retired one.

    One export is current. Making another one current retires the former one. `current` is accepted as EXPORT
    wherever a command takes one.
    """
    found = exports.find(workspace, export)
    former = [each.export_id for each in exports.list_exports(workspace) if each.stage == "current"]
    changed = exports.set_stage(workspace, found.export_id, stage, actor=actor)
    text = f"Export {changed.export_id} is {_STAGE_TEXT[changed.stage]}."
    if stage == "current" and former and former != [changed.export_id]:
        text += f" Export {former[0]} was it before and is retired."
    emit(as_json, {"export_id": changed.export_id, "before": found.stage, "stage": changed.stage}, text)


_STAGE_TEXT = {"candidate": "a candidate", "current": "the current one", "retired": "retired"}


@exports_.command()
@click.argument("export", metavar="[EXPORT]", required=False)
@json_option
@pass_workspace
def log(workspace: Workspace, export: str | None, as_json: bool) -> None:
    """List who set which stage when, of EXPORT or of all, newest first."""
    export_id = exports.find(workspace, export).export_id if export else None
    rows = [vars(each) for each in exports.stage_changes(workspace, export_id)]
    columns = ["export_id", "from_stage", "to_stage", "actor", "changed_at"]
    emit(as_json, rows, table(rows, columns, empty="No stage was set yet."))


@exports_.command()
@click.argument("export", metavar="EXPORT")
@click.option(
    "--csv",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all of them as CSV into FILE.",
)
@json_option
@pass_workspace
def data(workspace: Workspace, export: str, file: Path | None, as_json: bool) -> None:
    """List the images that EXPORT saw: digest, label, split, origin and licence.

    Its run learned from those of the split train, was chosen by valid, and was only scored on test. If its
    training started from the model of an earlier run, the images of that run are listed, too.
    """
    found = export_data.images(workspace, exports.find(workspace, export).export_id)
    if file is not None:
        files.write_text(files.expanded(file), _csv(found))
    emit(as_json, [each.to_json() for each in found], _data_text(found, file))


@exports_.command("credits")
@click.argument("export", metavar="EXPORT")
@credits_out.option
@json_option
@pass_workspace
def credits_(workspace: Workspace, export: str, out: Path | None, as_json: bool) -> None:
    """Say whose the images are that EXPORT saw: their number by licence, and files with every credit."""
    found = credits.of_export(workspace, exports.find(workspace, export).export_id)
    credits_out.show(found, out, as_json)


def _document(export: Export, run: Run, frozen: dict[str, Snapshot]) -> dict[str, Any]:
    made_from = frozen.get(run.snapshot_digest)
    score = run_scores.of(run, made_from) if made_from else None
    return {
        "export": str(export.export_id),
        "export_id": export.export_id,
        "stage": export.stage,
        "is_proven_here": True,
        "pulled_from": None,
        "run_id": export.run_id,
        "accuracy": score.share if score else None,
        "accuracy_interval": list(score.interval) if score else None,
        "n_scored": score.n_images if score else None,
        "score": score.text() if score else None,
        "snapshot_digest": run.snapshot_digest,
        "snapshot_name": run.snapshot_name,
        "n_images": dict(made_from.splits) if made_from else {},
        "formats": sorted({str(file["format"]) for file in export.files} & set(export_formats.FORMATS)),
        "parity": export.parity,
        "figures": asdict(export.figures),
        "path": export.path,
        "is_foreign": export.is_foreign,
        "created_at": export.created_at,
    }


def _pulled_document(model: PulledModel) -> dict[str, Any]:
    """Return a pulled model with the keys of an export; None where nothing is known of it here."""
    return dict.fromkeys(_KEYS) | {
        "export": f"{pulled_models.PREFIX}{model.repository}",
        "is_proven_here": False,
        "n_images": {},
        "formats": sorted({_FORMATS[each.name] for each in model.files if each.name in _FORMATS}),
        "parity": {},
        "figures": asdict(NO_FIGURES),
        "path": model.path,
        "is_foreign": True,
        "created_at": model.pulled_at,
        "pulled_from": model.url,
    }


def _line(row: dict[str, Any]) -> dict[str, Any]:
    counts = [str(row["n_images"][split]) for split in ("train", "valid", "test") if row["n_images"]]
    return row | {
        "run": row["run_id"],
        "snapshot": row["snapshot_name"] or (row["snapshot_digest"] or "-")[:12],
        "formats": ", ".join(row["formats"]),
        "saw": " + ".join(counts) or "-",
    }


def _data_text(found: list[SeenImage], file: Path | None) -> str:
    counted = {split: sum(each.split == split for each in found) for split in ("train", "valid", "test")}
    lines = [f"{len(found):,} images: {', '.join(f'{n:,} {split}' for split, n in counted.items())}."]
    if file is not None:
        return f"{lines[0]} They are in {file}."
    columns = ["digest", "label", "split", "run_id", "source", "path", "licence"]
    rows = [each.to_json() | {"digest": each.digest[:12]} for each in found[:N_LISTED]]
    lines.append(table(rows, columns, empty=""))
    if len(found) > N_LISTED:
        lines.append(f"... and {len(found) - N_LISTED:,} more: --csv FILE or --json gives all.")
    return "\n".join(lines)


def _csv(found: list[SeenImage]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, export_data.COLUMNS)
    writer.writeheader()
    writer.writerows(each.to_json() for each in found)
    return out.getvalue()

"""The commands that sort a folder of photos into albums, and take it back."""

import contextlib
import tempfile
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

import click

from peakid import files
from peakid.cli import usage
from peakid.cli.engines.options import engine_options, tell_death
from peakid.cli.frame import emit, json_option, terminal_report
from peakid.cli.output import terminal
from peakid.cli.serving.predict import export_folder
from peakid.engines import opening
from peakid.engines.shard_files import ShardFiles
from peakid.errors import BadInput
from peakid.job_settings import JobSettings
from peakid.jobs.maps import sorting as mapped
from peakid.records import Report
from peakid.serve import int8_gain
from peakid.serve.albums import kept, plan, writing
from peakid.serve.albums.journal import MODES, Mode
from peakid.serve.albums.photos import PredictFiles
from peakid.serve.albums.plan import AlbumPlan, AlbumRules
from peakid.serve.albums.writing import Sorted
from peakid.serve.int8_gain import Int8Gain
from peakid.serve.predictor import Predictor

MAX_LISTED = 10
threshold_option = click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1),
    help="Photos below this confidence go to the album `other`. Default: that of the export.",
)
mode_option = click.option(
    "--mode",
    default="copy",
    show_default=True,
    type=usage.Choice(MODES),
    help="How photos get into the albums. csv writes only the list; move empties FOLDER.",
)
groups_option = click.option(
    "--album",
    "groups",
    multiple=True,
    metavar="NAME=CLASS,CLASS",
    help="Similar classes that share an album. Can be repeated.",
)
nested_option = click.option(
    "--nested", "is_nested", is_flag=True, help="Albums of the classes inside those of --album."
)
twins_option = click.option("--split-twins", is_flag=True, help="Near-twins may go to different albums.")
unfamiliar_option = click.option(
    "--other-unfamiliar",
    "others_unfamiliar",
    is_flag=True,
    help="Photos that look like nothing the model learned go to the album `other` too.",
)


@click.command("sort")
@click.argument("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@threshold_option
@mode_option
@groups_option
@nested_option
@twins_option
@unfamiliar_option
@click.option(
    "--int8",
    "is_int8",
    is_flag=True,
    help="Predict with the ONNX int8 file of the export: faster, and nearly the same.",
)
@click.option("--dry-run", is_flag=True, help="Only say how many photos each album would get.")
@engine_options
@json_option
def sort_(
    export: str,
    folder: Path,
    out: Path,
    threshold: float | None,
    mode: Mode,
    groups: tuple[str, ...],
    is_nested: bool,
    split_twins: bool,
    others_unfamiliar: bool,
    is_int8: bool,
    dry_run: bool,
    job_settings: JobSettings,
    as_json: bool,
) -> None:
    """Sort the photos in FOLDER into albums in OUT, by the classes that EXPORT predicts.

    EXPORT is the number of an export, `current`, a pulled model as `hub:OWNER/NAME`, or a folder. Photos are
    copied unless --mode says otherwise. OUT gets a table of all photos, albums.csv. Sorting again with other
    options changes what differs, and predicts only photos that are new; peakid unsort OUT takes everything
    back.
    """
    folder, out = files.expanded(folder), files.expanded(out)
    merged = dict(map(group_of, groups))
    writing.check(folder, out, mode)
    with terminal_report() as report:
        place = export_folder(export)
        predictor = Predictor(place, n_threads=1, is_int8=is_int8)
        least = predictor.threshold if threshold is None else threshold
        rules = AlbumRules(least, merged, is_nested, not split_twins, others_unfamiliar)
        plan.check(predictor.class_names, rules)
        with predicting_elsewhere(place, folder, job_settings, is_int8=is_int8, report=report) as elsewhere:
            found, n_predicted = kept.predict(
                predictor, folder, out, is_kept=not dry_run, report=report, predict_files=elsewhere
            )
        # The times of the proof are not those of an engine's machines.
        is_unknown = is_int8 or opening.is_used(job_settings)
        gain = None if is_unknown else int8_gain.of(place, n_predicted)
        planned = plan.make(found, rules)
        done = None if dry_run else writing.write(planned, folder, out, mode=mode, report=report)
    for each in found.unreadable[:MAX_LISTED]:
        terminal.say(f"{each.path} cannot be read: {each.reason}", err=True)
    document = {
        "albums": planned.counts(),
        "n_predicted": n_predicted,
        "n_unreadable": len(found.unreadable),
        "unreadable": [{"path": each.path, "reason": each.reason} for each in found.unreadable],
        "n_twins": planned.n_twins,
        "out": str(out),
        **asdict(done or Sorted(0, 0, 0)),
        "int8_gain": asdict(gain) if gain else None,
    }
    lines = _lines(planned, len(found.unreadable), out, is_dry=dry_run)
    lines += [_gain_text(gain)] if gain else []
    emit(as_json, document, "\n".join(lines))


@contextlib.contextmanager
def predicting_elsewhere(
    export: Path, folder: Path, job_settings: JobSettings, *, is_int8: bool, report: Report
) -> Generator[PredictFiles | None]:
    """Yield what predicts photos in the workers of an engine, None where none is used.

    What the engine has used is said on stderr.
    """
    if not opening.is_used(job_settings):
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="peakid-") as place,
        opening.opened(job_settings, on_death=tell_death) as engine,
    ):
        yield lambda paths, n_before: mapped.predict_files(
            engine,
            ShardFiles(Path(place)),
            export,
            folder,
            paths,
            n_before=n_before,
            report=report,
            should_stop=lambda: False,
            is_int8=is_int8,
        )
        terminal.say(engine.use().text(), err=True)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@json_option
def unsort(out: Path, as_json: bool) -> None:
    """Take back what `peakid sort` put into OUT: made files are removed, and moved photos return."""
    with terminal_report() as report:
        done = writing.undo(files.expanded(out), report=report)
    lines = [f"Took back {done.n_removed:,} photos."]
    if done.left:
        lines.append(f"{len(done.left):,} stay, because they were changed since: {', '.join(done.left[:5])}")
    emit(as_json, {"n_removed": done.n_removed, "left": list(done.left)}, "\n".join(lines))


def group_of(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name and the classes of `NAME=CLASS,CLASS`.

    Raises:
        BadInput: If it has no name or no class.
    """
    name, separator, members = text.partition("=")
    classes = tuple(each.strip() for each in members.split(",") if each.strip())
    if not separator or not name.strip() or not classes:
        raise BadInput(f"--album {text[:80]!r} does not fit.", "Write it as NAME=CLASS,CLASS.")
    return name.strip(), classes


def _gain_text(gain: Int8Gain) -> str:
    return (
        f"With --int8 it would take about {gain.saved_s:,.0f} s less, by the times of the export's proof."
        f" That file predicts as the run does on {gain.n_agreeing:,} of {gain.n_images:,} validation images."
    )


def _lines(planned: AlbumPlan, n_unreadable: int, out: Path, *, is_dry: bool) -> list[str]:
    counts = planned.counts()
    verb = "would get" if is_dry else "has"
    width = max((len(name) for name in counts), default=0)
    lines = [f"{out} {verb} {len(planned.placements):,} photos in {len(counts):,} albums:"]
    lines += [f"  {name:{width}}  {n:,}" for name, n in counts.items()]
    if planned.n_twins:
        lines.append(f"{planned.n_twins:,} photos have a near-twin in the same album.")
    if n_unreadable:
        lines.append(f"{n_unreadable:,} files cannot be read and stay where they are.")
    return lines

"""How the terminal shows what an import read and what became of it."""

from collections.abc import Mapping
from pathlib import Path

from peakid.cli.output import remedies
from peakid.import_records import ImportNote, ImportReading
from peakid.records import ImportReport

SHOWN_REJECTIONS = 20  # Lines in the terminal. `--json` has all of them.
SHOWN_CLASSES = 20
LABELS_FROM = {
    "folders": "the names of folders",
    "table": "a table",
    "folders and table": "a table and the names of folders",
}


def of_report(imported: ImportReport, *, workspace: Path | None = None) -> str:
    """Return the result of an import: its counts, what it read, and the rejected files."""
    counts = f"{imported.n_added} added, {imported.n_known} already known, {imported.n_rejected} rejected"
    lines = [f"{counts}, in {imported.seconds:.1f} s.", *_reading_lines(imported.reading, workspace)]
    mended = _n_of(imported.n_mended, "stored image was", "stored images were")
    lines += [f"{mended} damaged or missing and written again."] if imported.n_mended else []
    listed = [row for row in imported.rejections if row.reason != "hidden"]
    lines += [f"  {row.path}: {row.reason}, {row.detail}" for row in listed[:SHOWN_REJECTIONS]]
    more = len(listed) - SHOWN_REJECTIONS
    return "\n".join(lines + ([f"  ... and {more} more. --json lists all of them."] if more > 0 else []))


def of_preview(reading: ImportReading) -> str:
    """Return what an import would read."""
    lines = [f"Would import {_n_of(reading.n_files, 'file', 'files')}, if they can be decoded."]
    return "\n".join([*lines, *_reading_lines(reading, None)])


def _reading_lines(reading: ImportReading, workspace: Path | None) -> list[str]:
    lines = []
    if reading.classes:
        source = LABELS_FROM.get(reading.label_source, "")
        lines.append(
            f"{_n_of(len(reading.classes), 'class', 'classes')} from {source}: {_counted(reading.classes)}."
        )
    if reading.n_unlabelled:
        lines.append(f"{_n_of(reading.n_unlabelled, 'file', 'files')} without a class.")
    if reading.splits:
        without = f"; {reading.n_without_split:,} without a split" if reading.n_without_split else ""
        lines.append(f"Splits: {_counted(reading.splits)}{without}.")
    if reading.skipped:
        hidden = f". Hidden: {_counted(reading.hidden)}" if reading.hidden else ""
        lines.append(f"Skipped: {_counted(reading.skipped)}{hidden}.")
    lines += [f"Check this: {_note(note, workspace)}" for note in reading.doubtful]
    return lines + [f"Note: {_note(note, workspace)}" for note in reading.notes]


def _n_of(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {n:,}" for name, n in list(counts.items())[:SHOWN_CLASSES]]
    more = len(counts) - SHOWN_CLASSES
    return ", ".join([*shown, *([f"and {more:,} more"] if more > 0 else [])])


def _note(note: ImportNote, workspace: Path | None) -> str:
    commands = remedies.commands(note.actions, workspace=workspace)
    use = f"Use: {' or '.join(commands)}" if commands else ""
    return " ".join(part for part in (note.message, note.remedy, use) if part)

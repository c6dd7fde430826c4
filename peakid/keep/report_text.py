"""What a backup or a restore reports besides its success, in lines for a page or a terminal."""

from collections.abc import Sequence

from peakid.keep import disk_space
from peakid.keep.backup import BackupReport
from peakid.keep.clean import Cleaning
from peakid.keep.restore import RestoreReport

SHOWN = 5


def of_backup(done: BackupReport) -> list[str]:
    """Return what the backup lacks."""
    return [
        *_digests(
            done.damaged,
            "is damaged and cannot be restored from this backup",
            "are damaged and cannot be restored from this backup",
        ),
        *_digests(done.missing, "has no stored copy", "have no stored copy"),
        *_names(done.unread, "could not be read"),
    ]


def left_out(done: BackupReport) -> list[str]:
    """Return what the backup does without, and what that means."""
    if not done.left_out:
        return []
    lines = [f"Left out: {'; '.join(each.text() for each in done.left_out)}."]
    if any(each.kind == "checkpoints" for each in done.left_out):
        lines.append("Without its checkpoints, an interrupted training starts anew after a restore.")
    return lines


def of_cleaning(done: Cleaning) -> list[str]:
    """Return what was removed, or would be, with sizes, and what stays."""
    verb = "Would remove" if done.is_dry_run else "Removed"
    if not done.removed:
        lines = [f"{verb} nothing: there is nothing that can be made again."]
    else:
        lines = [f"{verb} {disk_space.size_text(done.n_bytes)}:"]
        lines += [f"  {each.kind}: {each.text()}" for each in done.removed]
    if done.kept:
        lines.append("Left, because a job uses them or they cannot be made again:")
        lines += [f"  {each.kind}: {each.text()}" for each in done.kept]
    if done.on_request:
        lines.append("Removed only if they are named:")
        lines += [f"  {each.kind}: {each.text()}" for each in done.on_request]
    return lines


def of_restore(done: RestoreReport) -> list[str]:
    """Return what was left out, and what a person has to decide."""
    lines = [
        *_digests(done.damaged, "is damaged in the backup", "are damaged in the backup"),
        *_digests(done.missing, "is not in the backup", "are not in the backup"),
        *_names(done.unread, "damaged in the backup and left out"),
        *_names(done.skipped, "not an image of Peakid and left out"),
    ]
    if done.damaged or done.missing:
        lines.append("Import the original files again: labels and decisions are kept.")
    if done.foreign_roots:
        lines.append(
            f"{_n(done.n_waiting, 'image')} may be in folders that only the backup names, which are not read"
            f" until you accept them: {_some(done.foreign_roots)}."
        )
    if done.ended_jobs:
        lines.append(f"{_n(len(done.ended_jobs), 'job')} that ran or waited when the backup was made ended.")
    if done.runs_anew:
        verb = "has no checkpoint and cannot be continued: resuming starts it anew"
        many = "have no checkpoint and cannot be continued: resuming starts them anew"
        names = _some([f"run {run_id}" for run_id in done.runs_anew])
        is_one = len(done.runs_anew) == 1
        lines.append(f"{_n(len(done.runs_anew), 'interrupted run')} {verb if is_one else many}: {names}.")
    return lines


def _digests(digests: Sequence[str], one: str, many: str) -> list[str]:
    if not digests:
        return []
    verb = one if len(digests) == 1 else many
    return [f"{_n(len(digests), 'image')} {verb}: {_some([digest[:12] for digest in digests])}."]


def _names(names: Sequence[str], what: str) -> list[str]:
    return [f"{_n(len(names), 'file')} {what}: {_some(names)}."] if names else []


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def _n(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"

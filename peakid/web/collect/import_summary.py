"""What an import read and what became of it, as the Collect page shows it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.curate import waiting
from peakid.import_records import ImportNote, ImportReading, LabelSource
from peakid.jobs.job import Job
from peakid.jobs.results import ImportResult
from peakid.records import RejectionRow
from peakid.store.workspace import Workspace
from peakid.web import navigation, remedies, tables, words
from peakid.web.jobs import progress
from peakid.web.training import first_model

SHOWN_CLASSES, SHOWN_HIDDEN = 12, 5
_LABELS_FROM: dict[LabelSource, str] = {
    "folders": "from the names of folders",
    "table": "from a table",
    "folders and table": "from a table and the names of folders",
    "none": "",
}


def show_result(workspace: Workspace, job: Job, *, actor: str) -> None:
    """Say what an import added and read, offer the next step, and list every rejection with its reason."""
    found = job.result_as(ImportResult)
    if job.state != "done" or found is None or found.scan is None:
        return
    known = f", {found.n_known:,} already known" if found.n_known else ""
    added = f"Added {words.n_of(found.n_added, 'image')}{known}, in {progress.duration(job.seconds)}."
    if found.n_added or found.n_known:
        st.success(added, icon=":material/check:")
    else:
        st.error("Nothing was imported. The reasons are listed below.", icon=":material/block:")
    show_reading(workspace, found.reading, actor=actor, key=f"import:{job.job_id}")
    if n_groups := waiting.duplicates(workspace).n:  # As in the navigation, also when some are settled.
        groups = words.n_of(n_groups, "group")
        st.caption(
            f"The workspace has {groups} of duplicates to decide on. A snapshot puts each group into one "
            "split."
        )
    if found.n_added:
        _offer_next(workspace)
    rejections = [row for row in found.rejections if row.reason != "hidden"]
    if rejections:
        n_rejected = found.n_rejected - found.reading.skipped.get("hidden", 0)
        st.warning(f"Rejected {words.n_of(n_rejected, 'file')}, for the reasons listed here.")
        show_rejections(rejections)


def _offer_next(workspace: Workspace) -> None:
    """Offer the review, and before the first model the way to its score."""
    is_first = first_model.is_next(workspace)
    is_enough = is_first and not waiting.worth(workspace).n
    with st.container(horizontal=True):
        if st.button("Review the new images", type="secondary" if is_enough else "primary"):
            navigation.go("review")
        if is_first:
            first_model.button(workspace, kind="primary" if is_enough else "secondary")


def show_reading(workspace: Workspace, reading: ImportReading, *, actor: str, key: str) -> None:
    """Show classes, splits and what was skipped, and offer what can be done about what is doubtful.

    Args:
        key: Distinguishes these buttons from those of another reading on the same page.
    """
    for line in _lines(reading):
        st.markdown(line)
    for n, note in enumerate(reading.doubtful):
        st.warning(_text(note), icon=":material/help:")
        remedies.offer(workspace, note.actions, actor=actor, key=f"{key}:{n}")
    for note in reading.notes:
        st.caption(_text(note))


def show_skipped(reading: ImportReading) -> None:
    """Show why files would not be taken in, except hidden ones, which `show_reading` counts."""
    names: Mapping[str, str] = {**words.REASONS}
    skipped = {names[reason]: n for reason, n in reading.skipped.items() if reason != "hidden"}
    if skipped:
        reasons = "; ".join(f"{name} ({n:,})" for name, n in skipped.items())
        st.markdown(f"**Not imported**: {reasons}.")


def show_rejections(rows: Sequence[RejectionRow]) -> None:
    lines = [{"File": row.path, "Reason": words.REASONS[row.reason], "Detail": row.detail} for row in rows]
    tables.show(lines, height=min(38 + 35 * len(lines), 320))


def _lines(reading: ImportReading) -> list[str]:
    lines = []
    if reading.classes:
        n = len(reading.classes)
        classes = f"**{n:,} {'class' if n == 1 else 'classes'}** {_LABELS_FROM[reading.label_source]}"
        lines.append(f"{classes}: {_counted(reading.classes, SHOWN_CLASSES)}.")
    if reading.n_unlabelled:
        lines.append(f"**{words.n_of(reading.n_unlabelled, 'image')}** without a class.")
    if reading.splits:
        without = f"; {reading.n_without_split:,} without a split" if reading.n_without_split else ""
        lines.append(f"**Splits**: {_counted(reading.splits, len(reading.splits))}{without}.")
    if n_hidden := reading.skipped.get("hidden", 0):
        hidden = _counted(reading.hidden, SHOWN_HIDDEN)
        lines.append(f"**Skipped** {n_hidden:,} hidden or system files and folders: {hidden}.")
    return lines


def _counted(counts: Mapping[str, int], n_shown: int) -> str:
    shown = [f"{words.plain(name)} {n:,}" for name, n in list(counts.items())[:n_shown]]
    more = len(counts) - n_shown
    return ", ".join([*shown, *([f"and {more:,} more"] if more > 0 else [])])


def _text(note: ImportNote) -> str:
    return words.plain(f"{note.message} {note.remedy}".strip())

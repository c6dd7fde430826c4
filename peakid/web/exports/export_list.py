"""All exports in a table, the current one first; selecting a row opens that export."""

from collections.abc import Mapping, Sequence

import streamlit as st

from peakid.recipe.export_formats import FORMATS
from peakid.records import Export, ExportStage, Run, Snapshot
from peakid.web import address, names, tables, words
from peakid.web.exports.stage_control import TITLES


def show(
    exports: Sequence[Export], opened: Export, runs: Mapping[int, Run], snapshots: Mapping[str, Snapshot]
) -> None:
    """Draw the table.

    Args:
        exports: In the order of `ordered`.
        opened: The export that the page shows.
        runs: By id.
        snapshots: By digest.
    """
    key = f"exports:{opened.export_id}"
    # A new key for each opened export: a selection cannot be changed by the script.
    tables.show(
        [_line(export, runs.get(export.run_id), snapshots) for export in exports],
        key=key,
        on_select=lambda: _open(exports, key),
        height="content",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [exports.index(opened)]}},
    )


def ordered(exports: Sequence[Export]) -> list[Export]:
    """Return the current export, then candidates, then retired ones; each the newest first."""
    rank: dict[ExportStage, int] = {"current": 0, "candidate": 1, "retired": 2}
    return sorted(exports, key=lambda each: (rank[each.stage], -each.export_id))


def _line(export: Export, run: Run | None, snapshots: Mapping[str, Snapshot]) -> dict[str, str]:
    return {
        "Export": f"Export {export.export_id}",
        "Stage": TITLES[export.stage],
        "Run": names.run_name(export.run_id),
        "Validation accuracy": names.run_score(run, snapshots.get(run.snapshot_digest)) if run else "-",
        "Model": names.recipe_summary(run.recipe) if run else "-",
        "Snapshot": names.snapshot_of(run) if run else "-",
        "Formats": ", ".join(sorted({file["format"] for file in export.files} & set(FORMATS))),
        "Exported": words.ago(export.created_at),
    }


def _open(exports: Sequence[Export], key: str) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        address.write(export=exports[rows[0]].export_id)

"""The figures of an export are stored and read again; a shape that another version wrote counts as none."""

from collections.abc import Callable

from peakid import export_records
from peakid.export_records import (
    Disagreement,
    ExportFigures,
    FamiliarFigures,
    FormatFigures,
    Latency,
)
from peakid.records import Snapshot
from peakid.store import exports
from peakid.store.workspace import Workspace

FIGURES = ExportFigures(
    formats={
        "onnx-int8": FormatFigures(
            n_images=50,
            agreement=0.98,
            max_abs_diff=0.31,
            n_right=45,
            accuracy_interval=(0.786, 0.957),
            disagreements=(Disagreement("ab" * 32, "dom", "dom", 0.52, "eiger", 0.51),),
            one_image=Latency(4.1, 5.2, 100),
            batch=None,
        )
    },
    n_valid=50,
    machine="2 cores",
    familiar=FamiliarFigures(n_reference=200, n_valid=50, share=0.02, threshold=0.31),
)


def test_figures_are_read_as_they_were_stored(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    out = workspace.exports_dir / "run-1"
    kept = exports.add(workspace, run_id=add_run(frozen), path=out, files=[], parity={}, figures=FIGURES)
    assert exports.show(workspace, kept.export_id).figures == FIGURES
    assert FIGURES.formats["onnx-int8"].accuracy == 0.9
    assert exports.add(workspace, run_id=kept.run_id, path=out, files=[], parity={}).figures == (
        export_records.NO_FIGURES
    )


def test_figures_of_another_shape_count_as_none(
    workspace: Workspace, frozen: Snapshot, add_run: Callable[..., int]
) -> None:
    kept = exports.add(
        workspace, run_id=add_run(frozen), path=workspace.exports_dir / "one", files=[], parity={}
    )
    for stored in ("{}", '{"formats": [1]}', '{"formats": {"onnx": {"n_images": "many"}}}'):
        with workspace.transaction() as connection:
            connection.execute("UPDATE export SET figures = ?", (stored,))
        assert exports.show(workspace, kept.export_id).figures == export_records.NO_FIGURES
